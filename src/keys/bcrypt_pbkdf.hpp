// The key derivation of encrypted OpenSSH key files: PBKDF2 with a 256-bit bcrypt in place of HMAC.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "fanout/core/result.hpp"
#include "fanout/core/secret.hpp"

namespace fanout::keys {

// More is refused: it would take minutes, and the number comes from a file. ssh-keygen writes 16 or 24 if not told.
inline constexpr std::uint32_t max_bcrypt_rounds = 16'384;

// `size` bytes (1 to 1,024) of key. Costs about 3 ms a round for each 32 bytes begun. Fails with
// ErrorKind::usage for an empty passphrase or salt, or for rounds out of bounds.
core::Result<core::Secret> bcrypt_pbkdf(std::string_view passphrase, std::string_view salt,
                                        std::uint32_t rounds, std::size_t size);

}  // namespace fanout::keys
