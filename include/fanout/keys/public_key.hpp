// Public keys and user certificates as SSH writes them (RFC 4253, section 6.6; PROTOCOL.certkeys of OpenSSH). Pure.
//
// Known are ssh-ed25519, ecdsa-sha2-nistp256/384/521, ssh-rsa (1,024 bits and more) and their certificates.
#pragma once

#include <string>
#include <string_view>

#include "fanout/core/result.hpp"

namespace fanout::keys {

struct PublicKey {
  std::string blob;     // what travels in a login request: a plain key or a whole certificate
  std::string type;     // "ssh-ed25519", "ssh-rsa-cert-v01@openssh.com"
  std::string comment;  // from the file or the agent; any bytes
};

// Takes the blob apart completely. ErrorKind::usage says what is wrong with it, or that its type is not supported.
core::Result<PublicKey> parse_public_key(std::string_view blob, std::string_view comment);

// The first key of a .pub or -cert.pub file: "TYPE BASE64 [COMMENT]".
core::Result<PublicKey> parse_public_key_file(std::string_view text);

// Whether the text looks like such a file rather than like a private key.
bool is_public_key_file(std::string_view text);

bool is_certificate(const PublicKey &key);

// The blob of the plain key that a certificate is about; of a plain key its own.
std::string plain_key_blob(const PublicKey &key);

}  // namespace fanout::keys
