// Colours of our own words on a terminal (ECMA-48, SGR). What hosts print never gets any, and never brings any along: it is
// made safe first (sanitize.hpp).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace fanout::console {

// What a text means; what it looks like is decided in one place.
enum class Style : std::uint8_t {
  title,    // whose output follows
  good,     // a host or a count that is ok
  bad,      // one that is not
  warning,  // neither: skipped, interrupted, incomplete
  dim,      // a label that repeats
  added,    // lines of a diff
  removed,
  place,  // where in the text a part of a diff stands
};

class Colors {
public:
  enum class When : std::uint8_t { automatic, always, never };

  // `no_color` and `term` are the variables NO_COLOR and TERM. Automatic is: a terminal that is not dumb, and NO_COLOR not
  // set to anything (no-color.org).
  static Colors choose(When when, bool terminal, std::string_view no_color, std::string_view term);

  Colors() = default;  // none
  explicit Colors(bool on) : on_(on) {}

  [[nodiscard]] bool on() const { return on_; }
  // `text`, which is safe, within the colours; as it is where there are none, and where it is empty. A newline at its end
  // stays outside of them.
  [[nodiscard]] std::string paint(Style style, std::string_view text) const;

private:
  bool on_ = false;
};

}  // namespace fanout::console
