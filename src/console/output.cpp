// Writing whole texts. What is hard: a descriptor that somebody else has made non-blocking (it is a property of the open
// file, shared with whoever handed it to us), and the line that a process which died with the lock left unfinished.

#include "fanout/console/output.hpp"

#include <poll.h>
#include <unistd.h>

#include "fanout/console/terminal.hpp"
#include "fanout/sys/io.hpp"

namespace fanout::console {

using core::ErrorKind;
using core::fail;
using core::Result;
using core::Stream;
using core::system_error;

namespace {

std::string_view name_of(Stream stream) {
  return stream == Stream::out ? "standard output" : "standard error";
}

}  // namespace

Output Output::standard(Lock &lock) {
  return {lock,
          {STDOUT_FILENO, console::is_terminal(STDOUT_FILENO)},
          {STDERR_FILENO, console::is_terminal(STDERR_FILENO)}};
}

std::size_t Output::columns(Stream stream) const { return terminal_columns(sink(stream).fd); }

Result<void> Output::write_unlocked(Stream stream, std::string_view text) {
  std::optional<core::Error> &failure = failures_[static_cast<std::size_t>(stream)];
  if (failure) return fail(*failure);
  if (!text.empty()) line_is_open_[line_of(stream)] = text.back() != '\n';
  const int fd = sink(stream).fd;
  while (!text.empty()) {
    const sys::Transfer wrote = sys::write_some(fd, text);
    switch (wrote.state) {
      case sys::Transfer::State::done: text.remove_prefix(wrote.count); break;
      case sys::Transfer::State::would_block: sys::wait_ready(fd, POLLOUT, core::Deadline()); break;
      case sys::Transfer::State::end:
      case sys::Transfer::State::failed:
        failure = system_error(ErrorKind::local, name_of(stream), wrote.error);
        return fail(*failure);
    }
  }
  return {};
}

Result<void> Output::write(Stream stream, std::string_view text) {
  if (text.empty()) return {};
  return Block(*this).write(stream, text);
}

Output::Block::Block(Output &output)
    : output_(output), guard_(output.lock_), line_to_finish_(guard_.took_over()) {}

Result<void> Output::Block::write(Stream stream, std::string_view text) {
  if (line_to_finish_) {
    line_to_finish_ = false;
    // A file gets no line that nobody wrote; the terminal does, whichever stream leads to it.
    const Stream other = stream == Stream::out ? Stream::err : Stream::out;
    if (output_.is_terminal(stream))
      TRY(output_.write_unlocked(stream, "\n"));
    else if (output_.is_terminal(other))
      output_.write_unlocked(other,
                             "\n");  // its failure is remembered, and is not one of this text
  }
  return output_.write_unlocked(stream, text);
}

}  // namespace fanout::console
