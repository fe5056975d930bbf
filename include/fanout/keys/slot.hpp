// The worker's side of the key holder: asks it to sign for one host's login.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fanout/core/deadline.hpp"
#include "fanout/core/host_key_proof.hpp"
#include "fanout/core/result.hpp"
#include "fanout/core/secret.hpp"
#include "fanout/keys/public_key.hpp"
#include "fanout/sys/fd.hpp"

namespace fanout::keys {

// Owns the socket; whoever has it is this host's worker for the key holder. Every call blocks until the answer or the
// deadline. Errors: ErrorKind::internal "key holder lost" when it is gone or has closed this slot, ErrorKind::timeout
// (after which the slot is of no use any more), and what the key holder says: ErrorKind::auth for what cannot be signed
// or had, ErrorKind::protocol for a request that it takes for an attack, after which it closes the slot.
class Slot {
public:
  explicit Slot(sys::UniqueFd socket) : socket_(std::move(socket)) {}

  // The keys to offer, in this order. Can be empty.
  core::Result<std::vector<PublicKey>> list(core::Deadline deadline);

  // Signs `data`, the bytes that libssh2's sign callback is given (RFC 4252, section 7), with the key of `blob`. Returns the
  // signature's inner part, as that callback has to hand it over, without algorithm name and outer length. `proof` is the
  // server's, over the session identifier that `data` begins with; the parent must have accepted its key before.
  core::Result<std::string> sign(std::string_view blob, std::string_view data,
                                 const core::HostKeyProof &proof, core::Deadline deadline);

  // This host's password, once the parent has accepted the host key. ErrorKind::auth when it has none.
  core::Result<core::Secret> password(core::Deadline deadline);

private:
  sys::UniqueFd socket_;
};

}  // namespace fanout::keys
