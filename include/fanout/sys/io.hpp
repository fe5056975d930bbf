// Reading and writing descriptors: EINTR is handled here and nowhere else.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "fanout/core/deadline.hpp"
#include "fanout/core/result.hpp"
#include "fanout/sys/fd.hpp"

namespace fanout::sys {

// steady_clock::now(), CLOCK_MONOTONIC; through the vDSO.
inline core::TimePoint now() { return core::Clock::now(); }

// What one read or write attempt came to. `count` is meant only when state is `done`.
struct Transfer {
  enum class State { done, end, would_block, failed };
  State state = State::done;
  std::size_t count = 0;
  int error = 0;  // errno when failed
};

// What lies in a pipe or socket to be read (ioctl(2), FIONREAD); 0 for what is neither.
std::size_t readable_bytes(int fd);

// One read(2) of at most `size` bytes; `end` is end of file.
Transfer read_some(int fd, char *buffer, std::size_t size);
// One write(2). SIGPIPE is expected to be ignored; EPIPE arrives as failed.
Transfer write_some(int fd, std::string_view bytes);

// The same for sockets that may block: one send(2) or recv(2) that does not (MSG_DONTWAIT), and that sends no SIGPIPE.
Transfer send_some(int socket, std::string_view bytes);
Transfer receive_some(int socket, char *buffer, std::size_t size);

// Blocks until everything is written. On a non-blocking descriptor it polls. Fails with ErrorKind::timeout when the
// deadline passes, else ErrorKind::local with the text of errno.
core::Result<void> write_all(int fd, std::string_view bytes, core::Deadline deadline = {});

// Blocks until `size` bytes have been read into `buffer`; an end of file before that is ErrorKind::local.
core::Result<void> read_exactly(int fd, char *buffer, std::size_t size,
                                core::Deadline deadline = {});

// Waits until `fd` has one of the poll(2) events (POLLIN, POLLOUT) or an error state. False when the deadline passed.
bool wait_ready(int fd, short events, core::Deadline deadline);

// The whole file, at most `limit_bytes` (else ErrorKind::local). Opened O_CLOEXEC|O_NOCTTY|O_NONBLOCK, so a FIFO never
// blocks; anything but a regular file is refused.
core::Result<std::string> read_file(const std::string &path, std::size_t limit_bytes);

}  // namespace fanout::sys
