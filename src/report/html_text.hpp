// A piece of HTML that cannot be anything else: markup comes from literals of this program alone, and whatever is known only
// when it runs goes in as text. Pure.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

#include <fmt/format.h>

namespace fanout::report {

// Made by the compiler, from a literal: no text of a host can become one.
class Markup {
public:
  consteval Markup(const char *literal) : text_(literal) {}  // NOLINT(google-explicit-constructor)
  [[nodiscard]] constexpr std::string_view text() const { return text_; }

private:
  std::string_view text_;
};

class Html {
public:
  Html &operator<<(Markup markup) {
    html_ += markup.text();
    return *this;
  }
  Html &operator<<(const Html &part) {
    html_ += part.html_;
    return *this;
  }

  // Any text, of one or more lines: what is not to be printed as it is is shown as an escape.
  Html &text(std::string_view text);
  // The same as one line, cut after so many columns; 0 is no limit.
  Html &line(std::string_view text, std::size_t max_columns = 0);
  Html &number(std::integral auto number) {
    html_ += fmt::format("{}", number);
    return *this;
  }
  // With at most so many decimals, and no zeros at the end of them.
  Html &decimal(double number, int decimals);

  [[nodiscard]] std::size_t size() const { return html_.size(); }
  [[nodiscard]] std::string take() && { return std::move(html_); }

private:
  void escaped(std::string_view safe);

  std::string html_;
};

}  // namespace fanout::report
