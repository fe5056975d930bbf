// The container of OpenSSH's own key files ("-----BEGIN OPENSSH PRIVATE KEY-----", PROTOCOL.key of OpenSSH).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "fanout/core/result.hpp"
#include "fanout/core/secret.hpp"

namespace fanout::keys {

// The container as it lies in the file. Its public key is in clear, the private one perhaps encrypted.
struct OpensshKeyFile {
  std::string public_blob;
  std::string cipher;  // "none", or one that decrypt_openssh_key() knows
  std::string salt;
  std::uint32_t rounds = 0;
  core::Secret private_part;  // with the tag of an authenticated cipher at its end

  [[nodiscard]] bool encrypted() const { return cipher != "none"; }
};

bool is_openssh_key_file(std::string_view text);

// ErrorKind::usage for anything malformed or not supported. Nothing is decrypted.
core::Result<OpensshKeyFile> parse_openssh_key_file(std::string_view text);

// The private fields (string type, then the numbers of that type), without check words, comment and padding.
// ErrorKind::auth if the passphrase is wrong, ErrorKind::usage if the content is malformed.
core::Result<core::Secret> decrypt_openssh_key(const OpensshKeyFile &file,
                                               std::string_view passphrase);

}  // namespace fanout::keys
