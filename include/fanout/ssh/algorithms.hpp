// The algorithms that we offer. Set explicitly: the library's own lists still hold 3DES, RC4, MD5, SHA-1 groups and
// host certificate types that it cannot verify.
#pragma once

#include <array>
#include <string_view>

namespace fanout::ssh {

// Curves only: group14 and group16 cost 16 and 100 times the CPU, and group exchange has no proof of the session.
inline constexpr const char *kex_algorithms =
    "curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256,ecdh-sha2-nistp521,ecdh-"
    "sha2-nistp384";

// The fastest first, which depends on whose implementation it is: src/ssh/crypt_methods.cpp or src/ssh/library_ciphers.cpp.
extern const char *const ciphers;

// With a server that does not know the strict key exchange: somebody on the way can then take packets out from behind
// NEWKEYS unseen if the cipher is ChaCha20-Poly1305 (CVE-2023-48795). GCM counts for itself, and CTR loses its place.
inline constexpr const char *ciphers_without_strict_kex =
    "aes128-gcm@openssh.com,aes256-gcm@openssh.com,aes128-ctr,aes256-ctr";
inline constexpr const char *server_strict_kex = "kex-strict-s-v00@openssh.com";

// Only used with CTR. No "-etm": libssh2 1.11.1 reads out of bounds when such a packet's padding is too long.
inline constexpr const char *macs = "hmac-sha2-256,hmac-sha2-512";

inline constexpr const char *compression = "none";

// Keys of hosts. A host has one of each family at most, as users of ssh-keygen see it.
inline constexpr std::array<std::string_view, 3> host_key_families{"Ed25519", "ECDSA", "RSA"};

struct HostKeyType {
  std::string_view family;
  std::string_view type;  // in the key
  // In the key exchange, comma separated: an RSA key signs in several ways, and SHA-1 is not one of ours.
  std::string_view algorithms;
};
inline constexpr std::array host_key_types{
    HostKeyType{host_key_families[0], "ssh-ed25519", "ssh-ed25519"},
    HostKeyType{host_key_families[1], "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256"},
    HostKeyType{host_key_families[1], "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384"},
    HostKeyType{host_key_families[1], "ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521"},
    HostKeyType{host_key_families[2], "ssh-rsa", "rsa-sha2-512,rsa-sha2-256"},
};

// For user keys of type RSA; SHA-1 is never signed.
inline constexpr const char *rsa_signatures = "rsa-sha2-512,rsa-sha2-256";

}  // namespace fanout::ssh
