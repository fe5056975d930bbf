// The data types of SSH (RFC 4251, section 5): byte, boolean, uint32, uint64 in network order, and string. Used for our
// own messages and wherever SSH structures are taken apart (public keys, signatures, the agent protocol).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fanout::wire {

class Encoder {
public:
  Encoder &byte(std::uint8_t value);
  Encoder &boolean(bool value) { return byte(value ? 1 : 0); }
  Encoder &uint32(std::uint32_t value);
  Encoder &uint64(std::uint64_t value);
  Encoder &string(std::string_view value);  // length, then bytes
  Encoder &raw(std::string_view bytes);

  [[nodiscard]] const std::string &bytes() const { return bytes_; }
  std::string take() { return std::move(bytes_); }

private:
  std::string bytes_;
};

// Reads in the same order. After the first value that does not fit, every later one is zero or empty and ok() is false,
// so a caller may read a whole structure and test once. Nothing is copied: views point into the input.
class Decoder {
public:
  explicit Decoder(std::string_view bytes) : rest_(bytes) {}

  std::uint8_t byte();
  bool boolean();  // any value but 0 and 1 is a fault: our own messages are canonical
  std::uint32_t uint32();
  std::uint64_t uint64();
  std::string_view string();
  std::string_view raw(std::size_t size);

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] std::string_view rest() const { return rest_; }
  // True when everything was well formed and nothing is left over.
  [[nodiscard]] bool finished() const { return ok_ && rest_.empty(); }

private:
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace fanout::wire
