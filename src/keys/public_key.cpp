// Every field is read, also of certificates, and nothing may be left over: what is offered to servers and compared with
// requests must have one meaning only.
#include "fanout/keys/public_key.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include <fmt/format.h>

#include "fanout/core/base64.hpp"
#include "fanout/wire/codec.hpp"
#include "quoted.hpp"

namespace fanout::keys {

using core::ErrorKind;
using core::fail;
using core::Result;
using wire::Decoder;
using wire::Encoder;

namespace {

constexpr std::string_view certificate_suffix = "-cert-v01@openssh.com";
constexpr std::uint32_t user_certificate = 1;
constexpr std::size_t min_rsa_bits = 1024;
constexpr std::size_t max_rsa_bits = 16'384;
// Far more than a certificate with a hundred principals; the keys that a host is offered have to fit into one frame.
constexpr std::size_t max_blob_bytes = 10 * 1024;

enum class Family { ed25519, ecdsa, rsa };

struct KeyType {
  std::string_view name;
  Family family;
  std::string_view curve;   // ECDSA: the curve's name inside the blob
  std::size_t point_bytes;  // ECDSA: an uncompressed point
};

constexpr std::array<KeyType, 5> key_types{{
    {"ssh-ed25519", Family::ed25519, {}, 0},
    {"ecdsa-sha2-nistp256", Family::ecdsa, "nistp256", 1 + 2 * 32},
    {"ecdsa-sha2-nistp384", Family::ecdsa, "nistp384", 1 + 2 * 48},
    {"ecdsa-sha2-nistp521", Family::ecdsa, "nistp521", 1 + 2 * 66},
    {"ssh-rsa", Family::rsa, {}, 0},
}};

bool ends_in_certificate(std::string_view type) { return type.ends_with(certificate_suffix); }

std::string_view plain_type(std::string_view type) {
  if (ends_in_certificate(type)) type.remove_suffix(certificate_suffix.size());
  return type;
}

const KeyType *find_type(std::string_view type) {
  const auto found = std::find_if(key_types.begin(), key_types.end(), [&](const KeyType &known) {
    return known.name == plain_type(type);
  });
  return found == key_types.end() ? nullptr : &*found;
}

std::size_t bit_count(std::string_view number) {
  while (!number.empty() && number.front() == '\0') number.remove_prefix(1);
  if (number.empty()) return 0;
  std::size_t bits = (number.size() - 1) * 8;
  for (unsigned top = static_cast<unsigned char>(number.front()); top != 0; top >>= 1) ++bits;
  return bits;
}

bool is_positive(std::string_view mpint) {
  return !mpint.empty() && static_cast<signed char>(mpint.front()) >= 0;
}

// The fields of the plain key, copied into a blob of its own on the way.
Result<std::string> read_key(Decoder &fields, const KeyType &type) {
  Encoder plain;
  plain.string(type.name);
  const auto malformed = [&] {
    return fail(ErrorKind::usage, fmt::format("malformed {} public key", type.name));
  };
  switch (type.family) {
    case Family::ed25519: {
      const std::string_view point = fields.string();
      if (!fields.ok() || point.size() != 32) return malformed();
      plain.string(point);
      break;
    }
    case Family::ecdsa: {
      const std::string_view curve = fields.string();
      const std::string_view point = fields.string();
      if (!fields.ok() || curve != type.curve || point.size() != type.point_bytes ||
          point.front() != 4)
        return malformed();
      plain.string(curve).string(point);
      break;
    }
    case Family::rsa: {
      const std::string_view exponent = fields.string();
      const std::string_view modulus = fields.string();
      if (!fields.ok() || !is_positive(exponent) || !is_positive(modulus)) return malformed();
      const std::size_t bits = bit_count(modulus);
      if (bits < min_rsa_bits || bits > max_rsa_bits)
        return fail(ErrorKind::usage, fmt::format("an RSA key of {} bits; {} to {} are accepted",
                                                  bits, min_rsa_bits, max_rsa_bits));
      plain.string(exponent).string(modulus);
      break;
    }
  }
  return plain.take();
}

struct Parsed {
  std::string type;
  std::string plain_blob;
};

Result<Parsed> parse(std::string_view blob) {
  if (blob.size() > max_blob_bytes)
    return fail(ErrorKind::usage,
                fmt::format("a public key of more than {} bytes", max_blob_bytes));
  Decoder fields(blob);
  const std::string_view name = fields.string();
  if (!fields.ok() || name.empty()) return fail(ErrorKind::usage, "malformed public key");
  if (plain_type(name) == "ssh-dss")
    return fail(ErrorKind::usage,
                "a DSA key: it is too weak, and servers do not accept it any more");
  const KeyType *type = find_type(name);
  if (type == nullptr)
    return fail(ErrorKind::usage, fmt::format("keys of type {} are not supported", quoted(name)));
  const bool certificate = ends_in_certificate(name);
  if (certificate) fields.string();  // a nonce
  TRY_ASSIGN(std::string plain, read_key(fields, *type));
  if (certificate) {
    fields.uint64();  // serial number
    const std::uint32_t purpose = fields.uint32();
    fields.string();  // key id
    fields.string();  // principals
    fields.uint64();  // valid after
    fields.uint64();  // valid before
    for (int i = 0; i < 5; ++i)
      fields.string();  // critical options, extensions, reserved, signature key, signature
    if (fields.ok() && purpose != user_certificate)
      return fail(ErrorKind::usage, "a certificate for hosts, not for users");
  }
  if (!fields.finished()) return fail(ErrorKind::usage, fmt::format("malformed {}", name));
  return Parsed{std::string(name), std::move(plain)};
}

// Cuts the next word off `text`; blanks are spaces and tabs.
std::string_view take_word(std::string_view &text) {
  constexpr std::string_view blanks = " \t";
  text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
  const std::string_view word = text.substr(0, text.find_first_of(blanks));
  text.remove_prefix(word.size());
  text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
  return word;
}

// The first line that is neither empty nor a comment.
std::string_view first_line(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = std::min(text.find_first_of("\r\n"), text.size());
    const std::string_view line = text.substr(0, length);
    if (line.find_first_not_of(" \t") != std::string_view::npos && !line.starts_with('#'))
      return line;
    text.remove_prefix(std::min(length + 1, text.size()));
  }
  return {};
}

}  // namespace

