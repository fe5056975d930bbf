// Which signatures exist for which keys, and their form. Pure.
#pragma once

#include <string>
#include <string_view>

#include "fanout/core/result.hpp"
#include "fanout/keys/public_key.hpp"

namespace fanout::keys {

// The signature that a login request with this algorithm name asks of this key: "rsa-sha2-512" for
// "rsa-sha2-512-cert-v01@openssh.com". ErrorKind::auth for ssh-rsa, whose SHA-1 is not signed any more; every other
// mismatch is ErrorKind::protocol.
core::Result<std::string> signature_algorithm(std::string_view requested, const PublicKey &key);

// Takes an SSH signature structure (string algorithm, string signature) apart and gives its inner part in the form that
// libssh2 wants to be handed: 64 bytes for Ed25519; mpint r, mpint s for ECDSA; as many bytes as the modulus for RSA.
// ErrorKind::protocol if the algorithm is not the one expected or the form is wrong.
core::Result<std::string> unwrap_signature(std::string_view structure,
                                           std::string_view expected_algorithm,
                                           const PublicKey &key);

}  // namespace fanout::keys
