// A line is drawn from the first column and leaves the last one free: in the last one a terminal is about to wrap, and would
// erase that character instead of what is behind it. While it is drawn, nothing wraps (DECAWM): the window may be narrower
// than a moment ago, and some terminals take a character for wide that others do not.

#include "fanout/console/progress.hpp"

#include <poll.h>

#include <limits>

#include <fmt/format.h>

#include "fanout/console/terminal.hpp"
#include "fanout/sys/io.hpp"

namespace fanout::console {

using core::Stream;

namespace {

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

void ProgressLine::draw(const Compose &compose) {
  if (form_ == Form::none || output_.failure(Stream::err)) return;
  const int fd = output_.sink(Stream::err).fd;
  if (output_.line_is_open(Stream::err) || !has_room(fd)) return;
  if (form_ == Form::lines) {
    // A failure is remembered by the output.
    static_cast<void>(output_.write(
        Stream::err, fmt::format("{}\n", compose(std::numeric_limits<std::size_t>::max()))));
    return;
  }
  if (output_.is_holding() || !has_foreground(fd)) return;
  const std::string text = compose(output_.columns(Stream::err) - 1);
  if (text.empty()) return erase();
  output_.draw_line(fmt::format("\r\x1b[?7l{}\x1b[?7h\x1b[J\r", text));
}

void ProgressLine::erase() { output_.erase_line(); }

}  // namespace fanout::console
