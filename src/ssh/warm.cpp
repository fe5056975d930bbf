// What a worker inherits warm. OpenSSL 3 loads its providers, seeds its random generator and fetches each algorithm at
// first use: 9.0 of the 12.3 million instructions of a cold worker. Each step below is one that callgrind shows in a worker
// when it is left out here (test/bench/instructions, an Ed25519 host key), and none computes anything: what takes time in
// cryptography is the computing, which nobody can inherit. So a run of one host pays no more than its worker would.
//
//     step              instructions once   less in each worker
//     provider, by the first 5.5 million    5.5 million
//     random generator       3.31 million   3.31 million
//     X25519                 0.15 million      80,000
//     Ed25519                0.06 million       5,000
//     digests                0.04 million      10,000
//     packet ciphers         0.13 million      20,000; where it is ChaCha20-Poly1305, 0.1 million

#include <array>
#include <memory>

#include <libssh2.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "fanout/ssh/session.hpp"
#include "packet_cipher.hpp"

namespace fanout::ssh {

using core::ErrorKind;
using core::fail;
using core::Result;

namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

Key public_key(int type) {
  const std::array<unsigned char, 32> bytes{9};
  return {EVP_PKEY_new_raw_public_key(type, nullptr, bytes.data(), bytes.size()), EVP_PKEY_free};
}

// The providers, too, which come with the first algorithm that anybody asks for.
void warm_random_generator() {
  unsigned char byte = 0;
  RAND_bytes(&byte, 1);
}

// The key exchange.
void warm_x25519() {
  const KeyContext generation(EVP_PKEY_CTX_new_id(EVP_PKEY_X25519, nullptr), EVP_PKEY_CTX_free);
  if (generation) EVP_PKEY_keygen_init(generation.get());
  const Key key = public_key(EVP_PKEY_X25519);
  const KeyContext exchange(EVP_PKEY_CTX_new(key.get(), nullptr), EVP_PKEY_CTX_free);
  if (exchange) EVP_PKEY_derive_init(exchange.get());
}

// The server's signature, for the kind of host key that is asked for first.
void warm_ed25519() {
  const Key key = public_key(EVP_PKEY_ED25519);
  const DigestContext context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  if (key && context) EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get());
}

// The exchange hash and the fingerprints, which libssh2 always computes.
void warm_digests() {
  for (const EVP_MD *digest : {EVP_md5(), EVP_sha1(), EVP_sha256(), EVP_sha512()}) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
    EVP_Digest("", 0, hash.data(), nullptr, digest, nullptr);
  }
}

}  // namespace

Result<void> start_library() {
  if (libssh2_init(0) != 0) return fail(ErrorKind::internal, "libssh2_init failed");
  // Nothing below can fail in a way that matters: what is not warm is done by each worker.
  warm_random_generator();
  warm_x25519();
  warm_ed25519();
  warm_digests();
  warm_ciphers();
  return {};
}

std::string library_version() {
  const char *version = libssh2_version(0);
  return version == nullptr ? "?" : version;
}

std::string crypto_version() { return OpenSSL_version(OPENSSL_VERSION_STRING); }

}  // namespace fanout::ssh
