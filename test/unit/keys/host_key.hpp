// A server's key as the tests have it: generated, signs sessions, and says what a real server would. Made with OpenSSL
// alone, so that none of the code that verifies takes part.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "fanout/core/host_key_proof.hpp"
#include "fanout/wire/codec.hpp"

class HostKey {
public:
  // "ssh-ed25519", "ecdsa-sha2-nistp256", 384, 521, "ssh-rsa".
  explicit HostKey(std::string type, unsigned rsa_bits = 2048)
      : type_(std::move(type)), key_(generate(type_, rsa_bits), EVP_PKEY_free) {
    if (!key_) throw std::runtime_error("no host key of type " + type_);
  }

  [[nodiscard]] std::string blob() const {
    fanout::wire::Encoder blob;
    blob.string(type_);
    if (type_ == "ssh-ed25519") {
      std::string point(32, '\0');
      std::size_t size = point.size();
      EVP_PKEY_get_raw_public_key(key_.get(), bytes(point), &size);
      blob.string(point);
    } else if (type_ == "ssh-rsa") {
      blob.string(number("e")).string(number("n"));
    } else {
      std::string point(200, '\0');
      std::size_t size = 0;
      EVP_PKEY_get_octet_string_param(key_.get(), OSSL_PKEY_PARAM_PUB_KEY, bytes(point),
                                      point.size(), &size);
      point.resize(size);
      blob.string(type_.substr(std::string("ecdsa-sha2-").size())).string(point);
    }
    return blob.take();
  }

  // An SSH signature structure. `algorithm` decides the hash and is written into it; `name` is written instead if given.
  [[nodiscard]] std::string sign(std::string_view data, std::string algorithm = {},
                                 const std::string &name = {}) const {
    if (algorithm.empty()) algorithm = type_ == "ssh-rsa" ? "rsa-sha2-512" : type_;
    const EVP_MD *digest = nullptr;
    if (algorithm == "ssh-rsa") digest = EVP_sha1();
    if (algorithm.ends_with("256")) digest = EVP_sha256();
    if (algorithm.ends_with("384")) digest = EVP_sha384();
    if (algorithm.ends_with("521") || algorithm.ends_with("512")) digest = EVP_sha512();
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                          EVP_MD_CTX_free);
    std::string raw(4096, '\0');
    std::size_t size = raw.size();
    if (EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, key_.get()) != 1 ||
        EVP_DigestSign(context.get(), bytes(raw), &size,
                       reinterpret_cast<const unsigned char *>(data.data()), data.size()) != 1)
      throw std::runtime_error("cannot sign with " + algorithm);
    raw.resize(size);
    if (type_.starts_with("ecdsa-")) raw = mpints(raw);
    return fanout::wire::Encoder().string(name.empty() ? algorithm : name).string(raw).take();
  }

  // What a session with this server is the hash of; `number` makes it one of many.
  [[nodiscard]] std::string exchange(int number = 0) const {
    return fanout::wire::Encoder()
        .string("SSH-2.0-client")
        .string("SSH-2.0-server")
        .string("what the client takes")
        .string("what the server takes " + std::to_string(number))
        .string(blob())
        .string("half of the client")
        .string("half of the server")
        .string("secret")
        .take();
  }
  // Its identifier, by SHA-256, SHA-384 or SHA-512.
  [[nodiscard]] std::string session(int number = 0, const EVP_MD *digest = EVP_sha256()) const {
    const std::string text = exchange(number);
    std::string hash(EVP_MAX_MD_SIZE, '\0');
    unsigned size = 0;
    EVP_Digest(text.data(), text.size(), bytes(hash), &size, digest, nullptr);
    hash.resize(size);
    return hash;
  }
  [[nodiscard]] fanout::core::HostKeyProof prove(int number = 0) const {
    return {blob(), sign(session(number)), exchange(number)};
  }

private:
  static unsigned char *bytes(std::string &text) {
    return reinterpret_cast<unsigned char *>(text.data());
  }
  static EVP_PKEY *generate(const std::string &type, unsigned rsa_bits) {
    if (type == "ssh-ed25519") return EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
    if (type == "ssh-rsa")
      return EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", static_cast<std::size_t>(rsa_bits));
    const std::string curve = "P-" + type.substr(type.size() - 3);
    return EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", curve.c_str());
  }
  static std::string mpint(const BIGNUM *value) {
    std::string text(static_cast<std::size_t>(BN_num_bytes(value)), '\0');
    BN_bn2bin(value, bytes(text));
    if (!text.empty() && static_cast<signed char>(text.front()) < 0) text.insert(0, 1, '\0');
    return text;
  }
  [[nodiscard]] std::string number(const char *name) const {
    BIGNUM *value = nullptr;
    EVP_PKEY_get_bn_param(key_.get(), name, &value);
    std::string text = mpint(value);
    BN_free(value);
    return text;
  }
  static std::string mpints(const std::string &der) {
    const auto *at = reinterpret_cast<const unsigned char *>(der.data());
    ECDSA_SIG *parts = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size()));
    std::string text = fanout::wire::Encoder()
                           .string(mpint(ECDSA_SIG_get0_r(parts)))
                           .string(mpint(ECDSA_SIG_get0_s(parts)))
                           .take();
    ECDSA_SIG_free(parts);
    return text;
  }

  std::string type_;
  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key_;
};
