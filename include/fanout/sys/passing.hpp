// Descriptors over AF_UNIX sockets (unix(7), SCM_RIGHTS).
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "fanout/core/deadline.hpp"
#include "fanout/core/result.hpp"
#include "fanout/sys/fd.hpp"

namespace fanout::sys {

// Sends `bytes` (not empty) with `fd` attached to the first byte. The receiver gets a duplicate; ours stays open. Blocks.
core::Result<void> send_with_fd(int socket, std::string_view bytes, int fd);

// One recvmsg(2): up to `size` bytes into `buffer`, and the descriptor that came with them, if any (close-on-exec).
// count 0 is end of file. Blocks unless the socket does not, or `flags` is MSG_DONTWAIT.
struct Received {
  std::size_t count = 0;
  bool would_block = false;
  UniqueFd fd;
};
core::Result<Received> receive_with_fd(int socket, char *buffer, std::size_t size, int flags = 0);

// Over SOCK_SEQPACKET sockets: one message, whole or not at all, with at most max_packet_fds descriptors.
inline constexpr std::size_t max_packet_fds = 253;  // SCM_MAX_FD of Linux

// The receiver gets duplicates. Blocks while the socket is full. ErrorKind::internal for more than max_packet_fds.
core::Result<void> send_packet(int socket, std::string_view bytes, std::span<const int> fds = {});

struct Packet {
  std::size_t count = 0;  // 0 is end of file
  std::vector<UniqueFd> fds;
};
// Blocks. ErrorKind::local when the message was larger than `size`, or when there was no room for its descriptors.
core::Result<Packet> receive_packet(int socket, char *buffer, std::size_t size);

}  // namespace fanout::sys
