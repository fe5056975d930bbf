// Takes a fuzzer's bytes apart. The text that a fuzzer feeds stands at the beginning, so that a corpus file can be read
// and written with an editor; what decides (how to cut it, how often to ask) comes from its end and is zero when nothing
// is left.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace fanout::fuzz {

class Input {
public:
  Input(const std::uint8_t *data, std::size_t size)
      : rest_(reinterpret_cast<const char *>(data), size) {}

  // The last byte that is left.
  std::uint8_t decision() {
    if (rest_.empty()) return 0;
    const auto last = static_cast<std::uint8_t>(rest_.back());
    rest_.remove_suffix(1);
    return last;
  }
  std::size_t below(std::size_t limit) { return decision() % limit; }

  // The first bytes that are left, `size` at most.
  std::string_view take(std::size_t size) {
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(taken.size());
    return taken;
  }
  std::uint8_t byte() {
    const std::string_view taken = take(1);
    return taken.empty() ? std::uint8_t{0} : static_cast<std::uint8_t>(taken.front());
  }
  std::string_view take_rest() { return take(rest_.size()); }
  [[nodiscard]] std::string_view rest() const { return rest_; }

private:
  std::string_view rest_;
};

// A text in pieces of random sizes: mostly of a few bytes, where borders matter, sometimes larger. The same seed makes
// the same pieces.
class Pieces {
public:
  explicit Pieces(std::uint32_t seed) : state_(seed * 2654435761U + 1) {}

  // Cuts the next piece off. Never empty unless `text` is.
  std::string_view next(std::string_view &text) {
    const std::uint32_t number = random();
    std::size_t size = 1;
    switch (number % 4) {
      case 0: break;
      case 1: size += number / 4 % 8; break;
      case 2: size += number / 4 % 64; break;
      default: size += number / 4 % 16'384; break;
    }
    const std::string_view piece = text.substr(0, size);
    text.remove_prefix(piece.size());
    return piece;
  }

private:
  std::uint32_t random() {  // of Marsaglia, xorshift
    state_ |= static_cast<std::uint32_t>(state_ == 0);
    state_ ^= state_ << 13;
    state_ ^= state_ >> 17;
    state_ ^= state_ << 5;
    return state_;
  }
  std::uint32_t state_;
};

}  // namespace fanout::fuzz
