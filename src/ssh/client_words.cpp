#include "fanout/ssh/client_words.hpp"

#include "fanout/wire/codec.hpp"

namespace fanout::ssh {

namespace {

constexpr std::uint8_t msg_kexinit = 20;
constexpr std::uint8_t msg_newkeys = 21;
constexpr std::uint8_t msg_kex_ecdh_init = 30;

}  // namespace

void ClientWords::feed(std::string_view bytes) {
  if (finished_) return;
  if (identification_.empty()) {
    line_.append(bytes);
    const std::size_t end = line_.find("\r\n");
    if (end == std::string::npos) return;
    identification_ = line_.substr(0, end);
    packets_.feed(std::string_view(line_).substr(end + 2));
  } else {
    packets_.feed(bytes);
  }
  while (!finished_)
    if (const auto payload = packets_.next())
      look(*payload);
    else
      break;
  finished_ = finished_ || packets_.broken();
}

void ClientWords::look(std::string_view payload) {
  wire::Decoder message(payload);
  switch (message.byte()) {
    case msg_kexinit: kexinit_ = payload; break;
    case msg_kex_ecdh_init: public_key_ = message.string(); break;
    case msg_newkeys:
      finished_ = true;
      packets_ = PlainPackets();
      break;
    default: break;
  }
}

}  // namespace fanout::ssh
