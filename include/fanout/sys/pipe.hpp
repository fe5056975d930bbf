// Anonymous pipes and socket pairs; every end is close-on-exec and owned from the first line.
#pragma once

#include "fanout/core/result.hpp"
#include "fanout/sys/fd.hpp"

namespace fanout::sys {

struct Pipe {
  UniqueFd read_end;
  UniqueFd write_end;
};

// pipe2(2), O_CLOEXEC. Both ends block until set_nonblocking().
core::Result<Pipe> make_pipe();

// socketpair(2), AF_UNIX SOCK_STREAM, SOCK_CLOEXEC.
core::Result<std::pair<UniqueFd, UniqueFd>> make_socket_pair();
// The same; neither end blocks.
core::Result<std::pair<UniqueFd, UniqueFd>> make_nonblocking_socket_pair();

// The same of SOCK_SEQPACKET: messages keep their ends.
core::Result<std::pair<UniqueFd, UniqueFd>> make_packet_socket_pair();

core::Result<void> set_nonblocking(int fd);

}  // namespace fanout::sys
