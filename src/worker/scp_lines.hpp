// What `scp -t` and `scp -f` say to each other. There is no standard; OpenSSH's scp.c is what everybody has. Pure.
//
//     T1700000000 0 1700000000 0\n     times of what comes next: modification, access, each with microseconds
//     C0644 1234 name\n                a file of 1234 bytes; its content follows, and one byte: 0, or a message
//     D0755 0 name\n  ...  E\n         a folder, and its end
//
// Each line, and each content, is answered by a byte: 0 for yes, or 1 (a failure) or 2 (the end of everything), which a
// message follows up to a newline.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "fanout/core/result.hpp"

namespace fanout::worker {

// No honest line is longer: a path, and numbers.
inline constexpr std::size_t max_scp_line_bytes = 4096 + 256;

struct ScpTimes {
  std::int64_t modification = 0;  // seconds since 1970, never negative
  std::int64_t access = 0;
};
struct ScpEntry {
  bool directory = false;
  std::uint32_t mode = 0;  // twelve bits, as sent
  std::uint64_t size = 0;  // below 2^63
  std::string name;        // as sent, not empty; check it before use
};
struct ScpFolderEnd {};
struct ScpYes {};
struct ScpMessage {
  bool fatal = false;
  std::string text;  // without the newline; not safe for a terminal
};
using ScpItem = std::variant<ScpYes, ScpMessage, ScpTimes, ScpEntry, ScpFolderEnd>;

// Takes one item off the front of `bytes` and moves them past it; nullopt when more are needed. ErrorKind::protocol for what
// scp does not say.
core::Result<std::optional<ScpItem>> take_scp_item(std::string_view &bytes);

// The lines of a sender. `name` has neither slash nor newline.
std::string scp_times_line(std::int64_t modification);
std::string scp_file_line(std::uint32_t mode, std::uint64_t size, std::string_view name);

}  // namespace fanout::worker
