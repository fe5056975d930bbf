// A line keeps its place by where its bytes stand in all that the host has printed, so that neither a new width nor text that
// is dropped at the beginning moves what somebody reads.

#include "live_pane.hpp"

#include <algorithm>

#include "fanout/console/columns.hpp"
#include "fanout/console/sanitize.hpp"

namespace fanout::report {

namespace {

constexpr std::size_t tab_columns = 8;
constexpr std::size_t longest_rest = 4096;  // of a line whose beginning is missing

// As a terminal would show it: what stands after the last carriage return has overwritten what was before.
std::string_view visible_part(std::string_view line) {
  while (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  const std::size_t carriage_return = line.rfind('\r');
  return carriage_return == std::string_view::npos ? line : line.substr(carriage_return + 1);
}

// Safe, with tabs spelt out.
std::string spelt_out(std::string_view line) {
  std::string text;
  std::size_t width = 0;
  for (;;) {
    const std::size_t tab = line.find('\t');
    const std::string piece = console::safe_line(line.substr(0, tab));
    text += piece;
    if (tab == std::string_view::npos) return text;
    width += console::columns(piece);
    const std::size_t spaces = tab_columns - width % tab_columns;
    text.append(spaces, ' ');
    width += spaces;
    line.remove_prefix(tab + 1);
  }
}

}  // namespace

void LivePane::wrap(std::string_view line, std::uint64_t at, std::size_t columns) {
  const std::string text = spelt_out(visible_part(line));
  std::string_view rest = text;
  std::uint64_t part = 0;
  do {
    const std::string_view piece = console::first_columns(rest, columns);
    lines_.push_back({at + std::min<std::uint64_t>(part++, line.size()), std::string(piece)});
    rest.remove_prefix(piece.size());
    if (piece.empty()) return;  // not even one character fits
  } while (!rest.empty());
}

void LivePane::set_text(std::uint64_t missing_bytes, std::string_view text, std::size_t columns) {
  lines_.clear();
  std::uint64_t at = missing_bytes;
  if (missing_bytes > 0) {
    const std::size_t end = text.substr(0, longest_rest).find('\n');
    if (end != std::string_view::npos) {
      at += end + 1;
      text.remove_prefix(end + 1);
    }
  }
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    wrap(text.substr(0, end), at, columns);
    const std::size_t taken = std::min(end + 1, text.size());
    at += taken;
    text.remove_prefix(taken);
  }
}

std::size_t LivePane::top(std::size_t lines) const {
  const std::size_t last_top = lines_.size() - std::min(lines, lines_.size());
  if (!top_at_) return last_top;
  const auto after =
      std::upper_bound(lines_.begin(), lines_.end(), *top_at_,
                       [](std::uint64_t at, const Line &line) { return at < line.at; });
  const auto place = static_cast<std::size_t>(after - lines_.begin());
  return std::min(place > 0 ? place - 1 : 0, last_top);
}

std::span<const LivePane::Line> LivePane::in_sight(std::size_t lines) const {
  const std::size_t first = top(lines);
  return std::span<const Line>(lines_).subspan(first, std::min(lines, lines_.size() - first));
}

void LivePane::scroll(std::ptrdiff_t by, std::size_t lines) {
  const auto last_top = static_cast<std::ptrdiff_t>(lines_.size() - std::min(lines, lines_.size()));
  const auto now = static_cast<std::ptrdiff_t>(top(lines));
  const std::ptrdiff_t moved = by < 0 ? std::max(-now, by) : std::min(last_top - now, by);
  const std::ptrdiff_t first = now + moved;
  top_at_.reset();
  if (first < last_top) top_at_ = lines_[static_cast<std::size_t>(first)].at;
}

}  // namespace fanout::report
