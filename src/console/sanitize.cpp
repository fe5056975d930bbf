// A decoder of UTF-8 that knows which byte may come next, so that what it holds back is never more than one character,
// and a table of characters that are not for eyes. What is hard: a terminal acts on bytes, so an over-long form of an
// escape, a C1 control as a lone byte and a control inside a broken sequence must all be seen (RFC 3629, section 10).

#include "fanout/console/sanitize.hpp"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include "fanout/console/columns.hpp"

namespace fanout::console {

namespace {

struct Range {
  char32_t first;
  char32_t last;
};

// Characters of Unicode's category Cf, those that are to be ignored where they are not known
// (Default_Ignorable_Code_Point), and the separators: they reorder or hide text or break a line. The joiners U+034F,
// U+200C and U+200D and the variation selectors are left: Hebrew, Persian, ideographs and emoji need them, and they hide
// nothing.
constexpr Range unsafe[] = {
    {0x80, 0x9f},      // C1
    {0xad, 0xad},      // soft hyphen
    {0x61c, 0x61c},    // arabic letter mark
    {0x115f, 0x1160},  // hangul fillers
    {0x17b4, 0x17b5},  // khmer inherent vowels
    {0x180e, 0x180e},  // mongolian vowel separator
    {0x200b, 0x200b},  // zero width space
    {0x200e, 0x200f},  // left-to-right and right-to-left mark
    {0x2028, 0x202e},  // separators, bidirectional embeddings and overrides
    {0x2060,
     0x206f},  // word joiner, invisible operators, bidirectional isolates, deprecated formats
    {0x3164, 0x3164},    // hangul filler
    {0xfeff, 0xfeff},    // byte order mark
    {0xffa0, 0xffa0},    // half-width hangul filler
    {0xfff0, 0xfffb},    // interlinear annotation, and what is reserved before it
    {0x1bca0, 0x1bca3},  // shorthand controls
    {0x1d173, 0x1d17a},  // musical controls
    {0xe0000, 0xe00ff},  // tags: a whole invisible alphabet
    {0xe01f0, 0xe0fff},  // reserved for more of the kind
};

bool is_unsafe(char32_t character) {
  return std::any_of(std::begin(unsafe), std::end(unsafe), [character](const Range &range) {
    return character >= range.first && character <= range.last;
  });
}

void append_byte_escape(unsigned char byte, std::string &safe) {
  if (byte == '\r')
    safe += "\\r";
  else
    fmt::format_to(std::back_inserter(safe), "\\x{:02x}", byte);
}

bool is_plain(unsigned char byte) {
  return (byte >= 0x20 && byte < 0x7f) || byte == '\t' || byte == '\n';
}

}  // namespace

void Sanitizer::feed(std::string_view bytes, std::string &safe) {
  while (!bytes.empty()) {
    if (length_ == 0) {
      const auto *end = std::find_if_not(bytes.begin(), bytes.end(), [](char byte) {
        return is_plain(static_cast<unsigned char>(byte));
      });
      const auto plain = static_cast<std::size_t>(end - bytes.begin());
      safe.append(bytes.substr(0, plain));
      bytes.remove_prefix(plain);
      if (bytes.empty()) return;
    }
    feed_byte(static_cast<unsigned char>(bytes.front()), safe);
    bytes.remove_prefix(1);
  }
}

void Sanitizer::feed_byte(unsigned char byte, std::string &safe) {
  if (length_ > 0 && (byte < lowest_ || byte > highest_)) give_up_sequence(safe);
  if (length_ == 0) {
    lowest_ = 0x80;
    highest_ = 0xbf;
    if (is_plain(byte)) {
      safe += static_cast<char>(byte);
      return;
    }
    if (byte >= 0xc2 && byte <= 0xdf) {
      expected_ = 2;
    } else if (byte >= 0xe0 && byte <= 0xef) {
      expected_ = 3;
      if (byte == 0xe0) lowest_ = 0xa0;   // below: over-long
      if (byte == 0xed) highest_ = 0x9f;  // above: surrogates
    } else if (byte >= 0xf0 && byte <= 0xf4) {
      expected_ = 4;
      if (byte == 0xf0) lowest_ = 0x90;   // below: over-long
      if (byte == 0xf4) highest_ = 0x8f;  // above: beyond U+10FFFF
    } else {
      append_byte_escape(byte, safe);
      return;
    }
    sequence_[length_++] = byte;
    return;
  }
  sequence_[length_++] = byte;
  lowest_ = 0x80;
  highest_ = 0xbf;
  if (length_ < expected_) return;

  char32_t character = sequence_[0] & (0xffU >> (expected_ + 1U));
  for (std::size_t i = 1; i < length_; ++i) character = (character << 6U) | (sequence_[i] & 0x3fU);
  if (!is_unsafe(character))
    safe.append(sequence_.begin(), sequence_.begin() + length_);
  else if (character <= 0xffff)
    fmt::format_to(std::back_inserter(safe), "\\u{:04x}", static_cast<std::uint32_t>(character));
  else
    fmt::format_to(std::back_inserter(safe), "\\U{:08x}", static_cast<std::uint32_t>(character));
  length_ = 0;
}

void Sanitizer::give_up_sequence(std::string &safe) {
  for (std::size_t i = 0; i < length_; ++i) append_byte_escape(sequence_[i], safe);
  length_ = 0;
}

void Sanitizer::finish(std::string &safe) { give_up_sequence(safe); }

std::string safe_text(std::string_view text) {
  std::string safe;
  safe.reserve(text.size());
  Sanitizer sanitizer;
  sanitizer.feed(text, safe);
  sanitizer.finish(safe);
  return safe;
}

std::string safe_line(std::string_view text, std::size_t max_columns) {
  std::string line;
  for (const char byte : safe_text(text)) {
    if (byte == '\n')
      line += "\\n";
    else if (byte == '\t')
      line += "\\t";
    else
      line += byte;
  }
  if (max_columns == 0 || columns(line) <= max_columns) return line;
  constexpr std::string_view cut_mark = "...";
  if (max_columns <= cut_mark.size()) return std::string(cut_mark.substr(0, max_columns));
  line.resize(first_columns(line, max_columns - cut_mark.size()).size());
  line += cut_mark;
  return line;
}

}  // namespace fanout::console
