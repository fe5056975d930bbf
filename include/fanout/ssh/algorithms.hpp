// The algorithms that we offer. Set explicitly: the library's own lists still hold 3DES, RC4, MD5, SHA-1 groups and
// host certificate types that it cannot verify.
#pragma once

namespace fanout::ssh {

// Curves only: group14 and group16 cost 16 and 100 times the CPU, and group exchange has no proof of the session.
inline constexpr const char *kex_algorithms =
    "curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256,ecdh-sha2-nistp521,ecdh-"
    "sha2-nistp384";

// The stock library makes one OpenSSL call per 16 bytes of AES, so ChaCha20-Poly1305 comes first, then CTR, then GCM.
inline constexpr const char *ciphers =
    "chacha20-poly1305@openssh.com,aes128-ctr,aes256-ctr,aes128-gcm@openssh.com,aes256-gcm@openssh."
    "com";

// Only used with CTR. No "-etm": libssh2 1.11.1 reads out of bounds when such a packet's padding is too long.
inline constexpr const char *macs = "hmac-sha2-256,hmac-sha2-512";

inline constexpr const char *compression = "none";

// For user keys of type RSA; SHA-1 is never signed.
inline constexpr const char *rsa_signatures = "rsa-sha2-512,rsa-sha2-256";

}  // namespace fanout::ssh
