// A service that signs whatever it is given would let a captured worker log in elsewhere as anybody, make signatures for
// other purposes (RFC 4252 leaves it to the bytes to say what they are), or use a key meant for another host. So the
// bytes are read to the last one, and every field has to be what this slot's login would say.
//
// The session identifier is all that ties a login to a server, and a captured worker can be told the identifier of any
// session that accomplices of its server have with somebody else. So it has to be shown that it is the session with the
// host key that was accepted for this slot (core/host_key_proof.hpp).
#include "policy.hpp"

#include <utility>

#include <fmt/format.h>

#include "fanout/wire/codec.hpp"
#include "quoted.hpp"
#include "signature.hpp"

namespace fanout::keys {

using core::ErrorKind;
using core::fail;
using core::HostKeyProof;
using core::Result;

namespace {

constexpr std::uint8_t msg_userauth_request = 50;

// The hashes of the key exchanges that come with a proof: SHA-256, SHA-384, SHA-512.
bool is_session_id(std::string_view bytes) {
  return bytes.size() == 32 || bytes.size() == 48 || bytes.size() == 64;
}

tl::unexpected<core::Error> refuse(std::string what) {
  return fail(ErrorKind::protocol, std::move(what));
}

}  // namespace

Policy::Policy(std::string user, std::vector<PublicKey> keys, VerifyProof verify)
    : user_(std::move(user)),
      keys_(std::move(keys)),
      verify_(std::move(verify)),
      signatures_(keys_.size(), 0) {}

bool Policy::accept_host_key(std::string_view blob) {
  if (host_key_) return false;
  host_key_.emplace(blob);
  return true;
}

Result<void> Policy::check_proof(std::string_view session_id, const HostKeyProof &proof) const {
  if (!host_key_) return refuse("asked for a signature before its host key was accepted");
  if (proof.host_key.empty() || proof.signature.empty() || proof.exchange.empty())
    return refuse("asked for a signature without proof of its session");
  if (proof.host_key != *host_key_)
    return refuse("asked for a signature over a session with another host key");
  if (!session_id_.empty() && session_id != session_id_)
    return refuse("asked for signatures over two sessions");
  auto valid = verify_(proof, session_id);
  if (!valid) {
    const bool captured = valid.error().kind == ErrorKind::protocol;
    return fail(std::move(valid).error().within(captured ? "gave a useless proof of its session"
                                                         : "no proof of the session"));
  }
  if (!*valid) return refuse("asked for a signature over another session");
  return {};
}

Result<Policy::Permitted> Policy::permit(std::string_view blob, std::string_view data,
                                         const HostKeyProof &proof) {
  wire::Decoder fields(data);
  const std::string_view session_id = fields.string();
  const std::uint8_t message = fields.byte();
  const std::string_view user = fields.string();
  const std::string_view service = fields.string();
  const std::string_view method = fields.string();
  const std::uint8_t with_signature = fields.byte();
  const std::string_view algorithm = fields.string();
  const std::string_view requested_blob = fields.string();
  if (!fields.finished() || !is_session_id(session_id))
    return refuse("asked to sign what is no login request");

  TRY(check_proof(session_id, proof));

  if (message != msg_userauth_request)
    return refuse(fmt::format("asked to sign a message of type {}, not a login request", message));
  if (user != user_)
    return refuse(fmt::format("asked as user {}, its slot is for {}", quoted(user), quoted(user_)));
  if (service != "ssh-connection")
    return refuse(fmt::format("asked for the service {}", quoted(service)));
  if (method != "publickey") return refuse(fmt::format("asked for the method {}", quoted(method)));
  if (with_signature != 1) return refuse("asked to sign a request that says it has no signature");
  std::size_t key = 0;
  while (key < keys_.size() && keys_[key].blob != blob) ++key;
  if (key == keys_.size()) return refuse("asked for a signature with a key that is not its slot's");
  if (requested_blob != blob) return refuse("asked to sign a request for another key");
  auto signature = signature_algorithm(algorithm, keys_[key]);
  if (!signature && signature.error().kind == ErrorKind::protocol)
    return fail(std::move(signature).error().within("asked for a signature that does not exist"));
  if (!signature) return fail(std::move(signature).error());
  if (signatures_[key] >= max_signatures_per_key)
    return refuse(
        fmt::format("asked for more than {} signatures with one key", max_signatures_per_key));
  ++signatures_[key];
  session_id_ = session_id;
  return Permitted{key, *std::move(signature), session_id_};
}

}  // namespace fanout::keys
