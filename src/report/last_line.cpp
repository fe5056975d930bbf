// A carriage return begins a line anew, as on the terminal that a bar of progress was meant for.

#include "last_line.hpp"

#include <algorithm>

namespace fanout::report {

namespace {

std::size_t last_of_ends(std::string_view bytes) {
  const std::size_t newline = bytes.rfind('\n');
  const std::size_t from = newline == std::string_view::npos ? 0 : newline;
  const std::size_t carriage_return = bytes.substr(from).rfind('\r');
  return carriage_return == std::string_view::npos ? newline : from + carriage_return;
}

}  // namespace

void LastLine::add(std::string_view bytes) {
  text_ += bytes.substr(0, longest_bytes - std::min(longest_bytes, text_.size()));
}

void LastLine::feed(core::Stream stream, std::string_view bytes) {
  const bool ends = !bytes.empty() && (bytes.back() == '\n' || bytes.back() == '\r');
  while (!bytes.empty() && (bytes.back() == '\n' || bytes.back() == '\r')) bytes.remove_suffix(1);
  const std::size_t end = last_of_ends(bytes);
  const bool continues = open_ && stream_ == stream && end == std::string_view::npos;
  if (end != std::string_view::npos) bytes.remove_prefix(end + 1);
  if (!continues && !bytes.empty()) text_.clear();
  add(bytes);
  open_ = !ends;
  stream_ = stream;
}

}  // namespace fanout::report