Result<PublicKey> parse_public_key(std::string_view blob, std::string_view comment) {
  TRY_ASSIGN(Parsed parsed, parse(blob));
  return PublicKey{std::string(blob), std::move(parsed.type), std::string(comment)};
}

Result<PublicKey> parse_public_key_file(std::string_view text) {
  std::string_view line = first_line(text);
  const std::string_view type = take_word(line);
  const std::optional<std::string> blob = core::decode_base64(take_word(line));
  if (!blob || blob->empty()) return fail(ErrorKind::usage, "not a public key file");
  TRY_ASSIGN(PublicKey key, parse_public_key(*blob, line));
  if (key.type != type)
    return fail(ErrorKind::usage,
                fmt::format("the line says {}, the key in it is {}", quoted(type), key.type));
  return key;
}

bool is_public_key_file(std::string_view text) {
  std::string_view line = first_line(text);
  const std::string_view type = take_word(line);
  return find_type(type) != nullptr || type.starts_with("ssh-") || type.starts_with("ecdsa-") ||
         type.starts_with("sk-");
}

bool is_certificate(const PublicKey &key) { return ends_in_certificate(key.type); }

std::string plain_key_blob(const PublicKey &key) {
  if (!is_certificate(key)) return key.blob;
  // It was taken apart once already, when it became a PublicKey.
  return parse(key.blob).value_or(Parsed{}).plain_blob;
}

}  // namespace fanout::keys
