// A string that is wiped when it goes, cannot be copied by accident and has no way into a message.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace fanout::core {

class Secret {
public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}
  Secret(const Secret &) = delete;
  Secret &operator=(const Secret &) = delete;
  Secret(Secret &&other) noexcept;
  Secret &operator=(Secret &&other) noexcept;
  ~Secret() { wipe(); }

  [[nodiscard]] bool empty() const { return value_.empty(); }
  // The only way to the bytes; searching for this word finds every place that sees a secret.
  [[nodiscard]] std::string_view reveal() const { return value_; }
  [[nodiscard]] Secret clone() const { return Secret(std::string(value_)); }
  void wipe();

private:
  std::string value_;
};

// Overwrites the bytes in a way the compiler keeps (explicit_bzero), then empties the string.
void wipe(std::string &text);

}  // namespace fanout::core
