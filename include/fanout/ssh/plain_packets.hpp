// Packets before there are keys: length, padding length, payload, padding (RFC 4253, section 6). Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace fanout::ssh {

class PlainPackets {
public:
  // All that is looked at; far more than a key exchange with the largest keys.
  static constexpr std::size_t limit_bytes = 64 * 1024;

  // The next bytes of one side, in any pieces.
  void feed(std::string_view bytes);

  // The next whole payload, never empty; nullopt when there is none yet.
  std::optional<std::string> next();

  // True when there is no sense in the bytes, or too many of them: nothing comes any more.
  [[nodiscard]] bool broken() const { return broken_; }

private:
  std::nullopt_t give_up();

  std::string buffer_;  // what is fed and not yet understood
  std::size_t fed_bytes_ = 0;
  bool broken_ = false;
};

}  // namespace fanout::ssh
