// One message with at most one descriptor over an AF_UNIX stream socket (unix(7), SCM_RIGHTS).
#pragma once

#include <string_view>

#include "fanout/core/deadline.hpp"
#include "fanout/core/result.hpp"
#include "fanout/sys/fd.hpp"

namespace fanout::sys {

// Sends `bytes` (not empty) with `fd` attached to the first byte. The receiver gets a duplicate; ours stays open. Blocks.
core::Result<void> send_with_fd(int socket, std::string_view bytes, int fd);

// One recvmsg(2): up to `size` bytes into `buffer`, and the descriptor that came with them, if any (close-on-exec).
// count 0 is end of file. Blocks unless the socket does not.
struct Received {
  std::size_t count = 0;
  bool would_block = false;
  UniqueFd fd;
};
core::Result<Received> receive_with_fd(int socket, char *buffer, std::size_t size);

}  // namespace fanout::sys
