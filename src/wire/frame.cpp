#include "fanout/wire/frame.hpp"

#include <cassert>

#include <fmt/format.h>

#include "fanout/wire/codec.hpp"

namespace fanout::wire {

using core::ErrorKind;
using core::fail;
using core::Result;

std::string encode_frame(std::uint8_t type, std::string_view body) {
  assert(body.size() <= max_body_bytes);
  Encoder frame;
  frame.uint32(static_cast<std::uint32_t>(body.size())).byte(type).raw(body);
  return frame.take();
}

void FrameReader::feed(std::string_view bytes) {
  if (broken_) return;
  // What has been handed out goes before anything is added, so the buffer never outgrows one frame and one read.
  buffer_.erase(0, position_);
  position_ = 0;
  buffer_.append(bytes);
}

Result<std::optional<Frame>> FrameReader::next() {
  if (broken_) return fail(ErrorKind::protocol, "bad frame");
  const std::string_view unread = std::string_view(buffer_).substr(position_);
  Decoder decoder(unread);
  const std::uint32_t length = decoder.uint32();
  if (decoder.ok() && length > max_body_bytes) {
    broken_ = true;
    return fail(ErrorKind::protocol,
                fmt::format("bad frame: {} bytes, at most {} are allowed", length, max_body_bytes));
  }
  const std::uint8_t type = decoder.byte();
  const std::string_view body = decoder.raw(length);
  if (!decoder.ok()) return std::nullopt;
  position_ += header_bytes + length;
  return Frame{type, std::string(body)};
}

}  // namespace fanout::wire
