// One multiplication less in each key exchange. Of its own key pair libssh2 keeps bytes; to compute the shared secret it
// makes a key of OpenSSL's from the private half, and OpenSSL computes the public half once more (a sixth of what a worker
// computes at all). Here the public half, which is known, is given along.
//
// The linker puts these in the place of the library's (ld(1), --wrap), which is possible where it is linked statically.
// Whatever they do not expect is left to the library.

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

#include <libssh2.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

namespace {

using Key = std::array<unsigned char, 32>;  // RFC 7748: both halves, and the secret

// Of the key exchange under way. A process has one connection that exchanges keys at a time.
struct KeyPair {
  Key private_half{};
  Key public_half{};
  bool known = false;
};
KeyPair pair;

using EvpKey = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using EvpContext = std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)>;

EvpKey our_key() {
  OSSL_PARAM parts[] = {
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PRIV_KEY, pair.private_half.data(),
                                        pair.private_half.size()),
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, pair.public_half.data(),
                                        pair.public_half.size()),
      OSSL_PARAM_construct_end(),
  };
  const EvpContext context(EVP_PKEY_CTX_new_from_name(nullptr, "X25519", nullptr),
                           EVP_PKEY_CTX_free);
  EVP_PKEY *key = nullptr;
  if (!context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_KEYPAIR, parts) != 1)
    return {nullptr, EVP_PKEY_free};
  return {key, EVP_PKEY_free};
}

bool derive(const EvpKey &ours, const unsigned char *theirs, Key &secret) {
  const EvpKey peer(EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, nullptr, theirs, secret.size()),
                    EVP_PKEY_free);
  if (!peer) return false;
  const EvpContext context(EVP_PKEY_CTX_new(ours.get(), nullptr), EVP_PKEY_CTX_free);
  std::size_t size = secret.size();
  // Refuses the points of small order, with which every secret is zero (RFC 7748, section 6.1).
  return context && EVP_PKEY_derive_init(context.get()) == 1 &&
         EVP_PKEY_derive_set_peer(context.get(), peer.get()) == 1 &&
         EVP_PKEY_derive(context.get(), secret.data(), &size) == 1 && size == secret.size();
}

}  // namespace

extern "C" {

// The names are the linker's.
// NOLINTBEGIN(bugprone-reserved-identifier)
int __real__libssh2_curve25519_new(LIBSSH2_SESSION *session, unsigned char **public_half,
                                   unsigned char **private_half);
int __real__libssh2_curve25519_gen_k(BIGNUM **secret, unsigned char *private_half,
                                     unsigned char *theirs);

int __wrap__libssh2_curve25519_new(LIBSSH2_SESSION *session, unsigned char **public_half,
                                   unsigned char **private_half) {
  pair.known = false;
  const int result = __real__libssh2_curve25519_new(session, public_half, private_half);
  if (result != 0 || public_half == nullptr || private_half == nullptr || *public_half == nullptr ||
      *private_half == nullptr)
    return result;
  std::copy_n(*private_half, pair.private_half.size(), pair.private_half.begin());
  std::copy_n(*public_half, pair.public_half.size(), pair.public_half.begin());
  pair.known = true;
  return result;
}

int __wrap__libssh2_curve25519_gen_k(BIGNUM **secret, unsigned char *private_half,
                                     unsigned char *theirs) {
  if (!pair.known || secret == nullptr || *secret == nullptr || private_half == nullptr ||
      theirs == nullptr ||
      !std::equal(pair.private_half.begin(), pair.private_half.end(), private_half))
    return __real__libssh2_curve25519_gen_k(secret, private_half, theirs);
  const EvpKey ours = our_key();
  explicit_bzero(&pair, sizeof pair);
  if (!ours) return __real__libssh2_curve25519_gen_k(secret, private_half, theirs);
  Key bytes{};
  const bool done = derive(ours, theirs, bytes) &&
                    BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), *secret) != nullptr;
  explicit_bzero(bytes.data(), bytes.size());
  return done ? 0 : -1;
}

// NOLINTEND(bugprone-reserved-identifier)

}  // extern "C"
