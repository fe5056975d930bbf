// Writing whole texts. What is hard: a descriptor that somebody else has made non-blocking (it is a property of the open
// file, shared with whoever handed it to us), and the line that a process which died with the lock left unfinished.
//
// What waits while somebody else draws on the terminal is one file of pieces, a head and then its text. The file ends after
// the last whole piece, also when the disk was full.

#include "fanout/console/output.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstdint>
#include <string>
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
constexpr int pause_ms = 10;
constexpr std::size_t released_at_once = std::size_t{64} << 10;

struct PieceHead {
  std::uint64_t bytes = 0;
  Stream stream = Stream::out;
};

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
    if (sinks_[i].terminal)
      unblocked_[i] =
          sys::UniqueFd::adopt(::open(fmt::format("/proc/self/fd/{}", sinks_[i].fd).c_str(),
                                      O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  }
}

bool Output::is_given_up() const {
  return give_up_fd_ >= 0 &&
         sys::wait_ready(give_up_fd_, POLLIN, core::Deadline(core::TimePoint::min()));
}

bool Output::wait_for_room(int fd) const {
  if (gives_up_soon_) return sys::wait_ready(fd, POLLOUT, core::Deadline::in(patience, sys::now()));
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
  const auto index = static_cast<std::size_t>(stream);
  std::optional<core::Error> &failure = failures_[index];
  if (failure) return fail(*failure);
  if (is_holding() && is_terminal(stream)) {
    keep(stream, text);
    return {};
  }
  const int fd = unblocked_[index] ? unblocked_[index].get() : sink(stream).fd;
  std::optional<core::Deadline> full_until;  // a terminal with room for less than a character
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
      case sys::Transfer::State::done:
        text.remove_prefix(wrote.count);
        full_until.reset();
        break;
      case sys::Transfer::State::would_block:
        if (!in_pieces) {
          sys::wait_ready(fd, POLLOUT, core::Deadline());
          break;
        }
        if (!full_until && (gives_up_soon_ || is_given_up()))
          full_until = core::Deadline::in(patience, sys::now());
        if (full_until && full_until->passed(sys::now())) {
          failure = core::Error{ErrorKind::local,
                                fmt::format("{}: its reader has stopped", name_of(stream))};
          return fail(*failure);
        }
        ::poll(nullptr, 0, pause_ms);
        break;
      case sys::Transfer::State::end:
      case sys::Transfer::State::failed:
        failure = system_error(ErrorKind::local, name_of(stream), wrote.error);
        return fail(*failure);
    }
  }
  return {};
}

// --- while somebody else draws on the terminal ----------------------------------------------------------------------------

Result<void> Output::hold(const OpenFile &open) {
  if (is_holding() || (!is_terminal(Stream::out) && !is_terminal(Stream::err))) return {};
  erase_line();
  TRY_ASSIGN(held_, open());
  return {};
}

void Output::keep(Stream stream, std::string_view text) {
  if (text.empty()) return;
  const off_t end = ::lseek(held_.get(), 0, SEEK_CUR);
  PieceHead head;
  head.bytes = text.size();
  head.stream = stream;
  auto kept = sys::write_all(held_.get(), {reinterpret_cast<const char *>(&head), sizeof head});
  if (kept) kept = sys::write_all(held_.get(), text);
  if (kept) return;
  if (end >= 0 && ::ftruncate(held_.get(), end) == 0) ::lseek(held_.get(), end, SEEK_SET);
  if (!lost_while_held_) lost_while_held_ = std::move(kept).error().within("temporary file");
}

void Output::release() {
  if (!is_holding()) return;
  const sys::UniqueFd file = std::move(held_);
  const Lock::Guard guard(lock_);
  if (const auto read = release_from(file.get()); !read && !lost_while_held_)
    lost_while_held_ = read.error().within("temporary file");
}

Result<void> Output::release_from(int file) {
  const off_t end = ::lseek(file, 0, SEEK_CUR);
  std::string piece;
  ::lseek(file, 0, SEEK_SET);
  for (off_t at = 0; at < end && !is_given_up();) {
    PieceHead head;
    TRY(sys::read_exactly(file, reinterpret_cast<char *>(&head), sizeof head));
    at += static_cast<off_t>(sizeof head + head.bytes);
    while (head.bytes > 0 && !is_given_up()) {
      piece.resize(static_cast<std::size_t>(std::min<std::uint64_t>(head.bytes, released_at_once)));
      TRY(sys::read_exactly(file, piece.data(), piece.size()));
      head.bytes -= piece.size();
      // Its failure is remembered; the other stream may go on.
      static_cast<void>(send(head.stream, piece));
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
  // Stopped, and continued in the background: what stands there is the shell's.
  if (!has_foreground(sink(Stream::err).fd)) return;
  // From the second column on: what is erased from the very first one of a screen, tmux keeps in its history.
  static_cast<void>(send(Stream::err, "\r \x1b[J\r"));
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
