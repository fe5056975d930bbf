#include "fanout/sys/io.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace fanout::sys {

using core::Deadline;
using core::ErrorKind;
using core::fail;
using core::Result;
using core::system_error;

namespace {

Transfer transferred(ssize_t result) {
  if (result >= 0) return {Transfer::State::done, static_cast<std::size_t>(result), 0};
  if (errno == EAGAIN || errno == EWOULDBLOCK) return {Transfer::State::would_block, 0, 0};
  return {Transfer::State::failed, 0, errno};
}

}  // namespace

std::size_t readable_bytes(int fd) {
  int count = 0;
  return ::ioctl(fd, FIONREAD, &count) == 0 && count > 0 ? static_cast<std::size_t>(count) : 0;
}

Transfer read_some(int fd, char *buffer, std::size_t size) {
  ssize_t result = 0;
  do result = ::read(fd, buffer, size);
  while (result < 0 && errno == EINTR);
  if (result == 0 && size > 0) return {Transfer::State::end, 0, 0};
  return transferred(result);
}

Transfer write_some(int fd, std::string_view bytes) {
  ssize_t result = 0;
  do result = ::write(fd, bytes.data(), bytes.size());
  while (result < 0 && errno == EINTR);
  return transferred(result);
}

Transfer send_some(int socket, std::string_view bytes) {
  ssize_t result = 0;
  do result = ::send(socket, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  while (result < 0 && errno == EINTR);
  return transferred(result);
}

Transfer receive_some(int socket, char *buffer, std::size_t size) {
  ssize_t result = 0;
  do result = ::recv(socket, buffer, size, MSG_DONTWAIT);
  while (result < 0 && errno == EINTR);
  if (result == 0 && size > 0) return {Transfer::State::end, 0, 0};
  return transferred(result);
}

bool wait_ready(int fd, short events, Deadline deadline) {
  for (;;) {
    pollfd entry{fd, events, 0};
    const int ready = ::poll(&entry, 1, deadline.poll_timeout(now()));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return true;  // let the read or write report what is wrong
    if (deadline.passed(now())) return false;
  }
}

Result<void> write_all(int fd, std::string_view bytes, Deadline deadline) {
  while (!bytes.empty()) {
    // A blocking descriptor would hold us past the deadline, so it is asked first.
    if (!deadline.never() && !wait_ready(fd, POLLOUT, deadline))
      return fail(ErrorKind::timeout, "write: timed out");
    const Transfer wrote = write_some(fd, bytes);
    if (wrote.state == Transfer::State::failed)
      return fail(system_error(ErrorKind::local, "write", wrote.error));
    if (wrote.state == Transfer::State::would_block && !wait_ready(fd, POLLOUT, deadline))
      return fail(ErrorKind::timeout, "write: timed out");
    bytes.remove_prefix(wrote.count);
  }
  return {};
}

Result<void> read_exactly(int fd, char *buffer, std::size_t size, Deadline deadline) {
  while (size > 0) {
    if (!wait_ready(fd, POLLIN, deadline)) return fail(ErrorKind::timeout, "read: timed out");
    const Transfer got = read_some(fd, buffer, size);
    if (got.state == Transfer::State::end) return fail(ErrorKind::local, "read: unexpected end");
    if (got.state == Transfer::State::failed)
      return fail(system_error(ErrorKind::local, "read", got.error));
    buffer += got.count;
    size -= got.count;
  }
  return {};
}

Result<std::string> read_file(const std::string &path, std::size_t limit_bytes) {
  const UniqueFd file =
      UniqueFd::adopt(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!file) return fail(system_error(ErrorKind::local, "open " + path, errno));
  struct stat facts {};
  if (::fstat(file.get(), &facts) != 0)
    return fail(system_error(ErrorKind::local, "stat " + path, errno));
  if (!S_ISREG(facts.st_mode)) return fail(ErrorKind::local, path + ": not a regular file");
  std::string text;
  char buffer[16 * 1024];
  for (;;) {
    const Transfer got = read_some(file.get(), buffer, sizeof buffer);
    if (got.state == Transfer::State::end) return text;
    if (got.state != Transfer::State::done)
      return fail(system_error(ErrorKind::local, "read " + path, got.error));
    if (text.size() + got.count > limit_bytes)
      return fail(ErrorKind::local,
                  path + ": larger than " + std::to_string(limit_bytes) + " bytes");
    text.append(buffer, got.count);
  }
}

}  // namespace fanout::sys
