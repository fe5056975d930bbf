#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "fanout/console/columns.hpp"
#include "fanout/console/sanitize.hpp"

namespace {

using fanout::console::safe_line;
using fanout::console::safe_text;
using fanout::console::Sanitizer;
using namespace std::string_literals;

// `text` in two pieces, cut at every possible place.
std::vector<std::string> split_everywhere(const std::string &text) {
  std::vector<std::string> results;
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    Sanitizer sanitizer;
    std::string safe;
    sanitizer.feed(std::string_view(text).substr(0, cut), safe);
    sanitizer.feed(std::string_view(text).substr(cut), safe);
    sanitizer.finish(safe);
    results.push_back(safe);
  }
  return results;
}

// What must never reach a terminal, whatever went in.
bool is_safe(std::string_view text) {
  for (const char character : text) {
    const auto byte = static_cast<unsigned char>(character);
    if ((byte < 0x20 && byte != '\t' && byte != '\n') || byte == 0x7f) return false;
  }
  // C1 controls as UTF-8 are C2 80 to C2 9F.
  for (std::size_t i = 0; i + 1 < text.size(); ++i)
    if (text[i] == '\xc2' && static_cast<unsigned char>(text[i + 1]) < 0xa0) return false;
  return true;
}

}  // namespace

TEST_CASE("sanitize: plain text, tabs and newlines pass", "[console]") {
  CHECK(safe_text("a\tb\nc\n") == "a\tb\nc\n");
  CHECK(safe_text("back\\slash") == "back\\slash");
  CHECK(safe_text("").empty());
}

TEST_CASE("sanitize: valid UTF-8 of every length passes", "[console]") {
  const std::string text = "Grüße, naïve, 漢字, Привет, 🙂, \u200d\u200c";
  CHECK(safe_text(text) == text);
  // The borders of every length and of the surrogates.
  for (const auto *border : {"\xc2\xa0", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
                             "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"})
    CHECK(safe_text(border) == border);
}

TEST_CASE("sanitize: control characters are shown", "[console]") {
  CHECK(safe_text("a\x1b[31mred") == "a\\x1b[31mred");
  CHECK(safe_text("\a\b\v\f\x7f") == "\\x07\\x08\\x0b\\x0c\\x7f");
  CHECK(safe_text("\0"s) == "\\x00");
  CHECK(safe_text("50%\r100%\r\n") == "50%\\r100%\\r\n");
}

TEST_CASE("sanitize: a title, a clipboard and a device control string become plain text",
          "[console]") {
  CHECK(safe_text("\x1b]0;title\a") == "\\x1b]0;title\\x07");
  CHECK(safe_text("\x1b]52;c;cm0gLXJm\x1b\\") == "\\x1b]52;c;cm0gLXJm\\x1b\\");
  CHECK(safe_text("\x1bP$q\"p\x1b\\") == "\\x1bP$q\"p\\x1b\\");
}

TEST_CASE("sanitize: C1 controls are shown, as UTF-8 and as single bytes", "[console]") {
  CHECK(safe_text("\xc2\x9b"
                  "31m") == "\\u009b31m");
  CHECK(safe_text("\xc2\x80\xc2\x9f\xc2\xa0") == "\\u0080\\u009f\xc2\xa0");
  CHECK(safe_text("\x9b"
                  "31m\x90") == "\\x9b31m\\x90");
}

TEST_CASE("sanitize: characters that reorder or hide text are shown", "[console]") {
  CHECK(safe_text("a\u202eb\u202c") == "a\\u202eb\\u202c");
  CHECK(safe_text("\u2066\u2069\u200e\u200f\u061c") == "\\u2066\\u2069\\u200e\\u200f\\u061c");
  CHECK(safe_text("\ufeff\u2028\u2029\u200b\u00ad") == "\\ufeff\\u2028\\u2029\\u200b\\u00ad");
  CHECK(safe_text("\U000e0041") == "\\U000e0041");
  CHECK(safe_text("\u115f\u3164\uffa0") == "\\u115f\\u3164\\uffa0");
  CHECK(safe_text("\U0001bca0\U0001d173\U000e0fff") == "\\U0001bca0\\U0001d173\\U000e0fff");
}

