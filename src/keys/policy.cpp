// A service that signs whatever it is given would let a captured worker log in elsewhere as anybody, make signatures for
// other purposes (RFC 4252 leaves it to the bytes to say what they are), or use a key meant for another host. So the
// bytes are read to the last one, and every field has to be what this slot's login would say.
#include "policy.hpp"

#include <utility>

#include <fmt/format.h>

#include "fanout/wire/codec.hpp"
#include "quoted.hpp"
#include "signature.hpp"

namespace fanout::keys {

using core::ErrorKind;
using core::fail;
using core::Result;

namespace {

constexpr std::uint8_t msg_userauth_request = 50;
// The exchange hash of the first key exchange: SHA-1 to SHA-512.
constexpr std::size_t min_session_id_bytes = 20;
constexpr std::size_t max_session_id_bytes = 64;

tl::unexpected<core::Error> refuse(const std::string &why) {
  return fail(ErrorKind::protocol, "refused: " + why);
}

}  // namespace

Policy::Policy(std::string user, std::vector<PublicKey> keys)
    : user_(std::move(user)), keys_(std::move(keys)), signatures_(keys_.size(), 0) {}

Result<Policy::Permitted> Policy::permit(std::string_view blob, std::string_view data) {
  std::size_t key = 0;
  while (key < keys_.size() && keys_[key].blob != blob) ++key;
  if (key == keys_.size()) return refuse("the key is not one of this slot's");

  wire::Decoder fields(data);
  const std::string_view session_id = fields.string();
  const std::uint8_t message = fields.byte();
  const std::string_view user = fields.string();
  const std::string_view service = fields.string();
  const std::string_view method = fields.string();
  const std::uint8_t with_signature = fields.byte();
  const std::string_view algorithm = fields.string();
  const std::string_view requested_blob = fields.string();
  if (!fields.finished() || session_id.size() < min_session_id_bytes ||
      session_id.size() > max_session_id_bytes)
    return refuse("the bytes to sign are not a login request");
  if (message != msg_userauth_request)
    return refuse(
        fmt::format("the bytes to sign are a message of type {}, not a login request", message));
  if (user != user_)
    return refuse(
        fmt::format("request is for user {}, this slot is for {}", quoted(user), quoted(user_)));
  if (service != "ssh-connection")
    return refuse(fmt::format("request is for service {}", quoted(service)));
  if (method != "publickey") return refuse(fmt::format("request is for method {}", quoted(method)));
  if (with_signature != 1) return refuse("request says that it has no signature");
  if (requested_blob != blob) return refuse("request is for another key than the one to sign with");
  auto signature = signature_algorithm(algorithm, keys_[key]);
  if (!signature) return fail(std::move(signature).error().within("refused"));
  if (signatures_[key] >= max_signatures_per_key)
    return refuse(fmt::format("this key has signed {} times for this slot", signatures_[key]));
  ++signatures_[key];
  return Permitted{key, *std::move(signature)};
}

}  // namespace fanout::keys
