// The key exchange whose second half is replaced at link time, as libssh2 calls it, against OpenSSL on the other side.

#include <array>
#include <cstdlib>
#include <memory>
#include <string>

#include <catch2/catch_test_macros.hpp>
#include <libssh2.h>
#include <openssl/bn.h>
#include <openssl/evp.h>

extern "C" {
int _libssh2_curve25519_new(LIBSSH2_SESSION *session, unsigned char **public_half,
                            unsigned char **private_half);
int _libssh2_curve25519_gen_k(BIGNUM **secret, unsigned char *private_half, unsigned char *theirs);
}

namespace {

using Key = std::array<unsigned char, 32>;
using EvpKey = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

struct Pair {
  Pair() { REQUIRE(_libssh2_curve25519_new(session.get(), &public_half, &private_half) == 0); }
  ~Pair() {
    std::free(public_half);
    std::free(private_half);
  }
  Pair(const Pair &) = delete;
  Pair &operator=(const Pair &) = delete;

  // With malloc and free for memory.
  std::unique_ptr<LIBSSH2_SESSION, decltype(&libssh2_session_free)> session{libssh2_session_init(),
                                                                            libssh2_session_free};
  unsigned char *public_half = nullptr;
  unsigned char *private_half = nullptr;
};

// "" when it was refused.
std::string ours(unsigned char *private_half, Key theirs) {
  BIGNUM *secret = BN_new();
  const std::unique_ptr<BIGNUM, decltype(&BN_free)> owner(secret, BN_free);
  if (_libssh2_curve25519_gen_k(&secret, private_half, theirs.data()) != 0) return "";
  Key bytes{};
  REQUIRE(BN_bn2binpad(secret, bytes.data(), static_cast<int>(bytes.size())) == 32);
  return {bytes.begin(), bytes.end()};
}

Key public_half_of(EVP_PKEY *key) {
  Key bytes{};
  std::size_t size = bytes.size();
  REQUIRE(EVP_PKEY_get_raw_public_key(key, bytes.data(), &size) == 1);
  return bytes;
}

std::string theirs(EVP_PKEY *key, const unsigned char *our_public_half) {
  const EvpKey peer(EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, nullptr, our_public_half, 32),
                    EVP_PKEY_free);
  const std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> context(
      EVP_PKEY_CTX_new(key, nullptr), EVP_PKEY_CTX_free);
  Key bytes{};
  std::size_t size = bytes.size();
  REQUIRE(EVP_PKEY_derive_init(context.get()) == 1);
  REQUIRE(EVP_PKEY_derive_set_peer(context.get(), peer.get()) == 1);
  REQUIRE(EVP_PKEY_derive(context.get(), bytes.data(), &size) == 1);
  return {bytes.begin(), bytes.end()};
}

}  // namespace

TEST_CASE("curve25519: both sides come to the same secret", "[ssh]") {
  const EvpKey server(EVP_PKEY_Q_keygen(nullptr, nullptr, "X25519"), EVP_PKEY_free);
  for (int i = 0; i < 20; ++i) {
    const Pair pair;
    CHECK(ours(pair.private_half, public_half_of(server.get())) ==
          theirs(server.get(), pair.public_half));
  }
}

TEST_CASE("curve25519: a key pair that is not the last one is as good", "[ssh]") {
  const EvpKey server(EVP_PKEY_Q_keygen(nullptr, nullptr, "X25519"), EVP_PKEY_free);
  const Pair first;
  const Pair second;
  CHECK(ours(first.private_half, public_half_of(server.get())) ==
        theirs(server.get(), first.public_half));
  // And each once more, when nothing is remembered of it.
  for (const Pair *pair : {&second, &second, &first})
    CHECK(ours(pair->private_half, public_half_of(server.get())) ==
          theirs(server.get(), pair->public_half));
}

TEST_CASE("curve25519: a point of small order is refused", "[ssh]") {
  const Pair pair;
  CHECK(ours(pair.private_half, Key{}).empty());
  CHECK(ours(pair.private_half, Key{1}).empty());
}