TEST_CASE("sanitize: variation selectors pass", "[console]") {
  const std::string text = "\u2764\ufe0f \u845b\U000e0100";
  CHECK(safe_text(text) == text);
}

TEST_CASE("sanitize: bytes that are not UTF-8 are shown one by one", "[console]") {
  CHECK(safe_text("caf\xe9 au") == "caf\\xe9 au");
  CHECK(safe_text("\xff\xfe") == "\\xff\\xfe");
  CHECK(safe_text("\xc0\x9b") == "\\xc0\\x9b");           // over-long
  CHECK(safe_text("\xe0\x80\x9b") == "\\xe0\\x80\\x9b");  // over-long
  CHECK(safe_text("\xf0\x80\x80\x9b") == "\\xf0\\x80\\x80\\x9b");
  CHECK(safe_text("\xed\xa0\x80") == "\\xed\\xa0\\x80");           // a surrogate
  CHECK(safe_text("\xf4\x90\x80\x80") == "\\xf4\\x90\\x80\\x80");  // beyond Unicode
}

TEST_CASE("sanitize: a control character inside a broken sequence is still seen", "[console]") {
  CHECK(safe_text("\xe6\xbc\x1b[H") == "\\xe6\\xbc\\x1b[H");
  CHECK(safe_text("\xf0\x9f\xe6\xbc\xa2") == "\\xf0\\x9f\xe6\xbc\xa2");
  CHECK(safe_text("\xe6\n") == "\\xe6\n");
}

TEST_CASE("sanitize: text in pieces comes out as if it had been whole", "[console]") {
  for (const std::string &text : {"x漢🙂é\xff\x1b[0m\xe6\xbc"s, "\xc2\x9b\u202e\xed\xa0\x80z"s,
                                  "\xf0\x9f\x99"s, "\r\n\0\t"s}) {
    const std::string whole = safe_text(text);
    for (const std::string &result : split_everywhere(text)) CHECK(result == whole);
  }
}

TEST_CASE("sanitize: a sequence that never ends is shown at the end and then forgotten",
          "[console]") {
  Sanitizer sanitizer;
  std::string safe;
  sanitizer.feed("a\xe6\xbc", safe);
  CHECK(safe == "a");
  sanitizer.finish(safe);
  CHECK(safe == "a\\xe6\\xbc");
  sanitizer.feed("\xa2", safe);
  CHECK(safe == "a\\xe6\\xbc\\xa2");
}

TEST_CASE("sanitize: no pair or triple of bytes gets a control through", "[console]") {
  std::string text(3, '\0');
  for (int first = 0; first < 256; ++first)
    for (int second = 0; second < 256; ++second)
      for (const int third : {0x00, 0x1b, 0x41, 0x80, 0x9b, 0xa0, 0xbf, 0xc2, 0xff}) {
        text[0] = static_cast<char>(first);
        text[1] = static_cast<char>(second);
        text[2] = static_cast<char>(third);
        if (!is_safe(safe_text(text))) FAIL("unsafe: " << first << ' ' << second << ' ' << third);
      }
}

TEST_CASE("safe line: newlines and tabs cannot make a second line", "[console]") {
  CHECK(safe_line("one\ntwo\tthree\r") == "one\\ntwo\\tthree\\r");
  CHECK(safe_line("\x1b[2J") == "\\x1b[2J");
}

TEST_CASE("safe line: what is too wide is cut between characters and says so", "[console]") {
  CHECK(safe_line("0123456789", 10) == "0123456789");
  CHECK(safe_line("0123456789a", 10) == "0123456...");
  CHECK(safe_line("äöüäöüäöüäö", 10) == "äöüäöüä...");
  CHECK(safe_line("漢漢漢漢漢漢", 10) == "漢漢漢...");
  CHECK(safe_line("abcdef", 3) == "...");
  CHECK(safe_line("abcdef", 1) == ".");
  for (std::size_t width = 1; width < 30; ++width)
    CHECK(fanout::console::columns(safe_line("a\x1b[漢字\u202e🙂xyz\xff---", width)) <= width);
}
