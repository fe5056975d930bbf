// What may stand where a user or a port is named, in an inventory as on the command line.
//
// Names end up in file names, process titles, log lines and command templates, so they are checked against a short list
// of what is allowed rather than against what is known to be dangerous (CVE-2023-51385 was a host name with shell text).
// Every check returns what is wrong with the text, for a message, or nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fanout::core {

inline constexpr std::size_t longest_name_bytes =
    255;  // NAME_MAX: every host may become a file name

// Of ASCII, whatever the locale.
bool is_letter_or_digit(char c);

// Neither empty nor too long.
std::optional<std::string> wrong_with_length(std::string_view text);
// Letters, digits and those of `extra`, with no dash at its beginning.
std::optional<std::string> wrong_with_characters(std::string_view text, std::string_view extra);

// Letters, digits, `.`, `_`, `-` and `+`, and inside it `@` and `\` for the realm and domain forms of Kerberos and
// Windows accounts.
std::optional<std::string> wrong_with_user(std::string_view user);

// Digits alone, 1 to 65535, no leading zero.
std::optional<std::uint16_t> parse_port(std::string_view text);

}  // namespace fanout::core
