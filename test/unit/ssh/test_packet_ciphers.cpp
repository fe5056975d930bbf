// The ciphers that are put in the place of libssh2's at link time, called as libssh2 calls them: through its table, with a
// packet inside a buffer of exactly the size that it counts on.
//
// The first vector is the one of draft-ietf-sshm-chacha20-poly1305. The others were computed by implementations of their
// own, of ChaCha20, Poly1305 and GHASH in plain arithmetic, which reproduce that vector and case 4 of the GCM
// specification.

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "fanout/ssh/algorithms.hpp"
#include "ssh/crypt_method.hpp"

using namespace fanout;
using ssh::CryptMethod;

extern "C" const CryptMethod **libssh2_crypt_methods();

namespace {

constexpr std::size_t field_bytes = 4;
constexpr std::size_t tag_bytes = 16;

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  return bytes;
}

std::string counted_from_zero(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i);
  return bytes;
}

std::string length_field(std::uint32_t length) {
  return {static_cast<char>(length >> 24), static_cast<char>(length >> 16),
          static_cast<char>(length >> 8), static_cast<char>(length)};
}

// The packet that the vectors are of: 4 bytes of padding, for which the cipher does not care where they are.
std::string plain_packet(std::uint32_t length, std::uint32_t seed) {
  std::string packet = length_field(length) + '\x04';
  for (std::uint32_t i = 0; i + 1 < length; ++i) packet += static_cast<char>(i * 7 + seed);
  return packet;
}

const CryptMethod &method(std::string_view name) {
  for (const CryptMethod **entry = libssh2_crypt_methods(); *entry != nullptr; ++entry)
    if ((*entry)->name == name) return **entry;
  FAIL("there is no " << name);
  throw;
}

const CryptMethod &chachapoly() { return method("chacha20-poly1305@openssh.com"); }
const CryptMethod &aes128_gcm() { return method("aes128-gcm@openssh.com"); }

unsigned char *bytes_of(std::string &text) {
  return static_cast<unsigned char *>(static_cast<void *>(text.data()));
}

// Memory of exactly that size, so that a sanitizer sees whatever lies beyond.
struct Buffer {
  explicit Buffer(std::string_view bytes)
      : size(bytes.size()), memory(std::make_unique<unsigned char[]>(bytes.size())) {
    std::copy(bytes.begin(), bytes.end(), memory.get());
  }
  [[nodiscard]] std::string text() const { return {memory.get(), memory.get() + size}; }
  std::size_t size;
  std::unique_ptr<unsigned char[]> memory;
};

class Direction {
public:
  Direction(const CryptMethod &method, bool encrypts, std::string key, std::string iv = {})
      : method_(method) {
    begin(encrypts, std::move(key), std::move(iv));
  }
  ~Direction() { method_.dtor(nullptr, &context_); }
  Direction(const Direction &) = delete;
  Direction &operator=(const Direction &) = delete;

  // As libssh2 does for new keys.
  void begin(bool encrypts, std::string key, std::string iv) {
    REQUIRE(key.size() == static_cast<std::size_t>(method_.key_bytes));
    REQUIRE(iv.size() == static_cast<std::size_t>(method_.iv_bytes));
    method_.dtor(nullptr, &context_);
    CHECK(context_ == nullptr);
    int free_iv = 0;
    int free_key = 0;
    REQUIRE(method_.init(nullptr, &method_, bytes_of(iv), &free_iv, bytes_of(key), &free_key,
                         encrypts ? 1 : 0, &context_) == 0);
    CHECK((free_iv == 1 && free_key == 1));
  }

  std::string encrypt(unsigned sequence, std::string_view packet) {
    const Buffer buffer(std::string(packet) + std::string(tag_bytes, '\0'));
    REQUIRE(method_.crypt(nullptr, sequence, buffer.memory.get(), packet.size(), &context_, 0) ==
            0);
    return buffer.text();
  }

  // What the packet says of its length; 0 is what libssh2 refuses.
  unsigned length(unsigned sequence, std::string_view packet) {
    const Buffer buffer(packet);
    unsigned length = 1;
    // After anything else than 0 it would free memory twice.
    REQUIRE(method_.get_len(nullptr, sequence, buffer.memory.get(), buffer.size, &length,
                            &context_) == 0);
    return length;
  }

