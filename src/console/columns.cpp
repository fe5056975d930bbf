// Widths after Unicode's East Asian Width (UAX 11) and the combining blocks, coarsely: whole blocks instead of single
// characters. wcwidth(3) would need the user's locale, which the program otherwise never looks at.

#include "fanout/console/columns.hpp"

#include <algorithm>
#include <iterator>

namespace fanout::console {

namespace {

struct Range {
  char32_t first;
  char32_t last;
};

constexpr Range no_width[] = {
    {0x300, 0x36f},   {0x483, 0x489},   {0x591, 0x5bd},   {0x610, 0x61a},     {0x64b, 0x65f},
    {0x6d6, 0x6dc},   {0x93c, 0x93c},   {0x941, 0x948},   {0x94d, 0x94d},     {0xe31, 0xe31},
    {0xe34, 0xe3a},   {0xe47, 0xe4e},   {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff},   {0x200b, 0x200f},
    {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0xe0100, 0xe01ef},
};

constexpr Range wide[] = {
    {0x1100, 0x115f},   {0x2e80, 0x303e},   {0x3041, 0xa4cf},   {0xa960, 0xa97f},
    {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff00, 0xff60},
    {0xffe0, 0xffe6},   {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff},
    {0x20000, 0x3fffd},
};

template <std::size_t N>
bool contains(const Range (&ranges)[N], char32_t character) {
  return std::any_of(std::begin(ranges), std::end(ranges), [character](const Range &range) {
    return character >= range.first && character <= range.last;
  });
}

struct Character {
  std::size_t bytes;
  std::size_t columns;
};

// The character that `text`, not empty, begins with. Broken UTF-8 is taken byte by byte.
Character first_character(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  const std::size_t bytes = lead < 0xc2   ? 1
                            : lead < 0xe0 ? 2
                            : lead < 0xf0 ? 3
                            : lead < 0xf5 ? 4
                                          : 1;
  if (bytes == 1 || bytes > text.size()) return {1, 1};
  char32_t character = lead & (0xffU >> (bytes + 1));
  for (std::size_t i = 1; i < bytes; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte & 0xc0U) != 0x80) return {1, 1};
    character = (character << 6U) | (byte & 0x3fU);
  }
  if (contains(no_width, character)) return {bytes, 0};
  return {bytes, contains(wide, character) ? 2U : 1U};
}

}  // namespace

std::size_t columns(std::string_view text) {
  std::size_t total = 0;
  while (!text.empty()) {
    const Character character = first_character(text);
    total += character.columns;
    text.remove_prefix(character.bytes);
  }
  return total;
}

std::string_view first_columns(std::string_view text, std::size_t max_columns) {
  std::size_t bytes = 0;
  std::size_t total = 0;
  while (bytes < text.size()) {
    const Character character = first_character(text.substr(bytes));
    if (total + character.columns > max_columns) break;
    total += character.columns;
    bytes += character.bytes;
  }
  return text.substr(0, bytes);
}

}  // namespace fanout::console
