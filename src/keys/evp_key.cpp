#include "evp_key.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include <fmt/format.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/param_build.h>

#include "fanout/wire/codec.hpp"
#include "quoted.hpp"

namespace fanout::keys {

using core::ErrorKind;
using core::fail;
using core::Result;
using wire::Decoder;
using wire::Encoder;

namespace {

template <auto release>
struct Release {
  template <class T>
  void operator()(T *object) const {
    release(object);
  }
};
using Number = std::unique_ptr<BIGNUM, Release<BN_clear_free>>;
using ParamBuilder = std::unique_ptr<OSSL_PARAM_BLD, Release<OSSL_PARAM_BLD_free>>;
using Params = std::unique_ptr<OSSL_PARAM, Release<OSSL_PARAM_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Release<EVP_PKEY_CTX_free>>;
using NumberContext = std::unique_ptr<BN_CTX, Release<BN_CTX_free>>;
using EcdsaSignature = std::unique_ptr<ECDSA_SIG, Release<ECDSA_SIG_free>>;

struct Curve {
  std::string_view ssh_name;
  const char *openssl_name;
  std::size_t coordinate_bytes;
};
constexpr std::array<Curve, 3> curves{{
    {"nistp256", "prime256v1", 32},
    {"nistp384", "secp384r1", 48},
    {"nistp521", "secp521r1", 66},
}};

tl::unexpected<core::Error> malformed(std::string_view type) {
  return fail(ErrorKind::usage, fmt::format("malformed {} private key", type));
}
tl::unexpected<core::Error> malformed_public(std::string_view type) {
  return fail(ErrorKind::usage, fmt::format("malformed {} public key", type));
}

const unsigned char *bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char *>(text.data());
}

Number number_from(std::string_view bytes) {
  return Number(BN_bin2bn(bytes_of(bytes), static_cast<int>(bytes.size()), nullptr));
}

std::string mpint(const BIGNUM *number) {
  std::string bytes(static_cast<std::size_t>(BN_num_bytes(number)), '\0');
  BN_bn2bin(number, reinterpret_cast<unsigned char *>(bytes.data()));
  // A number, not a sign: RFC 4251, section 5.
  if (!bytes.empty() && static_cast<signed char>(bytes.front()) < 0)
    bytes.insert(bytes.begin(), '\0');
  return bytes;
}

EvpKey key_from_params(const char *algorithm, OSSL_PARAM_BLD *builder,
                       int selection = EVP_PKEY_KEYPAIR) {
  const Params params(OSSL_PARAM_BLD_to_param(builder));
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, algorithm, nullptr));
  EVP_PKEY *key = nullptr;
  if (!params || !context || EVP_PKEY_fromdata_init(context.get()) != 1) return nullptr;
  if (EVP_PKEY_fromdata(context.get(), &key, selection, params.get()) != 1) return nullptr;
  return EvpKey(key);
}

Result<EvpKey> make_ed25519(Decoder &fields) {
  const std::string_view point = fields.string();
  const std::string_view seed_and_point = fields.string();
  if (!fields.finished() || point.size() != 32 || seed_and_point.size() != 64 ||
      seed_and_point.substr(32) != point)
    return malformed("ssh-ed25519");
  EvpKey key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, bytes_of(seed_and_point), 32));
  if (!key) return malformed("ssh-ed25519");
  return key;
}

Result<EvpKey> make_ecdsa(Decoder &fields) {
  const std::string_view curve_name = fields.string();
  const std::string_view point = fields.string();
  const std::string_view secret = fields.string();
  const auto curve = std::find_if(curves.begin(), curves.end(),
                                  [&](const Curve &known) { return known.ssh_name == curve_name; });
  if (!fields.finished() || curve == curves.end() || secret.size() > 67) return malformed("ECDSA");
  const Number number = number_from(secret);
  const ParamBuilder builder(OSSL_PARAM_BLD_new());
  if (!number || !builder ||
      OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME,
                                      curve->openssl_name, 0) != 1 ||
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                       point.size()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_PRIV_KEY, number.get()) != 1)
    return malformed("ECDSA");
  EvpKey key = key_from_params("EC", builder.get());
  if (!key) return malformed("ECDSA");
  const KeyContext check(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
  if (!check || EVP_PKEY_pairwise_check(check.get()) != 1) return malformed("ECDSA");
  return key;
}

