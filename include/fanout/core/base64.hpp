// Base64 as in RFC 4648 section 4, strict: padded, no white space, no trailing bits set.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace fanout::core {

std::string encode_base64(std::string_view bytes);
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace fanout::core
