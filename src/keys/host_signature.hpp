// Whether a session is with the server of a host key.
#pragma once

#include <string_view>

#include "fanout/core/host_key_proof.hpp"
#include "fanout/core/result.hpp"

namespace fanout::keys {

// Whether `signature`, a structure of algorithm name and bytes (RFC 4253, section 6.6), is one over `data` by the plain
// host key of `key_blob`. Algorithms: ssh-ed25519; ecdsa-sha2-nistp256, 384 and 521, each for its own curve; rsa-sha2-256
// and rsa-sha2-512. Takes 0.1 to 0.4 ms. ErrorKind::auth for a host key of another type or size, ErrorKind::protocol for
// a signature of another algorithm or form.
core::Result<bool> verify_host_signature(std::string_view key_blob, std::string_view signature,
                                         std::string_view data);

// Whether the session identifier is the hash of an exchange with the server of `proof.host_key`, which has signed it. By
// the length of the identifier the hash is SHA-256, SHA-384 or SHA-512, as those of every key exchange that libssh2 and
// we have in common. Every method that SSH knows (RFC 4253, 4419, 4432, 4462, 5656, 8731) puts the host key in the same
// place, so that no session with another server can be shown as one with this. Errors as verify_host_signature(), and
// ErrorKind::protocol for an exchange that none of them makes.
core::Result<bool> verify_host_key_proof(const core::HostKeyProof &proof,
                                         std::string_view session_id);

// Verifies once by every algorithm, so that OpenSSL has opened what it ever will before the process gives up its files.
void warm_host_signatures();

}  // namespace fanout::keys
