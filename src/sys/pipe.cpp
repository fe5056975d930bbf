#include "fanout/sys/pipe.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace fanout::sys {

using core::ErrorKind;
using core::fail;
using core::Result;
using core::system_error;

Result<Pipe> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail(system_error(ErrorKind::local, "pipe", errno));
  return Pipe{UniqueFd::adopt(ends[0]), UniqueFd::adopt(ends[1])};
}

namespace {

Result<std::pair<UniqueFd, UniqueFd>> make_pair_of(int type) {
  int ends[2];
  if (::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends) != 0)
    return fail(system_error(ErrorKind::local, "socketpair", errno));
  return std::pair{UniqueFd::adopt(ends[0]), UniqueFd::adopt(ends[1])};
}

}  // namespace

Result<std::pair<UniqueFd, UniqueFd>> make_socket_pair() { return make_pair_of(SOCK_STREAM); }

Result<std::pair<UniqueFd, UniqueFd>> make_nonblocking_socket_pair() {
  return make_pair_of(SOCK_STREAM | SOCK_NONBLOCK);
}

Result<std::pair<UniqueFd, UniqueFd>> make_packet_socket_pair() {
  return make_pair_of(SOCK_SEQPACKET);
}

Result<void> set_nonblocking(int fd) {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
    return fail(system_error(ErrorKind::local, "fcntl O_NONBLOCK", errno));
  return {};
}

}  // namespace fanout::sys
