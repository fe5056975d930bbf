// Run by meson.build when the build is configured: ends with 0 if the library's ciphers are laid out and flagged as
// crypt_method.hpp says.

#include <cstring>

#include "crypt_method.hpp"

using fanout::ssh::CryptMethod;

extern "C" const CryptMethod **libssh2_crypt_methods();

namespace {

struct Expected {
  const char *name;
  int block_bytes, iv_bytes, key_bytes, tag_bytes;
  long flags;
  bool get_len;
  const EVP_CIPHER *(*algorithm)();
};

bool is_as_expected(const CryptMethod &method, const Expected &expected) {
  return method.block_bytes == expected.block_bytes && method.iv_bytes == expected.iv_bytes &&
         method.key_bytes == expected.key_bytes && method.tag_bytes == expected.tag_bytes &&
         method.flags == expected.flags && method.init != nullptr && method.crypt != nullptr &&
         method.dtor != nullptr && (method.get_len != nullptr) == expected.get_len &&
         (expected.algorithm == nullptr || method.algorithm == expected.algorithm);
}

bool has(const Expected &expected) {
  for (const CryptMethod **method = libssh2_crypt_methods(); *method != nullptr; ++method)
    if (std::strcmp((*method)->name, expected.name) == 0) return is_as_expected(**method, expected);
  return false;
}

}  // namespace

int main() {
  using namespace fanout::ssh;
  static_assert(LIBSSH2_VERSION_NUM == crypt_method_version);
  if (libssh2_version(crypt_method_version) == nullptr ||
      std::strncmp(libssh2_version(0), LIBSSH2_VERSION, sizeof LIBSSH2_VERSION - 1) != 0)
    return 1;
  constexpr long gcm_flags = integrated_mac | length_is_not_encrypted;
  const bool as_expected =
      has({"chacha20-poly1305@openssh.com", 8, 0, 64, 16, needs_full_packet, true, nullptr}) &&
      has({"aes128-gcm@openssh.com", 16, 12, 16, 16, gcm_flags, false, EVP_aes_128_gcm}) &&
      has({"aes256-gcm@openssh.com", 16, 12, 32, 16, gcm_flags, false, EVP_aes_256_gcm}) &&
      has({"aes128-ctr", 16, 16, 16, 0, 0, false, EVP_aes_128_ctr}) &&
      has({"aes256-ctr", 16, 16, 32, 0, 0, false, EVP_aes_256_ctr});
  return as_expected ? 0 : 1;
}
