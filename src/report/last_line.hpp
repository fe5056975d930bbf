// The beginning of the line that a host has printed last, on either stream, whole or not.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "fanout/core/status.hpp"

namespace fanout::report {

class LastLine {
public:
  void feed(core::Stream stream, std::string_view bytes);
  // As it was printed; empty lines do not count. At most `longest_bytes`.
  [[nodiscard]] const std::string &text() const { return text_; }

  static constexpr std::size_t longest_bytes = 200;

private:
  void add(std::string_view bytes);

  std::string text_;
  core::Stream stream_ = core::Stream::out;
  bool open_ = false;  // what comes next on that stream belongs to it
};

}  // namespace fanout::report
