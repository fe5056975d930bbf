#include "html_text.hpp"

#include "fanout/console/sanitize.hpp"

namespace fanout::report {

Html &Html::text(std::string_view text) {
  escaped(console::safe_text(text));
  return *this;
}

Html &Html::line(std::string_view text, std::size_t max_columns) {
  escaped(console::safe_line(text, max_columns));
  return *this;
}

Html &Html::decimal(double number, int decimals) {
  std::string text = fmt::format("{:.{}f}", number, decimals);
  if (text.find('.') != std::string::npos) {
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
  }
  html_ += text == "-0" ? "0" : text;
  return *this;
}

void Html::escaped(std::string_view safe) {
  for (;;) {
    const std::size_t special = safe.find_first_of("&<>\"'");
    html_ += safe.substr(0, special);
    if (special == std::string_view::npos) return;
    switch (safe[special]) {
      case '&': html_ += "&amp;"; break;
      case '<': html_ += "&lt;"; break;
      case '>': html_ += "&gt;"; break;
      case '"': html_ += "&quot;"; break;
      default: html_ += "&#39;"; break;
    }
    safe.remove_prefix(special + 1);
  }
}

}  // namespace fanout::report
