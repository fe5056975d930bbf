// Public keys as SSH sends them (RFC 4253, section 6.6; RFC 5656, section 3.1; RFC 8709, section 4): are they whole,
// and what do people call them. Runs in any process; nothing here blocks or keeps anything.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "fanout/core/result.hpp"

namespace fanout::ssh {

// A key of RSA with 16,384 bits takes 2 KiB; whatever is larger than this is no key.
inline constexpr std::size_t max_key_blob_bytes = 16 * 1024;

// The type name with which the blob begins ("ssh-ed25519"), a view into it; nothing when the blob is cut short. A
// server chose these bytes: compare them, do not print them.
std::optional<std::string_view> key_type(std::string_view blob);

// The words of `ssh-keygen -l`: "ED25519", "ECDSA" for every curve, "RSA", ...; "unknown type" for a name that is not
// known, so the answer is safe to print whoever sent the name.
std::string_view describe_key_type(std::string_view type);

// The type of a whole, canonical key: for Ed25519, ECDSA and RSA every field is checked, with nothing left over and RSA
// of at least 1,024 bits, as OpenSSH does; of other types only that the name is one (RFC 4251, section 6). Fails with
// ErrorKind::host_key and a message that contains nothing from the blob.
core::Result<std::string_view> check_key_blob(std::string_view blob);

// The size that `ssh-keygen -l` shows: of the modulus or of the curve; 0 for what is no whole Ed25519, ECDSA or RSA key.
std::size_t key_bits(std::string_view blob);

// SHA-256 of the blob. Fails only when libcrypto does (ErrorKind::internal), as do the two below.
using KeyDigest = std::array<unsigned char, 32>;
core::Result<KeyDigest> key_digest(std::string_view blob);

// "SHA256:" and unpadded base64, as OpenSSH prints it.
core::Result<std::string> fingerprint(std::string_view blob);

// "ED25519 SHA256:...".
core::Result<std::string> describe_key(std::string_view blob);

}  // namespace fanout::ssh
