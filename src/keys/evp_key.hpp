// Between the numbers of SSH's key formats and OpenSSL's key objects.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <openssl/evp.h>

#include "fanout/core/result.hpp"

namespace fanout::keys {

struct FreeEvpKey {
  void operator()(EVP_PKEY *key) const { EVP_PKEY_free(key); }
};
using EvpKey = std::unique_ptr<EVP_PKEY, FreeEvpKey>;

// A key from the private fields of an OpenSSH key file. The numbers are checked against each other as far as that is
// cheap; ErrorKind::usage if they do not fit or the type is not supported.
core::Result<EvpKey> make_evp_key(std::string_view private_fields);

// The plain public blob. ErrorKind::usage for types and curves that SSH does not have, and for DSA.
core::Result<std::string> public_blob(const EVP_PKEY *key);

// A key to verify with, from a plain blob that parse_public_key() took. ErrorKind::usage if its numbers are no key.
core::Result<EvpKey> make_public_evp_key(std::string_view blob);

// The DER form of an ECDSA signature as mpint r, mpint s.
core::Result<std::string> ecdsa_mpints(std::string_view der);
// And back. ErrorKind::protocol when there are not two positive numbers.
core::Result<std::string> ecdsa_der(std::string_view mpints);

}  // namespace fanout::keys
