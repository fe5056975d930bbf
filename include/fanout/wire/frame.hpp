// Frames: what travels over every socket pair between our own processes.
//
//     uint32  length of the body, at most max_body_bytes
//     byte    type
//     bytes   body
//
// The reader takes its peer for hostile: the length is checked before any memory is reserved.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "fanout/core/result.hpp"

namespace fanout::wire {

inline constexpr std::size_t header_bytes = 5;
inline constexpr std::size_t max_body_bytes = 64 * 1024;

struct Frame {
  std::uint8_t type = 0;
  std::string body;
};

// The frame's bytes. A body over max_body_bytes is a bug of the caller (assert).
std::string encode_frame(std::uint8_t type, std::string_view body);

// Puts frames together from bytes that arrive in any pieces. Holds at most one unfinished frame.
class FrameReader {
public:
  // Adds bytes as they were read. Call next() until it is empty before the next read: memory then stays bounded by one
  // frame plus one read.
  void feed(std::string_view bytes);

  // The next whole frame; nullopt when more bytes are needed; ErrorKind::protocol for a length over the bound, after
  // which the stream has no meaning and every call fails.
  core::Result<std::optional<Frame>> next();

  // True when the bytes seen end inside a frame.
  [[nodiscard]] bool in_frame() const { return position_ < buffer_.size(); }

private:
  std::string buffer_;
  std::size_t position_ = 0;
  bool broken_ = false;
};

}  // namespace fanout::wire
