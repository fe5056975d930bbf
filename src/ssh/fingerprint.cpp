// Walks the fields of a public key and hashes it.
//
// Keys are compared as bytes everywhere else in this module. That is only sound when a key has one spelling: an RSA key
// whose modulus came with one more zero byte in front would be the same key, but not the one that is revoked. So
// whatever is not canonical is not a key here.
#include "fanout/ssh/fingerprint.hpp"

#include <array>
#include <bit>
#include <cstdint>
#include <utility>

#include <fmt/format.h>
#include <openssl/evp.h>

#include "fanout/core/base64.hpp"

namespace fanout::ssh {

namespace {

using core::ErrorKind;
using core::fail;
using core::Result;

constexpr std::size_t min_rsa_bits = 1024;

// Takes the string (RFC 4251, section 5) at the front of `bytes`.
std::optional<std::string_view> take_string(std::string_view &bytes) {
  if (bytes.size() < 4) return std::nullopt;
  std::uint32_t length = 0;
  for (std::size_t i = 0; i < 4; ++i) length = length << 8 | static_cast<unsigned char>(bytes[i]);
  if (length > bytes.size() - 4) return std::nullopt;
  const std::string_view value = bytes.substr(4, length);
  bytes.remove_prefix(4 + std::size_t{length});
  return value;
}

// The size of a positive multiple precision integer; none when it is negative, zero or has needless zero bytes.
std::optional<std::size_t> bits_of_mpint(std::string_view value) {
  if (value.empty()) return std::nullopt;
  const auto first = static_cast<unsigned char>(value[0]);
  if (first >= 0x80) return std::nullopt;
  if (first != 0) return (value.size() - 1) * 8 + static_cast<std::size_t>(std::bit_width(first));
  if (value.size() < 2 || static_cast<unsigned char>(value[1]) < 0x80) return std::nullopt;
  return (value.size() - 1) * 8;
}

// RFC 4251, section 6: printable US-ASCII without commas, at most 64 characters.
bool is_algorithm_name(std::string_view name) {
  if (name.empty() || name.size() > 64) return false;
  for (const char c : name)
    if (c <= ' ' || c >= 0x7f || c == ',') return false;
  return true;
}

struct Curve {
  std::string_view type;
  std::string_view name;
  std::size_t coordinate_bytes;
  std::size_t bits;
};
constexpr std::array curves{
    Curve{"ecdsa-sha2-nistp256", "nistp256", 32, 256},
    Curve{"ecdsa-sha2-nistp384", "nistp384", 48, 384},
    Curve{"ecdsa-sha2-nistp521", "nistp521", 66, 521},
};

bool is_whole_ecdsa(const Curve &curve, std::string_view fields) {
  const auto name = take_string(fields);
  const auto point = take_string(fields);
  // Only the uncompressed form of a point; OpenSSH takes no other.
  return name == curve.name && point && fields.empty() &&
         point->size() == 1 + 2 * curve.coordinate_bytes && point->front() == 4;
}

constexpr std::array<std::pair<std::string_view, std::string_view>, 17> descriptions{{
    {"ssh-ed25519", "ED25519"},
    {"ecdsa-sha2-nistp256", "ECDSA"},
    {"ecdsa-sha2-nistp384", "ECDSA"},
    {"ecdsa-sha2-nistp521", "ECDSA"},
    {"ssh-rsa", "RSA"},
    {"ssh-dss", "DSA"},
    {"sk-ssh-ed25519@openssh.com", "ED25519-SK"},
    {"sk-ecdsa-sha2-nistp256@openssh.com", "ECDSA-SK"},
    {"ssh-ed25519-cert-v01@openssh.com", "ED25519-CERT"},
    {"ecdsa-sha2-nistp256-cert-v01@openssh.com", "ECDSA-CERT"},
    {"ecdsa-sha2-nistp384-cert-v01@openssh.com", "ECDSA-CERT"},
    {"ecdsa-sha2-nistp521-cert-v01@openssh.com", "ECDSA-CERT"},
    {"ssh-rsa-cert-v01@openssh.com", "RSA-CERT"},
    {"ssh-dss-cert-v01@openssh.com", "DSA-CERT"},
    {"sk-ssh-ed25519-cert-v01@openssh.com", "ED25519-SK-CERT"},
    {"sk-ecdsa-sha2-nistp256-cert-v01@openssh.com", "ECDSA-SK-CERT"},
    {"ssh-xmss@openssh.com", "XMSS"},
}};

}  // namespace

std::optional<std::string_view> key_type(std::string_view blob) { return take_string(blob); }

std::string_view describe_key_type(std::string_view type) {
  for (const auto &[name, description] : descriptions)
    if (name == type) return description;
  return "unknown type";
}

Result<std::string_view> check_key_blob(std::string_view blob) {
  if (blob.size() > max_key_blob_bytes)
    return fail(ErrorKind::host_key, fmt::format("a key of {} bytes is too long", blob.size()));
  std::string_view fields = blob;
  const auto type = take_string(fields);
  if (!type || !is_algorithm_name(*type)) return fail(ErrorKind::host_key, "malformed key");

  const auto malformed = [&] {
    return fail(ErrorKind::host_key, fmt::format("malformed {} key", describe_key_type(*type)));
  };
  if (*type == "ssh-ed25519") {
    const auto key = take_string(fields);
    if (!key || key->size() != 32 || !fields.empty()) return malformed();
  } else if (*type == "ssh-rsa") {
    const auto exponent = take_string(fields);
    const auto modulus = take_string(fields);
    if (!exponent || !modulus || !fields.empty() || !bits_of_mpint(*exponent)) return malformed();
    const auto bits = bits_of_mpint(*modulus);
    if (!bits) return malformed();
    if (*bits < min_rsa_bits)
      return fail(ErrorKind::host_key, fmt::format("an RSA key of {} bits is too short", *bits));
  } else {
    for (const Curve &curve : curves)
      if (*type == curve.type && !is_whole_ecdsa(curve, fields)) return malformed();
  }
  return *type;
}

std::size_t key_bits(std::string_view blob) {
  const auto type = check_key_blob(blob);
  if (!type) return 0;
  if (*type == "ssh-ed25519") return 256;
  for (const Curve &curve : curves)
    if (*type == curve.type) return curve.bits;
  if (*type != "ssh-rsa") return 0;
  for (int i = 0; i < 2; ++i) take_string(blob);  // type, exponent
  return bits_of_mpint(take_string(blob).value_or(std::string_view())).value_or(0);
}

Result<KeyDigest> key_digest(std::string_view blob) {
  KeyDigest digest{};
  unsigned length = 0;
  if (EVP_Digest(blob.data(), blob.size(), digest.data(), &length, EVP_sha256(), nullptr) != 1 ||
      length != digest.size())
    return fail(ErrorKind::internal, "SHA-256 of a host key: libcrypto failed");
  return digest;
}

Result<std::string> fingerprint(std::string_view blob) {
  TRY_ASSIGN(const KeyDigest digest, key_digest(blob));
  std::string text = "SHA256:" + core::encode_base64({reinterpret_cast<const char *>(digest.data()),
                                                      digest.size()});
  text.erase(text.find_last_not_of('=') + 1);
  return text;
}

Result<std::string> describe_key(std::string_view blob) {
  TRY_ASSIGN(const std::string hash, fingerprint(blob));
  return fmt::format("{} {}", describe_key_type(key_type(blob).value_or(std::string_view())), hash);
}

}  // namespace fanout::ssh
