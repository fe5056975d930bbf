// Puts our ciphers in the place of libssh2's, and with them the order in which they are offered. The linker sends whoever
// asks for the library's table of ciphers here (ld(1), --wrap), which is possible where it is linked statically; what it
// has and we do not offer cannot be reached at all. CTR remains the library's.
//
// What libssh2 1.11.1 does with an answer decides what is answered:
//   - after a get_len that fails it frees the last packet's memory once more, so one that is refused has the length 0, which
//     the library refuses itself;
//   - a crypt that fails with a number above 0 is taken for a packet that has come, and called again, for ever;
//   - lengths below 4, and those that do not fit its buffer, are not refused (packet_cipher.hpp).

#include <array>
#include <cstring>
#include <string_view>

#include "crypt_method.hpp"
#include "fanout/ssh/algorithms.hpp"
#include "packet_cipher.hpp"

namespace fanout::ssh {

namespace {

static_assert(LIBSSH2_VERSION_NUM == crypt_method_version);

// What libssh2 keeps of a direction.
struct Direction {
  std::unique_ptr<PacketCipher> cipher;
  bool encrypts;
};

Direction *direction_of(void **context) { return static_cast<Direction *>(*context); }

int keep(std::unique_ptr<PacketCipher> cipher, bool encrypts, int *free_iv, int *free_key,
         void **context) {
  if (!cipher) return LIBSSH2_ERROR_KEX_FAILURE;
  *context = new Direction{std::move(cipher), encrypts};
  // Both are the library's to wipe.
  *free_iv = 1;
  *free_key = 1;
  return 0;
}

extern "C" {

static int begin_chachapoly(LIBSSH2_SESSION *, const CryptMethod *, unsigned char *, int *free_iv,
                            unsigned char *key, int *free_key, int encrypt, void **context) {
  return keep(make_chachapoly(key), encrypt != 0, free_iv, free_key, context);
}

static int begin_aes_gcm(LIBSSH2_SESSION *, const CryptMethod *method, unsigned char *iv,
                         int *free_iv, unsigned char *key, int *free_key, int encrypt,
                         void **context) {
  const auto key_bytes = static_cast<std::size_t>(method->key_bytes);
  return keep(make_aes_gcm(key_bytes, key, iv, encrypt != 0), encrypt != 0, free_iv, free_key,
              context);
}

static int read_length(LIBSSH2_SESSION *, unsigned sequence, unsigned char *data, std::size_t size,
                       unsigned *length, void **context) {
  Direction *direction = direction_of(context);
  *length = direction == nullptr || size < PacketCipher::length_field_bytes
                ? 0
                : direction->cipher->length(sequence, data);
  return 0;
}

// What is encrypted has been counted with its length field, what is decrypted without. The library wants the latter moved
// to where the length field was.
static int apply(LIBSSH2_SESSION *, unsigned sequence, unsigned char *data, std::size_t size,
                 void **context, int) {
  constexpr std::size_t field = PacketCipher::length_field_bytes;
  Direction *direction = direction_of(context);
  if (direction == nullptr || size > PacketCipher::packet_limit_bytes) return LIBSSH2_ERROR_DECRYPT;
  if (direction->encrypts) {
    const bool done = size > field && direction->cipher->encrypt(
                                          sequence, data, static_cast<std::uint32_t>(size - field));
    return done ? 0 : LIBSSH2_ERROR_ENCRYPT;
  }
  if (!direction->cipher->decrypt(sequence, data, static_cast<std::uint32_t>(size)))
    return LIBSSH2_ERROR_DECRYPT;
  std::memmove(data, data + field, size);
  return 0;
}

static int end(LIBSSH2_SESSION *, void **context) {
  delete direction_of(context);
  *context = nullptr;
  return 0;
}

const CryptMethod **__real_libssh2_crypt_methods();  // NOLINT(bugprone-reserved-identifier)

}  // extern "C"

constexpr CryptMethod method(const char *name, int block_bytes, int iv_bytes, int key_bytes,
                             decltype(CryptMethod::init) init) {
  return {name,
          "",
          block_bytes,
          iv_bytes,
          key_bytes,
          PacketCipher::tag_bytes,
          needs_full_packet,
          init,
          read_length,
          apply,
          end,
          nullptr};
}

constexpr CryptMethod aes128_gcm = method("aes128-gcm@openssh.com", 16, 12, 16, begin_aes_gcm);
constexpr CryptMethod aes256_gcm = method("aes256-gcm@openssh.com", 16, 12, 32, begin_aes_gcm);
constexpr CryptMethod chachapoly =
    method("chacha20-poly1305@openssh.com", 8, 0, 64, begin_chachapoly);

class Methods {
public:
  Methods() {
    std::size_t count = 3;
    for (const CryptMethod **method = __real_libssh2_crypt_methods(); *method != nullptr; ++method)
      for (const std::string_view name : {"aes128-ctr", "aes256-ctr"})
        if ((*method)->name == name && count + 1 < table_.size()) table_[count++] = *method;
  }
  const CryptMethod **table() { return table_.data(); }

private:
  // Ends with a null pointer.
  std::array<const CryptMethod *, 6> table_{&aes128_gcm, &chachapoly, &aes256_gcm};
};

}  // namespace

const char *const ciphers =
    "aes128-gcm@openssh.com,chacha20-poly1305@openssh.com,aes256-gcm@openssh.com,aes128-ctr,aes256-"
    "ctr";

void warm_ciphers() {
  fetch_aes_gcm();
  fetch_chachapoly();
}

}  // namespace fanout::ssh

// The name is the linker's.
// NOLINTNEXTLINE(bugprone-reserved-identifier)
extern "C" const fanout::ssh::CryptMethod **__wrap_libssh2_crypt_methods() {
  static fanout::ssh::Methods methods;
  return methods.table();
}
