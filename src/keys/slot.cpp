// No OpenSSL here: this is what workers link to, and it only carries bytes.
#include "fanout/keys/slot.hpp"

#include "channel.hpp"
#include "requests.hpp"

namespace fanout::keys {

using core::Deadline;
using core::ErrorKind;
using core::fail;
using core::Result;
using core::Secret;

namespace {

template <class Expected>
Result<Expected> ask(sys::UniqueFd &socket, const SlotRequest &request, Deadline deadline) {
  const auto lost = [&](const core::Error &error) {
    // An answer that comes late must not be taken for the answer to the next question.
    socket.close();
    if (error.kind == ErrorKind::timeout)
      return fail(ErrorKind::timeout, "key holder: no answer in time");
    return fail(ErrorKind::internal, "key holder lost");
  };
  if (!socket) return fail(ErrorKind::internal, "key holder lost");
  if (const auto sent = send_frame(socket.get(), encode(request), deadline); !sent)
    return lost(sent.error());
  Result<ReceivedFrame> received = receive_frame(socket.get(), deadline);
  if (!received) return lost(received.error());
  Result<Reply> reply = decode_reply(received->frame);
  core::wipe(received->frame.body);
  if (!reply) return lost(reply.error());
  if (auto *failed = std::get_if<Failed>(&*reply)) return fail(std::move(failed->error));
  auto *expected = std::get_if<Expected>(&*reply);
  if (expected == nullptr) return lost({ErrorKind::protocol, "an answer to another question"});
  return std::move(*expected);
}

}  // namespace

Result<std::vector<PublicKey>> Slot::list(Deadline deadline) {
  TRY_ASSIGN(KeyList answer, ask<KeyList>(socket_, ListKeys{}, deadline));
  return std::move(answer.keys);
}

Result<std::string> Slot::sign(std::string_view blob, std::string_view data,
                               const core::HostKeyProof &proof, Deadline deadline) {
  if (blob.size() + data.size() + proof.host_key.size() + proof.signature.size() +
          proof.exchange.size() >
      max_sign_bytes)
    return fail(ErrorKind::protocol, "the server's part of the key exchange is too long");
  TRY_ASSIGN(Signature answer,
             ask<Signature>(socket_, Sign{std::string(blob), std::string(data), proof}, deadline));
  return std::move(answer.bytes);
}

Result<Secret> Slot::password(Deadline deadline) {
  TRY_ASSIGN(Password answer, ask<Password>(socket_, GetPassword{}, deadline));
  return std::move(answer.password);
}

}  // namespace fanout::keys
