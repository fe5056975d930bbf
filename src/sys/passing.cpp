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

Result<void> send_packet(int socket, std::string_view bytes, std::span<const int> fds) {
  if (fds.size() > max_packet_fds)
    return fail(ErrorKind::internal, "a packet with too many descriptors");
  iovec data{const_cast<char *>(bytes.data()), bytes.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(max_packet_fds * sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  if (!fds.empty()) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(fds.size_bytes());
    cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(header), fds.data(), fds.size_bytes());
  }
  ssize_t sent = 0;
  do sent = ::sendmsg(socket, &message, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  if (sent < 0) return fail(system_error(ErrorKind::local, "sendmsg", errno));
  return {};
}

Result<Packet> receive_packet(int socket, char *buffer, std::size_t size) {
  iovec data{buffer, size};
  alignas(cmsghdr) char control[CMSG_SPACE(max_packet_fds * sizeof(int))];
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t got = 0;
  do got = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  while (got < 0 && errno == EINTR);
  if (got < 0) return fail(system_error(ErrorKind::local, "recvmsg", errno));
  Packet packet;
  packet.count = static_cast<std::size_t>(got);
  for (cmsghdr *header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(header) + i * sizeof fd, sizeof fd);
      packet.fds.push_back(UniqueFd::adopt(fd));
    }
  }
  // A descriptor for which this process had no room is dropped by the kernel with this flag alone.
  if ((message.msg_flags & MSG_CTRUNC) != 0)
    return fail(system_error(ErrorKind::local, "recvmsg", EMFILE));
  if ((message.msg_flags & MSG_TRUNC) != 0)
    return fail(system_error(ErrorKind::local, "recvmsg", EMSGSIZE));
  return packet;
}

}  // namespace fanout::sys
