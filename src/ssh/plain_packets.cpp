#include "fanout/ssh/plain_packets.hpp"

#include "fanout/wire/codec.hpp"

namespace fanout::ssh {

namespace {

constexpr std::size_t max_packet_bytes = 35'000;  // RFC 4253, section 6.1

}  // namespace

std::nullopt_t PlainPackets::give_up() {
  broken_ = true;
  buffer_.clear();
  buffer_.shrink_to_fit();
  return std::nullopt;
}

void PlainPackets::feed(std::string_view bytes) {
  if (broken_) return;
  if (bytes.size() > limit_bytes - fed_bytes_) {
    give_up();
    return;
  }
  fed_bytes_ += bytes.size();
  buffer_.append(bytes);
}

std::optional<std::string> PlainPackets::next() {
  wire::Decoder packet(buffer_);
  const std::uint32_t length = packet.uint32();
  if (broken_ || !packet.ok()) return std::nullopt;
  if (length < 2 || length > max_packet_bytes) return give_up();
  const std::string_view body = packet.raw(length);
  if (!packet.ok()) return std::nullopt;
  const std::size_t padding = static_cast<unsigned char>(body.front());
  if (padding > length - 2) return give_up();
  std::string payload(body.substr(1, length - 1 - padding));
  buffer_.erase(0, std::size_t{4} + length);
  return payload;
}

}  // namespace fanout::ssh