  // "" when it was refused, else what follows the length field.
  std::string decrypt(unsigned sequence, std::string_view packet) {
    const Buffer buffer(packet);
    const std::size_t size = packet.size() - field_bytes - tag_bytes;
    const int answer = method_.crypt(nullptr, sequence, buffer.memory.get(), size, &context_, 0);
    // A number above 0 would be taken for a packet that has come.
    REQUIRE(answer <= 0);
    return answer == 0 ? buffer.text().substr(0, size) : std::string();
  }

private:
  const CryptMethod &method_;
  void *context_ = nullptr;
};

// A pair of both ends, under keys that stand for those of the number.
struct Link {
  explicit Link(const CryptMethod &method, int keys = 0)
      : ours(method, true, key(method, keys), iv(method, keys)),
        theirs(method, false, key(method, keys), iv(method, keys)) {}
  static std::string key(const CryptMethod &method, int keys) {
    return std::string(static_cast<std::size_t>(method.key_bytes), static_cast<char>(keys));
  }
  static std::string iv(const CryptMethod &method, int keys) {
    return std::string(static_cast<std::size_t>(method.iv_bytes), static_cast<char>(keys + 100));
  }
  Direction ours;
  Direction theirs;
};

std::vector<const CryptMethod *> replaced() {
  return {&chachapoly(), &aes128_gcm(), &method("aes256-gcm@openssh.com")};
}

}  // namespace

TEST_CASE("packet ciphers: libssh2 finds those that are offered and no others", "[ssh]") {
  std::string offered = std::string(ssh::ciphers) + ',';
  std::size_t found = 0;
  for (const CryptMethod **entry = libssh2_crypt_methods(); *entry != nullptr; ++entry, ++found)
    CHECK(offered.find(std::string((*entry)->name) + ',') != std::string::npos);
  CHECK(found == 5);
}

TEST_CASE("packet ciphers: ChaCha20-Poly1305 decrypts the packet of its specification", "[ssh]") {
  const std::string packet = from_hex(
      "2c3ecce4a5bc05895bf07a7ba956b6c68829ac7c83b780b7000ecde745afc705bbc378ce03a280236b87b53bed58"
      "39662302b164b6286a48cd1e097138e3cb909b8b2b829dd18d2a35ff82d995349e855bf02c298ef775f2d1a7e8b"
      "8");
  Direction theirs(
      chachapoly(), false,
      from_hex(
          "8bbff6855fc102338c373e73aac0c914f076a905b2444a32eecaffeae22becc5e9b7a7a5825a8249346e"
          "c1c28301cf394543fc7569887d76e168f37562ac0740"));
  CHECK(theirs.length(7, packet) == 72);
  const std::string plain = theirs.decrypt(7, packet);
  CHECK(plain ==
        from_hex("065e00000000000000384c6f72656d20697073756d20646f6c6f722073697420616d6574"
                 "2c20636f6e7365637465747572206164697069736963696e6720656c69744e43e804dc6c"));
}

TEST_CASE("packet ciphers: ChaCha20-Poly1305 encrypts under the number of the packet", "[ssh]") {
  Direction ours(chachapoly(), true, counted_from_zero(64));
  CHECK(ours.encrypt(0, plain_packet(8, 0)) ==
        from_hex("94450e511cb8453fb8fa85fbfe5a7573bebc3dc2c7f5a21e054a2386"));
  CHECK(
      ours.encrypt(1, plain_packet(64, 1)) ==
      from_hex("c922a7e56d5d74d627179c511f483e68fd414b717a80473f483c68eee793059f972b53d909cc04e545"
               "06aa883351cb0388d6968d8faf1d2cef06204ee6b280d9f1b283caa1be281579b948a5bea6547e4e04"
               "dce4"));
}

