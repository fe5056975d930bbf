// What comes from an SFTP server, cut into packets.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>

#include "fanout/core/result.hpp"
#include "sftp_stream.hpp"

namespace fanout::ssh::sftp {

class Inbox {
public:
  // Reads once; how much that was.
  core::Result<std::size_t> read(SftpStream &stream);
  // The next whole packet, without its length. An error when the bytes are no packet, which says what they are.
  core::Result<std::optional<std::string>> next();
  // Whether nothing has come yet.
  [[nodiscard]] bool untouched() const { return untouched_; }

private:
  [[nodiscard]] core::Error no_packet(std::size_t length) const;

  // Small answers come many at a time; a large one is read to where it stays.
  std::array<char, 4096> small_{};
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::string large_;
  std::size_t large_bytes_ = 0;  // that are here
  bool in_large_ = false;
  bool untouched_ = true;
  bool first_ = true;
};

}  // namespace fanout::ssh::sftp
