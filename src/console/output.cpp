// Writing whole texts. What is hard: a descriptor that somebody else has made non-blocking (it is a property of the open
// file, shared with whoever handed it to us), and the line that a process which died with the lock left unfinished.

#include "fanout/console/output.hpp"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <climits>
#include <utility>

#include <fmt/format.h>

#include "fanout/console/terminal.hpp"
#include "fanout/sys/io.hpp"

namespace fanout::console {

using core::ErrorKind;
using core::fail;
using core::Result;
using core::Stream;
using core::system_error;

namespace {

constexpr core::Milliseconds patience{2'000};

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

void Output::give_up_on(int fd) {
  give_up_fd_ = fd;
  for (std::size_t i = 0; i < sinks_.size(); ++i) {
    struct stat facts {};
    can_block_[i] = ::fstat(sinks_[i].fd, &facts) != 0 || !S_ISREG(facts.st_mode);
  }
}

bool Output::wait_for_room(int fd) const {
  pollfd entries[2] = {{fd, POLLOUT, 0}, {give_up_fd_, POLLIN, 0}};
  while (entries[0].revents == 0) {
    ::poll(entries, 2, -1);
    if (entries[0].revents == 0 && entries[1].revents != 0)
      return sys::wait_ready(fd, POLLOUT, core::Deadline::in(patience, sys::now()));
  }
  return true;
}

Result<void> Output::write_unlocked(Stream stream, std::string_view text) {
  if (is_terminal(stream)) erase_line_unlocked();
  if (!text.empty()) line_is_open_[line_of(stream)] = text.back() != '\n';
  return send(stream, text);
}

Result<void> Output::send(Stream stream, std::string_view text) {
  std::optional<core::Error> &failure = failures_[static_cast<std::size_t>(stream)];
  if (failure) return fail(*failure);
  const int fd = sink(stream).fd;
  const bool in_pieces = give_up_fd_ >= 0 && can_block_[static_cast<std::size_t>(stream)];
  while (!text.empty()) {
    if (in_pieces && !wait_for_room(fd)) {
      failure =
          core::Error{ErrorKind::local, fmt::format("{}: its reader has stopped", name_of(stream))};
      return fail(*failure);
    }
    // A pipe with room takes that much without blocking (pipe(7)), and nobody else's text can stand inside it.
    const sys::Transfer wrote = sys::write_some(fd, in_pieces ? text.substr(0, PIPE_BUF) : text);
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

// Neither drawing nor erasing opens a line: where the next text begins, it is empty. A failure is remembered by send().
void Output::draw_line(std::string_view text) {
  const Lock::Guard guard(lock_);
  line_is_drawn_ = true;
  static_cast<void>(send(Stream::err, text));
}

void Output::erase_line() {
  if (!line_is_drawn_) return;
  const Lock::Guard guard(lock_);
  erase_line_unlocked();
}

void Output::erase_line_unlocked() {
  if (!std::exchange(line_is_drawn_, false)) return;
  static_cast<void>(send(Stream::err, "\r\x1b[K"));
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