TEST_CASE("packet ciphers: AES-GCM counts packets in the last eight bytes of the vector", "[ssh]") {
  struct Vector {
    const char *name;
    std::vector<const char *> packets;
  };
  const Vector vectors[] = {
      {"aes128-gcm@openssh.com",
       {"00000010e59a11a33fb3a74f9dc6aa7cf3e321e0a570fa631bb0cd274c40826551780de0",
        "00000020d4327a4848db02ea82b1f44c04094646a16088797a76c1b023209a3da40e8c0764f212d131662d344e"
        "6eb8d00427fff1",
        "000000408e5fc78d5091114360fc6b6b3e9c26c407faac7794ee36e9dc129d104ba84fbb621ace37560bd19c81"
        "6a05703961b4d6a29a0271f71f9778f39c8a71d4777fc530c600f2204f911ebe045740b360d8cc"}},
      {"aes256-gcm@openssh.com",
       {"00000010e0100b1d4864b138ec29c117762d2daa14e82fa7fbb90e24ec87b22cb3d62e4a",
        "00000020a0beca40ea3257062867531b65488619fc892c372c6db66796f5b4e69b27ad118a438a2c1b36ba9eb0"
        "aeca12d381c0b2",
        "0000004018bb5526347a90908a01fa7b1e8c38bff9e264c57ec30089c09f748c849c878814309458a460a6e093"
        "e1e0e67dbc4ec83276e00fac67ce914ebd8a7e7f42a5de26f86ef33a7f4a2b0b2984cb0520a3dc"}}};
  for (const Vector &vector : vectors) {
    // The count runs over its end, as that of any session may.
    const std::string iv = from_hex("a0a1a2a3fffffffffffffffe");
    const auto key_bytes = static_cast<std::size_t>(method(vector.name).key_bytes);
    Direction ours(method(vector.name), true, counted_from_zero(key_bytes), iv);
    Direction theirs(method(vector.name), false, counted_from_zero(key_bytes), iv);
    for (std::uint32_t i = 0; i < vector.packets.size(); ++i) {
      const std::string packet = from_hex(vector.packets[i]);
      const std::string plain = plain_packet(16U << i, i);
      // The number of the packet in the connection is none of this cipher's.
      CHECK(ours.encrypt(1000, plain) == packet);
      CHECK(theirs.length(2000, packet) == 16U << i);
      CHECK(theirs.decrypt(2000, packet) == plain.substr(field_bytes));
    }
  }
}

TEST_CASE("packet ciphers: packets of every size come back as they were", "[ssh]") {
  for (const CryptMethod *cipher : replaced()) {
    Link link(*cipher);
    const auto block = static_cast<std::uint32_t>(cipher->block_bytes);
    unsigned sequence = 0xfffffff0;
    for (std::uint32_t length = block; length <= 34'976;
         length += length < 400 ? block : 16 * 271) {
      const std::string plain = plain_packet(length, sequence);
      const std::string packet = link.ours.encrypt(sequence, plain);
      CHECK(link.theirs.length(sequence, packet) == length);
      CHECK(link.theirs.decrypt(sequence, packet) == plain.substr(field_bytes));
      ++sequence;
    }
  }
}

TEST_CASE("packet ciphers: a flipped bit anywhere is refused, and so is all that follows",
          "[ssh]") {
  for (const CryptMethod *cipher : replaced()) {
    const std::string good = Link(*cipher).ours.encrypt(3, plain_packet(32, 0));
    for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
      Link link(*cipher);
      std::string packet = good;
      packet[bit / 8] = static_cast<char>(packet[bit / 8] ^ 1 << bit % 8);
      CHECK(link.theirs.decrypt(3, packet).empty());
      CHECK(link.theirs.decrypt(3, good).empty());
      CHECK(link.theirs.length(3, good) == 0);
    }
    CHECK_FALSE(Link(*cipher).theirs.decrypt(3, good).empty());
  }
}

TEST_CASE("packet ciphers: a packet that is repeated or out of order is refused", "[ssh]") {
  for (const CryptMethod *cipher : replaced()) {
    Link link(*cipher);
    const std::string first = link.ours.encrypt(0, plain_packet(32, 0));
    const std::string second = link.ours.encrypt(1, plain_packet(32, 1));
    CHECK(Link(*cipher).theirs.decrypt(0, second).empty());
    CHECK_FALSE(link.theirs.decrypt(0, first).empty());
    CHECK(link.theirs.decrypt(1, first).empty());
  }
}

