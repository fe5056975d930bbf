// Where libssh2's ciphers cannot be replaced (crypt_methods.cpp). It makes an OpenSSL call for every 16 bytes of AES, with
// GCM several of them, and has a ChaCha20-Poly1305 of its own.

#include "fanout/ssh/algorithms.hpp"
#include "packet_cipher.hpp"

namespace fanout::ssh {

const char *const ciphers =
    "chacha20-poly1305@openssh.com,aes128-ctr,aes256-ctr,aes128-gcm@openssh.com,aes256-gcm@openssh."
    "com";

// Nothing of its ChaCha20-Poly1305 is OpenSSL's.
void warm_ciphers() {}

}  // namespace fanout::ssh
