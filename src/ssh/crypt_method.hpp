// How libssh2 1.11.1 describes a cipher to itself (its libssh2_priv.h), for those who put others in the place of its own.
//
// It is no public interface, so nothing here is taken on trust: crypt_method_check.cpp is run when the build is configured,
// and looks at the library's own table through these declarations. If it finds anything else than this version has, nothing
// is replaced.
#pragma once

#include <cstddef>

#include <libssh2.h>
#include <openssl/evp.h>

namespace fanout::ssh {

constexpr long crypt_method_version = 0x010b01;

// Flags of a method. The library gives a cipher one block of a packet after the other, except with needs_full_packet: then
// it reads the length with get_len, and calls crypt once for each packet.
constexpr long integrated_mac = 1;
constexpr long length_is_not_encrypted = 2;
constexpr long needs_full_packet = 4;

extern "C" {

struct CryptMethod {
  const char *name;
  const char *pem_annotation;
  int block_bytes;
  int iv_bytes;
  int key_bytes;
  int tag_bytes;
  long flags;
  int (*init)(LIBSSH2_SESSION *session, const CryptMethod *method, unsigned char *iv, int *free_iv,
              unsigned char *key, int *free_key, int encrypt, void **context);
  int (*get_len)(LIBSSH2_SESSION *session, unsigned sequence, unsigned char *data, std::size_t size,
                 unsigned *length, void **context);
  int (*crypt)(LIBSSH2_SESSION *session, unsigned sequence, unsigned char *data, std::size_t size,
               void **context, int position);
  int (*dtor)(LIBSSH2_SESSION *session, void **context);
  const EVP_CIPHER *(*algorithm)();
};

}  // extern "C"

}  // namespace fanout::ssh
