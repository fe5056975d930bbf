#include "fanout/sys/passing.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

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

namespace {

// One recvmsg(2).
struct Message {
  ssize_t count = 0;  // negative: errno says why
  int flags = 0;
  std::vector<UniqueFd> fds;
};

// What is longer than its use is not cleared: the kernel writes what is read of it.
struct ControlBuffer {
  alignas(cmsghdr) char bytes[CMSG_SPACE(max_packet_fds * sizeof(int))];
};

Message receive_message(int socket, char *buffer, std::size_t size, int flags) {
  iovec data{buffer, size};
  ControlBuffer control __attribute__((uninitialized));
  msghdr header{};
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  header.msg_control = control.bytes;
  header.msg_controllen = sizeof control.bytes;
  Message message;
  do message.count = ::recvmsg(socket, &header, MSG_CMSG_CLOEXEC | flags);
  while (message.count < 0 && errno == EINTR);
  if (message.count < 0) return message;
  message.flags = header.msg_flags;
  for (cmsghdr *part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    message.fds.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(part) + i * sizeof fd, sizeof fd);
      message.fds.push_back(UniqueFd::adopt(fd));
    }
  }
  return message;
}

}  // namespace

Result<Received> receive_with_fd(int socket, char *buffer, std::size_t size, int flags) {
  Message message = receive_message(socket, buffer, size, flags);
  Received received;
  if (message.count < 0) {
    if (errno != EAGAIN && errno != EWOULDBLOCK)
      return fail(system_error(ErrorKind::local, "recvmsg", errno));
    received.would_block = true;
    return received;
  }
  received.count = static_cast<std::size_t>(message.count);
  if (!message.fds.empty()) received.fd = std::move(message.fds.back());
  return received;
}

Result<void> send_packet(int socket, std::string_view bytes, std::span<const int> fds) {
  if (fds.size() > max_packet_fds)
    return fail(ErrorKind::internal, "a packet with too many descriptors");
  iovec data{const_cast<char *>(bytes.data()), bytes.size()};
  ControlBuffer control __attribute__((uninitialized));
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  if (!fds.empty()) {
    message.msg_control = control.bytes;
    message.msg_controllen = CMSG_SPACE(fds.size_bytes());
    std::memset(control.bytes, 0, message.msg_controllen);
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
  Message message = receive_message(socket, buffer, size, 0);
  if (message.count < 0) return fail(system_error(ErrorKind::local, "recvmsg", errno));
  // A descriptor for which this process had no room is dropped by the kernel with this flag alone.
  if ((message.flags & MSG_CTRUNC) != 0)
    return fail(system_error(ErrorKind::local, "recvmsg", EMFILE));
  if ((message.flags & MSG_TRUNC) != 0)
    return fail(system_error(ErrorKind::local, "recvmsg", EMSGSIZE));
  return Packet{static_cast<std::size_t>(message.count), std::move(message.fds)};
}

}  // namespace fanout::sys
