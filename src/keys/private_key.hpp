// A private key in memory, and how it gets there from the text of a file. Only the key holder makes one.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "fanout/core/result.hpp"
#include "fanout/core/secret.hpp"
#include "fanout/keys/public_key.hpp"

struct evp_pkey_st;

namespace fanout::keys {

class PrivateKey {
public:
  // OpenSSH's container, PKCS#1, SEC1 or PKCS#8. ErrorKind::auth if the passphrase is wrong or was not given though
  // the file is encrypted; ErrorKind::usage if the file is no key that we take. Blocks for the key derivation.
  static core::Result<PrivateKey> parse(std::string_view text, std::string_view passphrase = {});

  // The plain key; its comment is empty.
  [[nodiscard]] const PublicKey &public_key() const { return public_key_; }

  // The inner part of the SSH signature, as unwrap_signature() gives it. `algorithm` is the signature's:
  // "ssh-ed25519", "ecdsa-sha2-nistp256", "rsa-sha2-512", and must fit the key.
  [[nodiscard]] core::Result<std::string> sign(std::string_view algorithm,
                                               std::string_view data) const;

private:
  struct Free {
    void operator()(evp_pkey_st *key) const;
  };
  using Handle = std::unique_ptr<evp_pkey_st, Free>;
  PrivateKey(Handle key, PublicKey public_key)
      : key_(std::move(key)), public_key_(std::move(public_key)) {}

  Handle key_;
  PublicKey public_key_;
};

// What can be said of a key file without its passphrase.
struct KeyFileFacts {
  bool encrypted = false;
  std::string public_blob;  // empty when the file does not carry it in clear
};
core::Result<KeyFileFacts> inspect_key_file(std::string_view text);

}  // namespace fanout::keys
