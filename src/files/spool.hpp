// A file without a name that is written from its beginning to its end and then only read.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "fanout/core/result.hpp"
#include "fanout/sys/fd.hpp"

namespace fanout::files {

class Spool {
public:
  static core::Result<Spool> make();

  core::Result<void> append(std::string_view bytes);
  // Of everything that was appended.
  [[nodiscard]] std::uint64_t size() const { return written_ + buffer_.size(); }

  // Writes what is left, puts `head` over the beginning, and gives the file for reading alone.
  core::Result<sys::UniqueFd> finish(std::string_view head = {});

private:
  explicit Spool(sys::UniqueFd file) : file_(std::move(file)) {}
  core::Result<void> flush();
  sys::UniqueFd file_;
  std::string buffer_;
  std::uint64_t written_ = 0;
};

}  // namespace fanout::files