Result<EvpKey> make_rsa(Decoder &fields) {
  enum { n, e, d, inverse, p, q, d_p, d_q, count };
  std::array<Number, count> numbers;
  for (int i = n; i <= q; ++i) {
    const std::string_view bytes = fields.string();
    // 16,384 bits and a sign.
    if (bytes.empty() || bytes.size() > 2049) return malformed("RSA");
    numbers[static_cast<std::size_t>(i)] = number_from(bytes);
  }
  const NumberContext context(BN_CTX_secure_new());
  const Number scratch(BN_secure_new());
  numbers[d_p].reset(BN_secure_new());
  numbers[d_q].reset(BN_secure_new());
  const bool complete = std::all_of(numbers.begin(), numbers.end(),
                                    [](const Number &number) { return number != nullptr; });
  if (!fields.finished() || !context || !scratch || !complete) return malformed("RSA");
  for (Number &number : numbers) BN_set_flags(number.get(), BN_FLG_CONSTTIME);
  if (BN_mul(scratch.get(), numbers[p].get(), numbers[q].get(), context.get()) != 1 ||
      BN_cmp(scratch.get(), numbers[n].get()) != 0)
    return malformed("RSA");
  // The file leaves out the two exponents of the Chinese remainder theorem: d mod (p-1), d mod (q-1).
  const auto reduce = [&](Number &target, const Number &prime) {
    return BN_sub(scratch.get(), prime.get(), BN_value_one()) == 1 &&
           BN_mod(target.get(), numbers[d].get(), scratch.get(), context.get()) == 1;
  };
  if (!reduce(numbers[d_p], numbers[p]) || !reduce(numbers[d_q], numbers[q]))
    return malformed("RSA");
  constexpr std::array<const char *, count> names{
      OSSL_PKEY_PARAM_RSA_N,         OSSL_PKEY_PARAM_RSA_E,
      OSSL_PKEY_PARAM_RSA_D,         OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
      OSSL_PKEY_PARAM_RSA_FACTOR1,   OSSL_PKEY_PARAM_RSA_FACTOR2,
      OSSL_PKEY_PARAM_RSA_EXPONENT1, OSSL_PKEY_PARAM_RSA_EXPONENT2};
  const ParamBuilder builder(OSSL_PARAM_BLD_new());
  if (!builder) return malformed("RSA");
  for (std::size_t i = 0; i < count; ++i)
    if (OSSL_PARAM_BLD_push_BN(builder.get(), names[i], numbers[i].get()) != 1)
      return malformed("RSA");
  EvpKey key = key_from_params("RSA", builder.get());
  if (!key) return malformed("RSA");
  return key;
}

Number get_number(const EVP_PKEY *key, const char *name) {
  BIGNUM *number = nullptr;
  EVP_PKEY_get_bn_param(key, name, &number);
  return Number(number);
}

Result<std::string> ecdsa_blob(const EVP_PKEY *key) {
  std::array<char, 64> group{};
  EVP_PKEY_get_group_name(key, group.data(), group.size() - 1, nullptr);
  const auto curve = std::find_if(curves.begin(), curves.end(), [&](const Curve &known) {
    return std::string_view(group.data()) == known.openssl_name;
  });
  if (curve == curves.end())
    return fail(ErrorKind::usage, fmt::format("an EC key on the curve {}, which SSH does not have",
                                              quoted(group.data())));
  const Number x = get_number(key, OSSL_PKEY_PARAM_EC_PUB_X);
  const Number y = get_number(key, OSSL_PKEY_PARAM_EC_PUB_Y);
  // Always uncompressed, whatever the file has.
  std::string point(1 + 2 * curve->coordinate_bytes, '\4');
  auto *coordinates = reinterpret_cast<unsigned char *>(point.data()) + 1;
  const int size = static_cast<int>(curve->coordinate_bytes);
  if (!x || !y || BN_bn2binpad(x.get(), coordinates, size) != size ||
      BN_bn2binpad(y.get(), coordinates + size, size) != size)
    return malformed("ECDSA");
  return Encoder()
      .string(fmt::format("ecdsa-sha2-{}", curve->ssh_name))
      .string(curve->ssh_name)
      .string(point)
      .take();
}

}  // namespace

