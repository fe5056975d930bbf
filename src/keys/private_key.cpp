// OpenSSL reads the PEM forms; OpenSSH's container is ours. OpenSSL would ask for a missing passphrase on the terminal by
// itself: the callback that hands it over is what prevents that.
#include "private_key.hpp"

#include <cstring>
#include <utility>

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "evp_key.hpp"
#include "openssh_key.hpp"

namespace fanout::keys {

using core::ErrorKind;
using core::fail;
using core::Result;
using core::Secret;

namespace {

struct FreeBio {
  void operator()(BIO *bio) const { BIO_free(bio); }
};
struct FreeDigest {
  void operator()(EVP_MD_CTX *context) const { EVP_MD_CTX_free(context); }
};

struct PassphraseRequest {
  std::string_view passphrase;
  bool asked = false;
};

int give_passphrase(char *buffer, int size, int /*writing*/, void *user_data) {
  auto &request = *static_cast<PassphraseRequest *>(user_data);
  request.asked = true;
  if (request.passphrase.empty() || std::cmp_greater(request.passphrase.size(), size)) return -1;
  std::memcpy(buffer, request.passphrase.data(), request.passphrase.size());
  return static_cast<int>(request.passphrase.size());
}

Result<EvpKey> read_pem(std::string_view text, std::string_view passphrase) {
  const std::unique_ptr<BIO, FreeBio> input(
      BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  PassphraseRequest request{passphrase, false};
  EvpKey key(input ? PEM_read_bio_PrivateKey(input.get(), nullptr, give_passphrase, &request)
                   : nullptr);
  ERR_clear_error();
  if (key) return key;
  // With old PEM encryption a wrong passphrase can decrypt to anything, so every failure after the question is one.
  if (request.asked)
    return fail(ErrorKind::auth,
                passphrase.empty() ? "encrypted, and no passphrase was given" : "wrong passphrase");
  return fail(ErrorKind::usage, "not a private key in a known format");
}

bool is_pem(std::string_view text) {
  const std::size_t begin = text.find("-----BEGIN ");
  return begin != std::string_view::npos &&
         text.substr(begin, 64).find("PRIVATE KEY-----") != std::string_view::npos;
}

const EVP_MD *digest_of(std::string_view algorithm) {
  if (algorithm == "ecdsa-sha2-nistp256" || algorithm == "rsa-sha2-256") return EVP_sha256();
  if (algorithm == "ecdsa-sha2-nistp384") return EVP_sha384();
  if (algorithm == "ecdsa-sha2-nistp521" || algorithm == "rsa-sha2-512") return EVP_sha512();
  return nullptr;
}

}  // namespace

void PrivateKey::Free::operator()(evp_pkey_st *key) const { EVP_PKEY_free(key); }

Result<PrivateKey> PrivateKey::parse(std::string_view text, std::string_view passphrase) {
  if (!is_openssh_key_file(text)) {
    TRY_ASSIGN(EvpKey key, read_pem(text, passphrase));
    TRY_ASSIGN(const std::string blob, public_blob(key.get()));
    TRY_ASSIGN(PublicKey public_key, parse_public_key(blob, {}));
    return PrivateKey(Handle(key.release()), std::move(public_key));
  }
  TRY_ASSIGN(const OpensshKeyFile file, parse_openssh_key_file(text));
  TRY_ASSIGN(PublicKey public_key, parse_public_key(file.public_blob, {}));
  if (file.encrypted() && passphrase.empty())
    return fail(ErrorKind::auth, "encrypted, and no passphrase was given");
  TRY_ASSIGN(const Secret fields, decrypt_openssh_key(file, passphrase));
  TRY_ASSIGN(EvpKey key, make_evp_key(fields.reveal()));
  TRY_ASSIGN(const std::string blob, public_blob(key.get()));
  if (blob != file.public_blob)
    return fail(ErrorKind::usage, "its public and its private half are of different keys");
  return PrivateKey(Handle(key.release()), std::move(public_key));
}

Result<std::string> PrivateKey::sign(std::string_view algorithm, std::string_view data) const {
  const bool fits = public_key_.type == "ssh-rsa" ? algorithm.starts_with("rsa-sha2-")
                                                  : algorithm == public_key_.type;
  const EVP_MD *digest = digest_of(algorithm);
  const bool needs_digest = public_key_.type != "ssh-ed25519";
  if (!fits || (needs_digest && digest == nullptr))
    return fail(ErrorKind::protocol,
                fmt::format("no {} signatures with a key of type {}", algorithm, public_key_.type));
  const std::unique_ptr<EVP_MD_CTX, FreeDigest> context(EVP_MD_CTX_new());
  const auto *bytes = reinterpret_cast<const unsigned char *>(data.data());
  std::size_t size = 0;
  std::string signature;
  // RSA pads by PKCS#1 v1.5 unless told otherwise, as RFC 8332 wants.
  bool signed_ = context &&
                 EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, key_.get()) == 1 &&
                 EVP_DigestSign(context.get(), nullptr, &size, bytes, data.size()) == 1;
  if (signed_) {
    signature.resize(size);
    signed_ = EVP_DigestSign(context.get(), reinterpret_cast<unsigned char *>(signature.data()),
                             &size, bytes, data.size()) == 1;
  }
  if (!signed_) {
    ERR_clear_error();
    return fail(ErrorKind::internal, fmt::format("sign with {}: OpenSSL failed", algorithm));
  }
  signature.resize(size);
  if (algorithm.starts_with("ecdsa-")) return ecdsa_mpints(signature);
  return signature;
}

Result<KeyFileFacts> inspect_key_file(std::string_view text) {
  if (is_openssh_key_file(text)) {
    TRY_ASSIGN(const OpensshKeyFile file, parse_openssh_key_file(text));
    // The type is looked at now: nobody should have to type a passphrase to learn that the key is of no use.
    TRY(parse_public_key(file.public_blob, {}));
    return KeyFileFacts{file.encrypted(), file.public_blob};
  }
  if (!is_pem(text)) return fail(ErrorKind::usage, "not a private key in a known format");
  const bool encrypted =
      text.find("-----BEGIN ENCRYPTED PRIVATE KEY-----") != std::string_view::npos ||
      text.find("Proc-Type: 4,ENCRYPTED") != std::string_view::npos;
  return KeyFileFacts{encrypted, {}};
}

}  // namespace fanout::keys
