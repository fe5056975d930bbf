// The server may put IGNORE and DEBUG between its packets. What is read wrongly here harms only the server itself: its proof
// proves nothing then.
#include "fanout/ssh/kex_reply.hpp"

#include "fanout/wire/codec.hpp"

namespace fanout::ssh {

namespace {

constexpr std::uint8_t msg_newkeys = 21;
constexpr std::uint8_t msg_kex_ecdh_reply = 31;

}  // namespace

void KexReply::feed(std::string_view bytes) {
  if (finished()) return;
  packets_.feed(bytes);
  while (!finished_)
    if (const auto payload = packets_.next())
      look(*payload);
    else
      break;
}

void KexReply::look(std::string_view payload) {
  wire::Decoder message(payload);
  const std::uint8_t type = message.byte();
  if (type == msg_newkeys) {
    finished_ = true;
    packets_ = PlainPackets();
    return;
  }
  // Of two replies libssh2 takes the first.
  if (type != msg_kex_ecdh_reply || seen_) return;
  seen_ = true;
  const std::string_view host_key = message.string();
  const std::string_view public_key = message.string();
  const std::string_view signature = message.string();
  if (!message.finished()) return;
  proof_.host_key = host_key;
  proof_.signature = signature;
  public_key_ = public_key;
}

}  // namespace fanout::ssh