Result<EvpKey> make_evp_key(std::string_view private_fields) {
  Decoder fields(private_fields);
  const std::string_view type = fields.string();
  if (type == "ssh-ed25519") return make_ed25519(fields);
  if (type.starts_with("ecdsa-sha2-")) return make_ecdsa(fields);
  if (type == "ssh-rsa") return make_rsa(fields);
  return fail(ErrorKind::usage,
              fmt::format("private keys of type {} are not supported", quoted(type)));
}

Result<std::string> public_blob(const EVP_PKEY *key) {
  switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_ED25519: {
      std::string point(32, '\0');
      std::size_t size = point.size();
      if (EVP_PKEY_get_raw_public_key(key, reinterpret_cast<unsigned char *>(point.data()),
                                      &size) != 1)
        return malformed("Ed25519");
      return Encoder().string("ssh-ed25519").string(point).take();
    }
    case EVP_PKEY_EC: return ecdsa_blob(key);
    case EVP_PKEY_RSA: {
      const Number e = get_number(key, OSSL_PKEY_PARAM_RSA_E);
      const Number n = get_number(key, OSSL_PKEY_PARAM_RSA_N);
      if (!e || !n) return malformed("RSA");
      return Encoder().string("ssh-rsa").string(mpint(e.get())).string(mpint(n.get())).take();
    }
    case EVP_PKEY_DSA:
      return fail(ErrorKind::usage,
                  "a DSA key: it is too weak, and servers do not accept it any more");
    default: return fail(ErrorKind::usage, "a key of a type that SSH does not have");
  }
}

Result<EvpKey> make_public_evp_key(std::string_view blob) {
  Decoder fields(blob);
  const std::string_view type = fields.string();
  if (type == "ssh-ed25519") {
    const std::string_view point = fields.string();
    EvpKey key(
        EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_of(point), point.size()));
    if (!key) return malformed_public(type);
    return key;
  }
  const ParamBuilder builder(OSSL_PARAM_BLD_new());
  EvpKey key;
  if (type == "ssh-rsa") {
    const Number e = number_from(fields.string());
    const Number n = number_from(fields.string());
    if (builder && e && n &&
        OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) == 1 &&
        OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) == 1)
      key = key_from_params("RSA", builder.get(), EVP_PKEY_PUBLIC_KEY);
  } else {
    const std::string_view curve_name = fields.string();
    const std::string_view point = fields.string();
    const auto curve = std::find_if(curves.begin(), curves.end(), [&](const Curve &known) {
      return known.ssh_name == curve_name;
    });
    // OpenSSL checks that the point lies on the curve.
    if (builder && curve != curves.end() &&
        OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME,
                                        curve->openssl_name, 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                         point.size()) == 1)
      key = key_from_params("EC", builder.get(), EVP_PKEY_PUBLIC_KEY);
  }
  if (!key) {
    ERR_clear_error();
    return malformed_public(type);
  }
  return key;
}

Result<std::string> ecdsa_mpints(std::string_view der) {
  const unsigned char *at = bytes_of(der);
  const EcdsaSignature signature(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
  if (!signature) return fail(ErrorKind::internal, "malformed ECDSA signature");
  return Encoder()
      .string(mpint(ECDSA_SIG_get0_r(signature.get())))
      .string(mpint(ECDSA_SIG_get0_s(signature.get())))
      .take();
}

Result<std::string> ecdsa_der(std::string_view mpints) {
  Decoder numbers(mpints);
  Number r = number_from(numbers.string());
  Number s = number_from(numbers.string());
  const EcdsaSignature signature(ECDSA_SIG_new());
  if (!numbers.finished() || !r || !s || !signature)
    return fail(ErrorKind::protocol, "malformed ECDSA signature");
  ECDSA_SIG_set0(signature.get(), r.release(), s.release());
  unsigned char *bytes = nullptr;
  const int size = i2d_ECDSA_SIG(signature.get(), &bytes);
  if (size <= 0) return fail(ErrorKind::protocol, "malformed ECDSA signature");
  std::string der(reinterpret_cast<const char *>(bytes), static_cast<std::size_t>(size));
  OPENSSL_free(bytes);
  return der;
}

}  // namespace fanout::keys
