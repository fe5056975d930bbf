#include "signature.hpp"

#include <fmt/format.h>

#include "fanout/wire/codec.hpp"
#include "quoted.hpp"

namespace fanout::keys {

using core::ErrorKind;
using core::fail;
using core::Result;
using wire::Decoder;

namespace {

constexpr std::string_view certificate_suffix = "-cert-v01@openssh.com";

std::string_view without_suffix(std::string_view name) {
  if (name.ends_with(certificate_suffix)) name.remove_suffix(certificate_suffix.size());
  return name;
}

// Of a blob that parse_public_key() took.
std::size_t rsa_modulus_bytes(const PublicKey &key) {
  const std::string plain = plain_key_blob(key);
  Decoder fields(plain);
  fields.string();
  fields.string();
  std::string_view modulus = fields.string();
  while (!modulus.empty() && modulus.front() == '\0') modulus.remove_prefix(1);
  return modulus.size();
}

bool is_ecdsa_signature(std::string_view bytes) {
  Decoder fields(bytes);
  const std::string_view r = fields.string();
  const std::string_view s = fields.string();
  const auto fits = [](std::string_view number) {
    return !number.empty() && number.size() <= 67 && static_cast<signed char>(number.front()) >= 0;
  };
  return fields.finished() && fits(r) && fits(s);
}

}  // namespace

Result<std::string> signature_algorithm(std::string_view requested, const PublicKey &key) {
  const std::string_view plain = without_suffix(requested);
  if (plain == "ssh-rsa") {
    if (without_suffix(key.type) == "ssh-rsa")
      return fail(ErrorKind::auth,
                  "the server takes RSA signatures with SHA-1 only, which are not made");
  } else if (requested.ends_with(certificate_suffix) == is_certificate(key)) {
    const bool fits = without_suffix(key.type) == "ssh-rsa"
                          ? plain == "rsa-sha2-256" || plain == "rsa-sha2-512"
                          : requested == key.type;
    if (fits) return std::string(plain);
  }
  return fail(ErrorKind::protocol, fmt::format("algorithm {} does not fit a key of type {}",
                                               quoted(requested), key.type));
}

Result<std::string> unwrap_signature(std::string_view structure,
                                     std::string_view expected_algorithm, const PublicKey &key) {
  Decoder fields(structure);
  const std::string_view algorithm = fields.string();
  const std::string_view signature = fields.string();
  if (!fields.finished()) return fail(ErrorKind::protocol, "malformed signature");
  if (algorithm != expected_algorithm)
    return fail(ErrorKind::protocol, fmt::format("a signature of algorithm {} instead of {}",
                                                 quoted(algorithm), expected_algorithm));
  const auto malformed = [&] {
    return fail(ErrorKind::protocol, fmt::format("malformed {} signature", expected_algorithm));
  };
  if (expected_algorithm.starts_with("rsa-")) {
    const std::size_t modulus = rsa_modulus_bytes(key);
    if (signature.empty() || signature.size() > modulus) return malformed();
    // Some signers drop leading zero bytes.
    return std::string(modulus - signature.size(), '\0').append(signature);
  }
  if (expected_algorithm.starts_with("ecdsa-") ? !is_ecdsa_signature(signature)
                                               : signature.size() != 64)
    return malformed();
  return std::string(signature);
}

}  // namespace fanout::keys