TEST_CASE("packet ciphers: lengths that no packet can have are refused unread", "[ssh]") {
  constexpr std::uint32_t limit = 35'000 - field_bytes - tag_bytes;
  for (const CryptMethod *cipher : replaced()) {
    const auto block = static_cast<std::uint32_t>(cipher->block_bytes);
    std::vector<std::uint32_t> lengths{35'000,     35'008,     39'984,      40'000,
                                       0x10000000, 0x7ffffff0, 0xfffffff0U, 0xffffffffU};
    for (std::uint32_t length = 0; length <= 64; ++length) lengths.push_back(length);
    for (std::uint32_t length = limit - 40; length <= limit + 40; ++length)
      lengths.push_back(length);
    for (const std::uint32_t length : lengths) {
      Link link(*cipher);
      // Encrypted as a server can that knows the keys; only the length matters here.
      std::string field = length_field(length);
      if (cipher == &chachapoly()) {
        const std::string mask = link.ours.encrypt(9, std::string(field_bytes + 8, '\0'));
        for (std::size_t i = 0; i < field_bytes; ++i)
          field[i] = static_cast<char>(field[i] ^ mask[i]);
      }
      const bool possible = length > 0 && length % block == 0 && length <= limit;
      CHECK(link.theirs.length(9, field) == (possible ? length : 0));
    }
  }
}

TEST_CASE("packet ciphers: a true packet of an impossible length is refused", "[ssh]") {
  for (const CryptMethod *cipher : replaced()) {
    for (std::uint32_t length = 1; length <= 64; ++length) {
      Link link(*cipher);
      const std::string packet = link.ours.encrypt(0, plain_packet(length, 0));
      const bool possible = length % static_cast<std::uint32_t>(cipher->block_bytes) == 0;
      CHECK(link.theirs.decrypt(0, packet).empty() == !possible);
    }
  }
}

TEST_CASE("packet ciphers: a packet that is nothing but padding is refused", "[ssh]") {
  for (const CryptMethod *cipher : replaced()) {
    for (const int padding : {4, 30, 31, 255}) {
      Link link(*cipher);
      std::string plain = plain_packet(32, 0);
      plain[field_bytes] = static_cast<char>(padding);
      CHECK(link.theirs.decrypt(0, link.ours.encrypt(0, plain)).empty() == (padding > 30));
    }
  }
}

TEST_CASE("packet ciphers: new keys take the place of the old ones", "[ssh]") {
  for (const CryptMethod *cipher : replaced()) {
    Link link(*cipher);
    const std::string plain = plain_packet(48, 0);
    const std::string old_packet = link.ours.encrypt(5, plain);
    CHECK(link.theirs.decrypt(5, old_packet) == plain.substr(field_bytes));
    for (int keys = 1; keys <= 3; ++keys) {
      link.ours.begin(true, Link::key(*cipher, keys), Link::iv(*cipher, keys));
      link.theirs.begin(false, Link::key(*cipher, keys), Link::iv(*cipher, keys));
      const std::string packet = link.ours.encrypt(5, plain);
      CHECK(packet != old_packet);
      CHECK(link.theirs.decrypt(5, packet) == plain.substr(field_bytes));
    }
    CHECK(link.theirs.decrypt(5, old_packet).empty());
  }
}

TEST_CASE("packet ciphers: without keys nothing is encrypted or decrypted", "[ssh]") {
  for (const CryptMethod *cipher : replaced()) {
    void *context = nullptr;
    Buffer buffer(std::string(64, '\0'));
    unsigned length = 1;
    CHECK(cipher->get_len(nullptr, 0, buffer.memory.get(), buffer.size, &length, &context) == 0);
    CHECK(length == 0);
    CHECK(cipher->crypt(nullptr, 0, buffer.memory.get(), 32, &context, 0) < 0);
    CHECK(cipher->dtor(nullptr, &context) == 0);
  }
}
