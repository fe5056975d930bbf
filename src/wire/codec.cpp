#include "fanout/wire/codec.hpp"

namespace fanout::wire {

Encoder &Encoder::byte(std::uint8_t value) {
  bytes_ += static_cast<char>(value);
  return *this;
}

Encoder &Encoder::uint32(std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) bytes_ += static_cast<char>(value >> shift & 0xff);
  return *this;
}

Encoder &Encoder::uint64(std::uint64_t value) {
  return uint32(static_cast<std::uint32_t>(value >> 32)).uint32(static_cast<std::uint32_t>(value));
}

Encoder &Encoder::string(std::string_view value) {
  return uint32(static_cast<std::uint32_t>(value.size())).raw(value);
}

Encoder &Encoder::raw(std::string_view bytes) {
  bytes_.append(bytes);
  return *this;
}

std::string_view Decoder::raw(std::size_t size) {
  if (!ok_ || size > rest_.size()) {
    ok_ = false;
    rest_ = {};
    return {};
  }
  const std::string_view taken = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return taken;
}

std::uint8_t Decoder::byte() {
  const std::string_view taken = raw(1);
  return taken.empty() ? std::uint8_t{0} : static_cast<std::uint8_t>(taken[0]);
}

bool Decoder::boolean() {
  const std::uint8_t value = byte();
  if (value > 1) raw(rest_.size() + 1);
  return value == 1;
}

std::uint32_t Decoder::uint32() {
  std::uint32_t value = 0;
  for (const char c : raw(4)) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

std::uint64_t Decoder::uint64() {
  const std::uint64_t high = uint32();
  return high << 32 | uint32();
}

std::string_view Decoder::string() { return raw(uint32()); }

}  // namespace fanout::wire
