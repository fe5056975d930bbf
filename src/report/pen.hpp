// Writes one text of one stream into a block of the console's output, in writes of about 64 KiB, so that a short text is
// one write and a long one is never in memory as a whole. Text of hosts is made safe on the way where that is wanted.
#pragma once

#include <string>
#include <string_view>

#include "fanout/console/output.hpp"
#include "fanout/console/sanitize.hpp"

namespace fanout::report {

class Pen {
public:
  Pen(console::Output::Block &block, core::Stream stream, bool sanitise)
      : block_(block), stream_(stream), sanitise_(sanitise) {}

  // Text of ours, which is safe.
  void own(std::string_view text);
  // The next bytes of a host.
  core::Result<void> remote(std::string_view bytes);
  // A newline, unless the text of the host ended with one.
  void end_line();
  // To be called last: writes what is left.
  core::Result<void> lift();

private:
  core::Result<void> write_out();

  console::Output::Block &block_;
  core::Stream stream_;
  bool sanitise_;
  bool line_is_open_ = false;
  console::Sanitizer sanitizer_;
  std::string text_;
};

}  // namespace fanout::report
