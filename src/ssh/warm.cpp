// What a worker inherits warm. OpenSSL 3 loads its providers, seeds its random generator and fetches each algorithm at
// first use; in a cold worker that is half of all its instructions (7.6 against 4.0 million). Each step below is one
// that callgrind shows in a worker's handshake when it is left out here.

#include <array>
#include <memory>

#include <libssh2.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "fanout/ssh/session.hpp"

namespace fanout::ssh {

using core::ErrorKind;
using core::fail;
using core::Result;

namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

// The key exchange.
void warm_x25519() {
  const Key ours(EVP_PKEY_Q_keygen(nullptr, nullptr, "X25519"), EVP_PKEY_free);
  const KeyContext context(EVP_PKEY_CTX_new(ours.get(), nullptr), EVP_PKEY_CTX_free);
  std::array<unsigned char, 32> shared{};
  std::size_t size = shared.size();
  if (context && EVP_PKEY_derive_init(context.get()) == 1 &&
      EVP_PKEY_derive_set_peer(context.get(), ours.get()) == 1)
    EVP_PKEY_derive(context.get(), shared.data(), &size);
}

// The server's signature, for the two kinds of host key whose verification fetches most.
void warm_signature(const char *type, const char *curve, const EVP_MD *digest) {
  const Key key(curve != nullptr ? EVP_PKEY_Q_keygen(nullptr, nullptr, type, curve)
                                 : EVP_PKEY_Q_keygen(nullptr, nullptr, type),
                EVP_PKEY_free);
  std::array<unsigned char, 128> signature{};
  std::size_t size = signature.size();
  const unsigned char text = 0;
  const DigestContext signer(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  const DigestContext verifier(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  if (key && EVP_DigestSignInit(signer.get(), nullptr, digest, nullptr, key.get()) == 1 &&
      EVP_DigestSign(signer.get(), signature.data(), &size, &text, 1) == 1 &&
      EVP_DigestVerifyInit(verifier.get(), nullptr, digest, nullptr, key.get()) == 1)
    EVP_DigestVerify(verifier.get(), signature.data(), size, &text, 1);
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
  unsigned char byte = 0;
  RAND_bytes(&byte, 1);
  warm_x25519();
  warm_signature("EC", "P-256", EVP_sha256());
  warm_signature("ED25519", nullptr, nullptr);
  warm_digests();
  return {};
}

std::string library_version() {
  const char *version = libssh2_version(0);
  return version == nullptr ? "?" : version;
}

std::string crypto_version() { return OpenSSL_version(OPENSSL_VERSION_STRING); }

}  // namespace fanout::ssh
