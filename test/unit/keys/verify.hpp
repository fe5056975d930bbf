// Checks signatures with OpenSSL against the public key of a .pub file: none of the code that made them takes part.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "fanout/wire/codec.hpp"

inline EVP_PKEY *public_from_params(const char *algorithm, OSSL_PARAM_BLD *builder) {
  EVP_PKEY *key = nullptr;
  OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
  EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(nullptr, algorithm, nullptr);
  EVP_PKEY_fromdata_init(context);
  EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params);
  EVP_PKEY_CTX_free(context);
  OSSL_PARAM_free(params);
  OSSL_PARAM_BLD_free(builder);
  return key;
}

inline BIGNUM *bignum(std::string_view bytes) {
  return BN_bin2bn(reinterpret_cast<const unsigned char *>(bytes.data()),
                   static_cast<int>(bytes.size()), nullptr);
}

// `inner` is the signature as libssh2's callback hands it over.
inline bool verifies(const std::string &blob, std::string_view algorithm, std::string_view data,
                     std::string_view inner) {
  fanout::wire::Decoder fields(blob);
  const std::string_view type = fields.string();
  EVP_PKEY *raw = nullptr;
  std::string signature(inner);
  if (type == "ssh-ed25519") {
    const std::string_view point = fields.string();
    raw = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr,
                                      reinterpret_cast<const unsigned char *>(point.data()),
                                      point.size());
  } else if (type == "ssh-rsa") {
    BIGNUM *e = bignum(fields.string());
    BIGNUM *n = bignum(fields.string());
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e);
    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n);
    raw = public_from_params("RSA", builder);
    BN_free(e);
    BN_free(n);
  } else {
    const std::string curve(fields.string());
    const std::string_view point = fields.string();
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    const std::string group = "P-" + curve.substr(5);
    OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, group.c_str(), 0);
    OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size());
    raw = public_from_params("EC", builder);
    fanout::wire::Decoder numbers(inner);
    ECDSA_SIG *parts = ECDSA_SIG_new();
    BIGNUM *r = bignum(numbers.string());
    BIGNUM *s = bignum(numbers.string());
    ECDSA_SIG_set0(parts, r, s);
    unsigned char *der = nullptr;
    const int size = i2d_ECDSA_SIG(parts, &der);
    signature.assign(reinterpret_cast<char *>(der), static_cast<std::size_t>(size));
    OPENSSL_free(der);
    ECDSA_SIG_free(parts);
    if (!numbers.finished()) return false;
  }
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(raw, EVP_PKEY_free);
  const EVP_MD *digest = nullptr;
  if (algorithm.ends_with("nistp256") || algorithm == "rsa-sha2-256") digest = EVP_sha256();
  if (algorithm.ends_with("nistp384")) digest = EVP_sha384();
  if (algorithm.ends_with("nistp521") || algorithm == "rsa-sha2-512") digest = EVP_sha512();
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        EVP_MD_CTX_free);
  return EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, key.get()) == 1 &&
         EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char *>(signature.data()),
                          signature.size(), reinterpret_cast<const unsigned char *>(data.data()),
                          data.size()) == 1;
}
