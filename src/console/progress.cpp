// A line is drawn from the first column and leaves the last one free: in the last one a terminal is about to wrap, and what
// comes next would stand on a line of its own.

#include "fanout/console/progress.hpp"

#include <poll.h>
#include <unistd.h>

#include <fmt/format.h>

#include "fanout/console/columns.hpp"
#include "fanout/sys/io.hpp"

namespace fanout::console {

using core::Stream;

namespace {

// To a terminal of another job, text would come in between what that one prints.
bool has_foreground(int fd) {
  const pid_t foreground = ::tcgetpgrp(fd);
  return foreground < 0 || foreground == ::getpgrp();
}

bool has_room(int fd) {
  return sys::wait_ready(fd, POLLOUT, core::Deadline(core::TimePoint::min()));
}

}  // namespace

ProgressLine::Form ProgressLine::choose(When when, bool terminal, std::string_view term) {
  const bool can_erase = terminal && !term.empty() && term != "dumb";
  switch (when) {
    case When::automatic: return can_erase ? Form::drawn : Form::none;
    case When::always: return can_erase ? Form::drawn : Form::lines;
    case When::never: return Form::none;
  }
  return Form::none;
}

void ProgressLine::draw(std::string_view text) {
  if (form_ == Form::none || output_.failure(Stream::err)) return;
  const int fd = output_.sink(Stream::err).fd;
  if (output_.line_is_open(Stream::err) || !has_room(fd)) return;
  if (form_ == Form::lines) {
    // A failure is remembered by the output.
    static_cast<void>(output_.write(Stream::err, fmt::format("{}\n", text)));
    return;
  }
  if (!has_foreground(fd)) return;
  const std::size_t width = output_.columns(Stream::err);
  output_.draw_line(fmt::format("\r{}\x1b[K", first_columns(text, width - 1)));
}

void ProgressLine::erase() { output_.erase_line(); }

}  // namespace fanout::console
