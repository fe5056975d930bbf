#include "pen.hpp"

namespace fanout::report {

using core::Result;

namespace {

constexpr std::size_t write_bytes = std::size_t{64} * 1024;

}  // namespace

void Pen::own(std::string_view text) {
  // A character that the host left unfinished must not swallow ours.
  sanitizer_.finish(text_);
  text_ += text;
}

Result<void> Pen::remote(std::string_view bytes) {
  if (bytes.empty()) return {};
  line_is_open_ = bytes.back() != '\n';
  if (sanitise_)
    sanitizer_.feed(bytes, text_);
  else
    text_ += bytes;
  return text_.size() < write_bytes ? Result<void>() : write_out();
}

void Pen::end_line() {
  if (!line_is_open_) return;
  own("\n");
  line_is_open_ = false;
}

Result<void> Pen::lift() {
  sanitizer_.finish(text_);
  return write_out();
}

Result<void> Pen::write_out() {
  TRY(block_.write(stream_, text_));
  text_.clear();
  return {};
}

}  // namespace fanout::report
