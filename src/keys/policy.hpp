// What the key holder signs: login requests of one user, for keys of one slot, and nothing else. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "fanout/core/result.hpp"
#include "fanout/keys/public_key.hpp"

namespace fanout::keys {

inline constexpr int max_signatures_per_key = 2;

// One a slot, in the key holder. Whoever has the slot's socket may be hostile.
class Policy {
public:
  Policy(std::string user, std::vector<PublicKey> keys);

  struct Permitted {
    std::size_t key;        // index into keys()
    std::string algorithm;  // the signature's, "rsa-sha2-512"
  };
  // Takes `data` apart as the bytes to be signed of RFC 4252, section 7, and counts the signature when it permits it.
  // ErrorKind::auth is a refusal that an honest worker meets as well (the server wants ssh-rsa); ErrorKind::protocol
  // one that only a broken or captured worker can meet. The message says what was wrong.
  core::Result<Permitted> permit(std::string_view blob, std::string_view data);

  [[nodiscard]] const std::vector<PublicKey> &keys() const { return keys_; }

private:
  std::string user_;
  std::vector<PublicKey> keys_;
  std::vector<int> signatures_;  // made so far, by key
};

}  // namespace fanout::keys
