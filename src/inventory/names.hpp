// What may stand where a host, a user, an address, a group or a tag is named.
//
// Names end up in file names, process titles, log lines and command templates, so they are checked against a short list of
// what is allowed rather than against what is known to be dangerous (CVE-2023-51385 was a host name with shell text).
// Every check returns what is wrong with the text, for a message, or nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fanout::inventory {

inline constexpr std::size_t longest_name_bytes =
    255;  // NAME_MAX: every host may become a file name

// Letters, digits, `.`, `_` and `-`: what a DNS name or an inventory name consists of. Not an IPv6 address.
std::optional<std::string> wrong_with_name(std::string_view name);
// Letters, digits, `.`, `_` and `-` alone: nothing that a pattern or a target could mean otherwise.
bool is_plain(std::string_view text);
// A name as above, or a literal IPv6 address without brackets, which may have a zone (fe80::1%eth0).
std::optional<std::string> wrong_with_host(std::string_view host);
// Also `+`, and inside it `@` and `\` for the realm and domain forms of Kerberos and Windows accounts.
std::optional<std::string> wrong_with_user(std::string_view user);
std::optional<std::string> wrong_with_tag(std::string_view tag);

bool is_ipv6_address(std::string_view text);

// Digits alone, 1 to 65535, no leading zero.
std::optional<std::uint16_t> parse_port(std::string_view text);

// Without the blanks and tabs at both ends.
std::string_view trimmed(std::string_view text);

// 'text' for a message: control bytes escaped, shortened when it is very long.
std::string in_quotes(std::string_view text);

}  // namespace fanout::inventory
