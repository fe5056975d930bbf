// The eight colours that every terminal has, in its own shades: they can be read on a light ground and on a dark one. No
// colour says what no word says.

#include "fanout/console/colors.hpp"

#include <fmt/format.h>

namespace fanout::console {

namespace {

std::string_view code_of(Style style) {
  switch (style) {
    case Style::title: return "1";
    case Style::good: return "32";
    case Style::bad: return "31";
    case Style::warning: return "33";
    case Style::dim: return "2";
    case Style::added: return "32";
    case Style::removed: return "31";
    case Style::place: return "36";
  }
  return "0";
}

}  // namespace

Colors Colors::choose(When when, bool terminal, std::string_view no_color, std::string_view term) {
  switch (when) {
    case When::automatic:
      return Colors(terminal && no_color.empty() && !term.empty() && term != "dumb");
    case When::always: return Colors(true);
    case When::never: return Colors(false);
  }
  return Colors(false);
}

std::string Colors::paint(Style style, std::string_view text) const {
  if (!on_ || text.empty()) return std::string(text);
  const bool ends_line = text.back() == '\n';
  if (ends_line) text.remove_suffix(1);
  return fmt::format("\x1b[{}m{}\x1b[0m{}", code_of(style), text, ends_line ? "\n" : "");
}

}  // namespace fanout::console
