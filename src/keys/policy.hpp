// What the key holder signs: login requests of one user, for keys of one slot, over one session of which the slot's server
// has proven that it is with it, and nothing else. Pure.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fanout/core/host_key_proof.hpp"
#include "fanout/core/result.hpp"
#include "fanout/keys/public_key.hpp"

namespace fanout::keys {

inline constexpr int max_signatures_per_key = 2;

// As verify_host_key_proof(): whether the session is with the server of proof.host_key. An error says why there is nothing
// to verify: ErrorKind::auth for a key that an honest server may have, ErrorKind::protocol for what no server sends.
using VerifyProof =
    std::function<core::Result<bool>(const core::HostKeyProof &proof, std::string_view session_id)>;

// One a slot, in the key holder. Whoever has the slot's socket may be hostile.
class Policy {
public:
  Policy(std::string user, std::vector<PublicKey> keys, VerifyProof verify);

  // The only key by which this slot's server can prove a session. Once; false when there is one already.
  bool accept_host_key(std::string_view blob);
  [[nodiscard]] bool has_host_key() const { return host_key_.has_value(); }

  struct Permitted {
    std::size_t key;         // index into keys()
    std::string algorithm;   // the signature's, "rsa-sha2-512"
    std::string session_id;  // proven
  };
  // Takes `data` apart as the bytes to be signed of RFC 4252, section 7, and counts the signature when it permits it.
  // ErrorKind::auth is a refusal that an honest worker meets as well (the server wants ssh-rsa); ErrorKind::protocol
  // one that only a broken or captured worker can meet. The message says what it did: "asked as user
  // 'root', its slot is for 'alice'".
  core::Result<Permitted> permit(std::string_view blob, std::string_view data,
                                 const core::HostKeyProof &proof);

  [[nodiscard]] const std::vector<PublicKey> &keys() const { return keys_; }

private:
  [[nodiscard]] core::Result<void> check_proof(std::string_view session_id,
                                               const core::HostKeyProof &proof) const;

  std::string user_;
  std::vector<PublicKey> keys_;
  VerifyProof verify_;
  std::optional<std::string> host_key_;
  std::string session_id_;       // proven, and of the first signature; empty before it
  std::vector<int> signatures_;  // made so far, by key
};

}  // namespace fanout::keys
