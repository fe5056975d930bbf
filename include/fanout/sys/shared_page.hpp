// Anonymous memory that a process shares with the children it forks from here on, until it says otherwise.
#pragma once

#include <cstddef>
#include <utility>

#include "fanout/core/result.hpp"

namespace fanout::sys {

// One zeroed page (mmap(2), MAP_SHARED|MAP_ANONYMOUS), unmapped with its owner.
class SharedPage {
public:
  static core::Result<SharedPage> map();
  SharedPage(SharedPage &&other) noexcept : address_(std::exchange(other.address_, nullptr)) {}
  SharedPage &operator=(SharedPage &&other) noexcept;
  ~SharedPage();

  [[nodiscard]] void *address() const { return address_; }
  static std::size_t size_bytes();
  // Children forked after this do not have the page at all (madvise(2), MADV_DONTFORK).
  core::Result<void> hide_from_children();

private:
  explicit SharedPage(void *address) : address_(address) {}
  void *address_ = nullptr;
};

}  // namespace fanout::sys
