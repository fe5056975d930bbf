// What may stand where a host, an address, a group or a tag is named. Users and ports are checked by core/names.hpp,
// which says why a short list of what is allowed. Every check returns what is wrong with the text, for a message, or nothing.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "fanout/core/names.hpp"

namespace fanout::inventory {

using core::longest_name_bytes;
using core::parse_port;
using core::wrong_with_user;

// Letters, digits, `.`, `_` and `-`: what a DNS name or an inventory name consists of. Not an IPv6 address.
std::optional<std::string> wrong_with_name(std::string_view name);
// Letters, digits, `.`, `_` and `-` alone: nothing that a pattern or a target could mean otherwise.
bool is_plain(std::string_view text);
// A name as above, or a literal IPv6 address without brackets, which may have a zone (fe80::1%eth0).
std::optional<std::string> wrong_with_host(std::string_view host);
std::optional<std::string> wrong_with_tag(std::string_view tag);

bool is_ipv6_address(std::string_view text);

// Without the blanks and tabs at both ends.
std::string_view trimmed(std::string_view text);

// 'text' for a message: control bytes escaped, shortened when it is very long.
std::string in_quotes(std::string_view text);

}  // namespace fanout::inventory
