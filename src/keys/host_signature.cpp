// RSA keys are taken from 1,024 bits on, as everywhere here and in OpenSSH (RequiredRSASize): which host keys are good
// enough is judged when they are accepted, and a second, stricter rule here would let a host be logged in to by password
// that could not be by key.
#include "host_signature.hpp"

#include <array>
#include <memory>
#include <string>

#include <fmt/format.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "evp_key.hpp"
#include "fanout/keys/public_key.hpp"
#include "fanout/wire/codec.hpp"
#include "quoted.hpp"
#include "signature.hpp"

namespace fanout::keys {

using core::ErrorKind;
using core::fail;
using core::Result;

namespace {

struct FreeDigest {
  void operator()(EVP_MD_CTX *context) const { EVP_MD_CTX_free(context); }
};

// The hash goes with the algorithm's name (RFC 5656, section 6.2.1; RFC 8332, section 3); Ed25519 brings its own.
struct Algorithm {
  std::string_view name;
  std::string_view key_type;
  const EVP_MD *(*digest)();
};
constexpr std::array<Algorithm, 6> algorithms{{
    {"ssh-ed25519", "ssh-ed25519", nullptr},
    {"ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256", EVP_sha256},
    {"ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384", EVP_sha384},
    {"ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521", EVP_sha512},
    {"rsa-sha2-256", "ssh-rsa", EVP_sha256},
    {"rsa-sha2-512", "ssh-rsa", EVP_sha512},
}};

const unsigned char *bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char *>(text.data());
}

}  // namespace

Result<bool> verify_host_signature(std::string_view key_blob, std::string_view signature,
                                   std::string_view data) {
  auto key = parse_public_key(key_blob, {});
  if (!key) return fail(ErrorKind::auth, "host key: " + key.error().message);
  if (is_certificate(*key)) return fail(ErrorKind::auth, "host key: a certificate");
  const std::string_view name = wire::Decoder(signature).string();
  const Algorithm *algorithm = nullptr;
  for (const Algorithm &known : algorithms)
    if (known.name == name && known.key_type == key->type) algorithm = &known;
  if (algorithm == nullptr)
    return fail(ErrorKind::protocol, fmt::format("a signature of algorithm {} by a key of type {}",
                                                 quoted(name), key->type));
  TRY_ASSIGN(std::string bytes, unwrap_signature(signature, algorithm->name, *key));
  if (algorithm->name.starts_with("ecdsa-")) {
    TRY_ASSIGN(bytes, ecdsa_der(bytes));
  }
  auto public_key = make_public_evp_key(key->blob);
  if (!public_key) return fail(ErrorKind::auth, "host key: " + public_key.error().message);
  const std::unique_ptr<EVP_MD_CTX, FreeDigest> context(EVP_MD_CTX_new());
  const EVP_MD *digest = algorithm->digest == nullptr ? nullptr : algorithm->digest();
  // RSA pads by PKCS#1 v1.5 unless told otherwise, as RFC 8332 wants.
  const bool valid =
      context &&
      EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, public_key->get()) == 1 &&
      EVP_DigestVerify(context.get(), bytes_of(bytes), bytes.size(), bytes_of(data), data.size()) ==
          1;
  ERR_clear_error();
  return valid;
}

namespace {

const EVP_MD *exchange_digest(std::size_t session_id_bytes) {
  switch (session_id_bytes) {
    case 32: return EVP_sha256();
    case 48: return EVP_sha384();
    case 64: return EVP_sha512();
    default: return nullptr;
  }
}

Result<bool> is_exchange_of(const core::HostKeyProof &proof, std::string_view session_id) {
  wire::Decoder exchange(proof.exchange);
  for (int i = 0; i < 4; ++i) exchange.string();  // both identifications, both KEXINITs
  const std::string_view host_key = exchange.string();
  if (!exchange.ok() || exchange.rest().empty())
    return fail(ErrorKind::protocol, "what is no key exchange");
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
  unsigned size = 0;
  const EVP_MD *digest = exchange_digest(session_id.size());
  return host_key == proof.host_key && digest != nullptr &&
         EVP_Digest(proof.exchange.data(), proof.exchange.size(), hash.data(), &size, digest,
                    nullptr) == 1 &&
         session_id == std::string_view(
                           static_cast<const char *>(static_cast<const void *>(hash.data())), size);
}

}  // namespace

Result<bool> verify_host_key_proof(const core::HostKeyProof &proof, std::string_view session_id) {
  TRY_ASSIGN(const bool is_exchange, is_exchange_of(proof, session_id));
  if (!is_exchange) return false;
  return verify_host_signature(proof.host_key, proof.signature, session_id);
}

namespace {

// The blob of a key on this curve whose point is the curve's own: one that costs no multiplication to make.
std::string generator_blob(int curve, std::string_view name) {
  const std::unique_ptr<EC_GROUP, decltype(&EC_GROUP_free)> group(EC_GROUP_new_by_curve_name(curve),
                                                                  EC_GROUP_free);
  if (!group) return {};
  std::array<unsigned char, 1 + 2 * 66> point{};
  const std::size_t size =
      EC_POINT_point2oct(group.get(), EC_GROUP_get0_generator(group.get()),
                         POINT_CONVERSION_UNCOMPRESSED, point.data(), point.size(), nullptr);
  return wire::Encoder()
      .string(fmt::format("ecdsa-sha2-{}", name))
      .string(name)
      .string({static_cast<const char *>(static_cast<const void *>(point.data())), size})
      .take();
}

}  // namespace

void warm_host_signatures() {
  static_cast<void>(is_exchange_of({"", "", std::string(21, '\0')}, std::string(32, 's')));

  const auto verify = [](std::string_view algorithm, const std::string &blob,
                         const std::string &inner) {
    // The answer is no; what counts is the way there, up to the multiplications.
    static_cast<void>(verify_host_signature(
        blob, wire::Encoder().string(algorithm).string(inner).take(), std::string(32, 's')));
  };
  verify("ssh-ed25519", wire::Encoder().string("ssh-ed25519").string(std::string(32, '\1')).take(),
         std::string(64, '\1'));
  // Any odd number with its top bit set is a modulus for this purpose.
  const std::string modulus = std::string(1, '\0') + std::string(256, '\xff');
  const std::string rsa = wire::Encoder().string("ssh-rsa").string("\3").string(modulus).take();
  verify("rsa-sha2-256", rsa, std::string(256, '\1'));
  verify("rsa-sha2-512", rsa, std::string(256, '\1'));
  // Larger than any of the orders, and so refused before the multiplications, which are slow for two of these curves.
  const std::string too_large = std::string(1, '\0') + std::string(66, '\xff');
  const std::string numbers = wire::Encoder().string(too_large).string(too_large).take();
  for (const auto &[curve, name] : {std::pair{NID_X9_62_prime256v1, "nistp256"},
                                    {NID_secp384r1, "nistp384"},
                                    {NID_secp521r1, "nistp521"}})
    verify(fmt::format("ecdsa-sha2-{}", name), generator_blob(curve, name), numbers);
  ERR_clear_error();
}

}  // namespace fanout::keys
