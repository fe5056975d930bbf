#include "fanout/core/secret.hpp"

#include <cstring>

namespace fanout::core {

void wipe(std::string &text) {
  // The whole capacity: an earlier, longer value may still lie behind the end.
  text.resize(text.capacity());
  explicit_bzero(text.data(), text.size());
  text.clear();
}

// A moved-from short string keeps its bytes in place, so it is wiped too.
Secret::Secret(Secret &&other) noexcept : value_(std::move(other.value_)) { other.wipe(); }

Secret &Secret::operator=(Secret &&other) noexcept {
  if (this != &other) {
    wipe();
    value_ = std::move(other.value_);
    other.wipe();
  }
  return *this;
}

void Secret::wipe() { core::wipe(value_); }

}  // namespace fanout::core
