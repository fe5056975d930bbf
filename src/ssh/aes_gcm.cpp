// aes128-gcm@openssh.com and aes256-gcm@openssh.com, a packet at a time. libssh2 makes an OpenSSL call for every 16 bytes,
// which costs many times what AES does.
//
// The length is not encrypted, but the tag covers it (RFC 5647, section 7.3). The last 8 bytes of the initialisation vector
// count packets, from whatever the key exchange has made them (section 7.1).

#include <algorithm>
#include <array>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "packet_cipher.hpp"

namespace fanout::ssh {

namespace {

using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

const EVP_CIPHER *aes128() {
  static const EVP_CIPHER *const fetched = EVP_CIPHER_fetch(nullptr, "AES-128-GCM", nullptr);
  return fetched;
}

const EVP_CIPHER *aes256() {
  static const EVP_CIPHER *const fetched = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  return fetched;
}

class AesGcm final : public PacketCipher {
public:
  explicit AesGcm(const unsigned char *iv) { std::copy_n(iv, iv_.size(), iv_.begin()); }
  ~AesGcm() override { OPENSSL_cleanse(iv_.data(), iv_.size()); }

  bool begin(const EVP_CIPHER *algorithm, const unsigned char *key, bool encrypts) {
    return context_ && EVP_CipherInit_ex(context_.get(), algorithm, nullptr, key, nullptr,
                                         encrypts ? 1 : 0) == 1;
  }

private:
  std::uint32_t read_length(std::uint32_t, const unsigned char *packet) override {
    return std::uint32_t{packet[0]} << 24 | std::uint32_t{packet[1]} << 16 |
           std::uint32_t{packet[2]} << 8 | packet[3];
  }

  bool start_packet() {
    const bool done =
        EVP_CipherInit_ex(context_.get(), nullptr, nullptr, nullptr, iv_.data(), -1) == 1;
    for (std::size_t i = iv_.size(); i-- > iv_.size() - 8;)
      if (++iv_[i] != 0) break;
    return done;
  }

  bool apply(unsigned char *packet, std::uint32_t length) {
    unsigned char *payload = packet + length_field_bytes;
    int count = 0;
    return EVP_CipherUpdate(context_.get(), nullptr, &count, packet, length_field_bytes) == 1 &&
           EVP_CipherUpdate(context_.get(), payload, &count, payload, static_cast<int>(length)) ==
               1 &&
           EVP_CipherFinal_ex(context_.get(), payload + length, &count) == 1;
  }

  bool seal(std::uint32_t, unsigned char *packet, std::uint32_t length) override {
    return start_packet() && apply(packet, length) &&
           EVP_CIPHER_CTX_ctrl(context_.get(), EVP_CTRL_AEAD_GET_TAG, tag_bytes,
                               packet + length_field_bytes + length) == 1;
  }

  bool open(std::uint32_t, unsigned char *packet, std::uint32_t length) override {
    return start_packet() &&
           EVP_CIPHER_CTX_ctrl(context_.get(), EVP_CTRL_AEAD_SET_TAG, tag_bytes,
                               packet + length_field_bytes + length) == 1 &&
           apply(packet, length);
  }

  [[nodiscard]] std::uint32_t block_bytes() const override { return 16; }

  CipherContext context_{EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free};
  std::array<unsigned char, 12> iv_{};
};

}  // namespace

std::unique_ptr<PacketCipher> make_aes_gcm(std::size_t key_bytes, const unsigned char *key,
                                           const unsigned char *iv, bool encrypts) {
  const EVP_CIPHER *algorithm = key_bytes == 16 ? aes128() : aes256();
  if (algorithm == nullptr) return nullptr;
  auto cipher = std::make_unique<AesGcm>(iv);
  if (!cipher->begin(algorithm, key, encrypts)) return nullptr;
  return cipher;
}

void fetch_aes_gcm() { aes128(); }

}  // namespace fanout::ssh
