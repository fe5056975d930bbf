// One direction of a connection under one key: encrypts or decrypts whole packets, each with a tag that proves it.
//
// A packet is its length, of 4 bytes, what the length counts, and room for the tag; everything happens in place. A packet
// that was refused ends the connection, whatever the caller does: nothing is decrypted any more.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace fanout::ssh {

class PacketCipher {
public:
  static constexpr std::size_t length_field_bytes = 4;
  static constexpr std::size_t tag_bytes = 16;
  // RFC 4253, section 6.1: "total packet size of 35000 bytes or less". Nothing larger fits into libssh2's buffer.
  static constexpr std::size_t packet_limit_bytes = 35'000;

  PacketCipher() = default;
  PacketCipher(const PacketCipher &) = delete;
  PacketCipher &operator=(const PacketCipher &) = delete;
  virtual ~PacketCipher() = default;

  // The value of the length field, of which the first 4 bytes of a packet are given; 0 for one that no packet of this
  // cipher can have. It is not proven yet.
  std::uint32_t length(std::uint32_t sequence, const unsigned char *packet) {
    const std::uint32_t length = broken_ ? 0 : read_length(sequence, packet);
    return is_possible(length) ? length : 0;
  }
  // False when it cannot be done; then the packet must not be sent.
  bool encrypt(std::uint32_t sequence, unsigned char *packet, std::uint32_t length) {
    return !broken_ && seal(sequence, packet, length);
  }
  // False when the packet is not what the other side has sent, or is empty.
  bool decrypt(std::uint32_t sequence, unsigned char *packet, std::uint32_t length) {
    broken_ = broken_ || !is_possible(length) || !open(sequence, packet, length) ||
              packet[length_field_bytes] + std::uint32_t{1} >= length;  // all padding
    return !broken_;
  }

protected:
  virtual std::uint32_t read_length(std::uint32_t sequence, const unsigned char *packet) = 0;
  virtual bool seal(std::uint32_t sequence, unsigned char *packet, std::uint32_t length) = 0;
  virtual bool open(std::uint32_t sequence, unsigned char *packet, std::uint32_t length) = 0;
  [[nodiscard]] virtual std::uint32_t block_bytes() const = 0;

private:
  [[nodiscard]] bool is_possible(std::uint32_t length) const {
    return length > 0 && length % block_bytes() == 0 &&
           length <= packet_limit_bytes - length_field_bytes - tag_bytes;
  }

  bool broken_ = false;
};

// Each copies the key, and wipes its copy in the end; null when OpenSSL cannot.

// PROTOCOL.chacha20poly1305 of OpenSSH; a key of 64 bytes.
std::unique_ptr<PacketCipher> make_chachapoly(const unsigned char *key);
// RFC 5647 as OpenSSH has it, a key of 16 or 32 bytes and an initialisation vector of 12. Counts packets itself.
std::unique_ptr<PacketCipher> make_aes_gcm(std::size_t key_bytes, const unsigned char *key,
                                           const unsigned char *iv, bool encrypts);

// Looks the algorithms up that the ciphers are made of, of AES-GCM those of the shorter key. They are kept, in children as
// well.
void fetch_chachapoly();
void fetch_aes_gcm();

// Of those ciphers that are offered, whoever implements them.
void warm_ciphers();

}  // namespace fanout::ssh
