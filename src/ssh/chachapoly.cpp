// chacha20-poly1305@openssh.com on OpenSSL's ChaCha20 and Poly1305, which use the processor's vectors; libssh2's own are
// portable C, and take three times as long.
//
// Two keys: the second encrypts the length alone, with block 0 of its stream; of the first, block 0 makes the key of the
// tag, and what the length counts begins with block 1. The nonce is the packet's number.

#include <array>
#include <cstring>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "packet_cipher.hpp"

namespace fanout::ssh {

namespace {

constexpr std::size_t key_bytes = 32;
constexpr std::size_t chacha_block_bytes = 64;

using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;
using MacContext = std::unique_ptr<EVP_MAC_CTX, decltype(&EVP_MAC_CTX_free)>;

struct Algorithms {
  EVP_CIPHER *chacha20 = EVP_CIPHER_fetch(nullptr, "ChaCha20", nullptr);
  EVP_MAC *poly1305 = EVP_MAC_fetch(nullptr, "POLY1305", nullptr);
};

const Algorithms &algorithms() {
  static const Algorithms fetched;
  return fetched;
}

class ChachaPoly final : public PacketCipher {
public:
  bool begin(const unsigned char *key) {
    return payload_ && length_ && mac_ && begin(payload_, key) && begin(length_, key + key_bytes);
  }

private:
  // A block counter, and the number at the end of the nonce.
  using Iv = std::array<unsigned char, 16>;

  static bool begin(const CipherContext &context, const unsigned char *key) {
    return EVP_CipherInit_ex(context.get(), algorithms().chacha20, nullptr, key, nullptr, 1) == 1;
  }

  static bool start_at(const CipherContext &context, std::uint32_t sequence) {
    Iv iv{};
    for (std::size_t i = 0; i < sizeof sequence; ++i)
      iv[iv.size() - 1 - i] = static_cast<unsigned char>(sequence >> 8 * i);
    return EVP_CipherInit_ex(context.get(), nullptr, nullptr, nullptr, iv.data(), -1) == 1;
  }

  static bool apply(const CipherContext &context, unsigned char *out, const unsigned char *in,
                    std::size_t size) {
    int count = 0;
    return EVP_CipherUpdate(context.get(), out, &count, in, static_cast<int>(size)) == 1;
  }

  // Leaves the payload's stream at block 1.
  bool prepare_tag(std::uint32_t sequence) {
    std::array<unsigned char, chacha_block_bytes> block{};
    const bool done = start_at(payload_, sequence) &&
                      apply(payload_, block.data(), block.data(), block.size()) &&
                      EVP_MAC_init(mac_.get(), block.data(), key_bytes, nullptr) == 1;
    OPENSSL_cleanse(block.data(), block.size());
    return done;
  }

  bool compute_tag(const unsigned char *packet, std::size_t size, unsigned char *tag) {
    std::size_t count = 0;
    return EVP_MAC_update(mac_.get(), packet, size) == 1 &&
           EVP_MAC_final(mac_.get(), tag, &count, tag_bytes) == 1 && count == tag_bytes;
  }

  std::uint32_t read_length(std::uint32_t sequence, const unsigned char *packet) override {
    std::array<unsigned char, length_field_bytes> bytes{};
    if (!start_at(length_, sequence) || !apply(length_, bytes.data(), packet, bytes.size()))
      return 0;
    return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 |
           std::uint32_t{bytes[2]} << 8 | bytes[3];
  }

  bool seal(std::uint32_t sequence, unsigned char *packet, std::uint32_t length) override {
    unsigned char *payload = packet + length_field_bytes;
    return start_at(length_, sequence) && apply(length_, packet, packet, length_field_bytes) &&
           prepare_tag(sequence) && apply(payload_, payload, payload, length) &&
           compute_tag(packet, length_field_bytes + length, payload + length);
  }

  // Nothing is decrypted before the tag has been found right. The length field stays as it is.
  bool open(std::uint32_t sequence, unsigned char *packet, std::uint32_t length) override {
    unsigned char *payload = packet + length_field_bytes;
    std::array<unsigned char, tag_bytes> tag{};
    return prepare_tag(sequence) && compute_tag(packet, length_field_bytes + length, tag.data()) &&
           CRYPTO_memcmp(tag.data(), payload + length, tag.size()) == 0 &&
           apply(payload_, payload, payload, length);
  }

  [[nodiscard]] std::uint32_t block_bytes() const override { return 8; }

  CipherContext payload_{EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free};
  CipherContext length_{EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free};
  MacContext mac_{EVP_MAC_CTX_new(algorithms().poly1305), EVP_MAC_CTX_free};
};

}  // namespace

std::unique_ptr<PacketCipher> make_chachapoly(const unsigned char *key) {
  if (algorithms().chacha20 == nullptr || algorithms().poly1305 == nullptr) return nullptr;
  auto cipher = std::make_unique<ChachaPoly>();
  if (!cipher->begin(key)) return nullptr;
  return cipher;
}

void fetch_chachapoly() { algorithms(); }

}  // namespace fanout::ssh
