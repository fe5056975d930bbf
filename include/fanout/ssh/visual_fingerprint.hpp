// A fingerprint as a picture: two of them are told apart faster by eye than two lines of base64. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "fanout/core/result.hpp"

namespace fanout::ssh {

// The lines that `ssh-keygen -lv` prints for this key: 11 of 19 characters of ASCII, without newlines. For any bytes:
// what is no key of a known type is called so in the title, with nothing from the blob. ErrorKind::internal when
// libcrypto fails.
core::Result<std::vector<std::string>> visual_fingerprint(std::string_view blob);

}  // namespace fanout::ssh
