// What a host prints, before a terminal sees it: Sanitizer, safe_text() and safe_line().
//
// Input: the text, then decisions: the seed of the cuts, and a width for safe_line().
//
// Oracle: a second sanitizer that is slow, has the whole text before it and its own table of characters that are not
// for eyes: Unicode 15's categories Cc, Zl and Zp, and the property Default_Ignorable_Code_Point but for joiners and
// variation selectors.
#include <algorithm>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "fanout/console/columns.hpp"
#include "fanout/console/sanitize.hpp"
#include "input.hpp"
#include "oracle.hpp"

using namespace fanout;
using fuzz::must;
using fuzz::must_equal;

namespace {

struct Character {
  char32_t value;
  std::size_t bytes;
};

// The well-formed character that `text` begins with (Unicode, table 3-7, by way of the values).
std::optional<Character> first_character(std::string_view text) {
  const auto byte = [&](std::size_t i) -> unsigned {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const unsigned lead = byte(0);
  if (lead < 0x80) return Character{lead, 1};
  const std::size_t bytes = lead >= 0xf8 ? 0 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc0 || bytes == 0) return std::nullopt;
  char32_t value = lead & (0x7fU >> bytes);
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xc0U) != 0x80) return std::nullopt;
    value = value << 6U | (byte(i) & 0x3fU);
  }
  constexpr char32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = value >= 0xd800 && value <= 0xdfff;
  if (value < smallest[bytes] || value > 0x10ffff || surrogate) return std::nullopt;
  return Character{value, bytes};
}

bool between(char32_t value, char32_t first, char32_t last) {
  return value >= first && value <= last;
}

bool is_for_eyes(char32_t c) {
  if (c == '\t' || c == '\n') return true;
  if (c < 0x20 || between(c, 0x7f, 0x9f)) return false;        // Cc
  if (c == 0x2028 || c == 0x2029) return false;                // Zl, Zp
  if (c == 0x200c || c == 0x200d) return true;                 // joiners of letters and emoji
  if (c == 0x34f) return true;                                 // the grapheme joiner, of Hebrew
  if (between(c, 0x180b, 0x180d) || c == 0x180f) return true;  // variants of Mongolian,
  if (between(c, 0xfe00, 0xfe0f)) return true;                 // of emoji
  if (between(c, 0xe0100, 0xe01ef)) return true;               // and of ideographs
  if (c == 0xad || c == 0x61c || c == 0x180e || c == 0x3164 || c == 0xfeff || c == 0xffa0)
    return false;
  return !between(c, 0x115f, 0x1160) && !between(c, 0x17b4, 0x17b5) &&
         !between(c, 0x200b, 0x200f) && !between(c, 0x202a, 0x202e) &&
         !between(c, 0x2060, 0x206f) && !between(c, 0xfff0, 0xfffb) &&
         !between(c, 0x1bca0, 0x1bca3) && !between(c, 0x1d173, 0x1d17a) &&
         !between(c, 0xe0000, 0xe0fff);
}

std::string expected_text(std::string_view text) {
  std::string safe;
  while (!text.empty()) {
    const auto character = first_character(text);
    const std::size_t bytes = character ? character->bytes : 1;
    if (character && is_for_eyes(character->value))
      safe += text.substr(0, bytes);
    else if (text.front() == '\r')
      safe += "\\r";
    else if (bytes == 1)
      safe += fmt::format("\\x{:02x}", static_cast<unsigned char>(text.front()));
    else
      safe += fmt::format("\\{}{:0{}x}", character->value > 0xffff ? 'U' : 'u',
                          static_cast<std::uint32_t>(character->value),
                          character->value > 0xffff ? 8 : 4);
    text.remove_prefix(bytes);
  }
  return safe;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size) {
  fuzz::Input input(data, size);
  fuzz::Pieces pieces(input.decision());
  const std::size_t width = input.decision();
  const std::string_view text = input.take_rest();

  const std::string whole = console::safe_text(text);
  must_equal(whole, expected_text(text), "safe_text() escapes what is not for eyes, and only that");
  must_equal(console::safe_text(whole), whole, "what is safe stays as it is");
  must(whole.size() <= 4 * text.size(), "no byte becomes more than four");

  console::Sanitizer sanitizer;
  std::string in_pieces;
  for (std::string_view left = text; !left.empty();) {
    sanitizer.feed(pieces.next(left), in_pieces);
    // What can come out later still: three bytes that wait, as escapes of four.
    const auto fed = text.size() - left.size();
    if (text.size() > 256) continue;  // it is quadratic
    must(in_pieces.size() + 12 >= expected_text(text.substr(0, fed)).size(),
         "at most three bytes wait");
  }
  sanitizer.finish(in_pieces);
  must_equal(in_pieces, whole, "the same text in other pieces comes out the same");
  std::string again;
  sanitizer.feed(text, again);
  sanitizer.finish(again);
  must_equal(again, whole, "after finish() the object is as new");

  const std::string line = console::safe_line(text, width);
  must(line.find_first_of("\n\t") == std::string::npos, "a line is one line");
  must_equal(line, expected_text(line), "a line is safe, cut or not");
  must(width == 0 || console::columns(line) <= width, "a line is as wide as it may be");
  return 0;
}
