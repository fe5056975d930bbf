#include "fanout/sys/passing.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "fanout/sys/io.hpp"

namespace fanout::sys {

using core::ErrorKind;
using core::fail;
using core::Result;
using core::system_error;

Result<void> send_with_fd(int socket, std::string_view bytes, int fd) {
  // sendmsg(2) only reads the bytes; iovec has no const form.
  iovec data{const_cast<char *>(bytes.data()), bytes.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof fd)] = {};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr *header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof fd);
  std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
  ssize_t sent = 0;
  do sent = ::sendmsg(socket, &message, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  if (sent < 0) return fail(system_error(ErrorKind::local, "sendmsg", errno));
  // The descriptor went with the first byte; the rest of a short send is ordinary data.
  return write_all(socket, bytes.substr(static_cast<std::size_t>(sent)));
}

Result<Received> receive_with_fd(int socket, char *buffer, std::size_t size) {
  iovec data{buffer, size};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t got = 0;
  do got = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  while (got < 0 && errno == EINTR);
  Received received;
  if (got < 0) {
    if (errno != EAGAIN && errno != EWOULDBLOCK)
      return fail(system_error(ErrorKind::local, "recvmsg", errno));
    received.would_block = true;
    return received;
  }
  received.count = static_cast<std::size_t>(got);
  for (cmsghdr *header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
    received.fd = UniqueFd::adopt(fd);
  }
  return received;
}

}  // namespace fanout::sys
