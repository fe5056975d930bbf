// Makes text that came from elsewhere safe for a terminal: what could move the cursor, set a title, fill the clipboard,
// answer as if typed, reorder or hide other text is shown as an escape instead. Pure; used by whoever prints remote
// output, causes, notes, banners or names.
//
//   control characters but tab and newline    \x1b \x07 \x00, a carriage return \r
//   C1 controls, as UTF-8 and as single bytes \u009b \x9b
//   characters that reorder, or are invisible \u202e \u2066 \u200b \ufeff ..., line and paragraph separators
//   bytes that are not UTF-8                  \xff
//
// Everything else passes as it is, a backslash too: the result is for eyes, not for reading back. The terminal is taken
// to show UTF-8.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace fanout::console {

// For text that arrives in pieces: a character that is split between two of them comes out as if it had not been.
class Sanitizer {
public:
  // Appends to `safe` what is certain so far; at most three bytes wait for the next piece.
  void feed(std::string_view bytes, std::string &safe);
  // The text is over: bytes that still wait are not a character. The object is as new afterwards.
  void finish(std::string &safe);

private:
  void feed_byte(unsigned char byte, std::string &safe);
  void give_up_sequence(std::string &safe);

  // A UTF-8 sequence that is not complete (RFC 3629, section 4).
  std::array<unsigned char, 4> sequence_{};
  std::uint8_t length_ = 0;
  std::uint8_t expected_ = 0;
  unsigned char lowest_ = 0x80;  // of the next byte
  unsigned char highest_ = 0xbf;
};

// A whole text of any number of lines.
std::string safe_text(std::string_view text);

// For one line of ours: newlines and tabs are escaped as well, and what is wider than `max_columns` is cut and ends in
// "...". 0 is no limit.
std::string safe_line(std::string_view text, std::size_t max_columns = 0);

}  // namespace fanout::console
