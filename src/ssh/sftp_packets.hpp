// Packets of SFTP version 3 (draft-ietf-secsh-filexfer-02): requests are built, answers are taken apart. Pure. An answer is
// believed nothing: every length and count is held against the bytes that are there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fanout/core/result.hpp"
#include "fanout/ssh/sftp.hpp"
#include "fanout/wire/codec.hpp"

namespace fanout::ssh::sftp {

// Section 3: SSH_FXP_*.
enum class Request : std::uint8_t {
  init = 1,
  open = 3,
  close = 4,
  read = 5,
  write = 6,
  lstat = 7,
  fstat = 8,
  setstat = 9,
  fsetstat = 10,
  opendir = 11,
  readdir = 12,
  remove = 13,
  mkdir = 14,
  rmdir = 15,
  realpath = 16,
  stat = 17,
  rename = 18,
  extended = 200,
};

constexpr std::uint32_t version = 3;
// What OpenSSH's server and most others take and send at most, and a little for what stands around content.
constexpr std::size_t max_content_bytes = 255 * 1024;
constexpr std::size_t max_packet_bytes = 256 * 1024 + 1024;
// What section 3 lets a server be asked for that says nothing of its limits.
constexpr std::size_t default_content_bytes = 32'768;
constexpr std::size_t max_entries = 8'192;  // of one answer; servers send about a hundred

// A whole packet: length, type, id, then `body`, of which `content_bytes` more follow that are not in it.
std::string request(Request type, std::uint32_t id, std::string_view body,
                    std::size_t content_bytes = 0);
std::string init();

// Section 5. The flags say which of it there is.
void append(wire::Encoder &encoder, const Attributes &attributes);
Attributes attributes_of(wire::Decoder &decoder);
std::uint32_t flags_of(const Sftp::OpenFlags &flags);

// What the server can do beyond version 3.
struct Abilities {
  bool posix_rename = false;
  bool fsync = false;
  bool limits = false;
};
// The first packet of a server, without its length.
core::Result<Abilities> parse_version(std::string_view packet);

// What an answer has to be; a status that is not "ok" is an answer to everything.
enum class Wanted : std::uint8_t {
  status,
  handle,
  data,
  path,
  entries,
  attributes,
  limits,
  file_system,
};

struct Status {
  FileStatus code = FileStatus::ok;
  std::string text;  // the server's words, or ours when it has none
};

// limits@openssh.com; 0 is no limit.
struct Limits {
  std::uint64_t packet_bytes = 0;
  std::uint64_t read_bytes = 0;
  std::uint64_t write_bytes = 0;
  std::uint64_t handles = 0;
};

// An answer, taken apart: one of these, as it was wanted.
struct Reply {
  std::optional<Status> status;
  std::string_view text;  // a handle, a path or content; within the packet
  Attributes attributes;
  std::vector<DirectoryEntry> entries;
  Limits limits;
  FileSystem file_system;
};

// Packet without length: its type, its id, and the rest. ErrorKind::protocol with a sentence when the rest is no answer to
// what was asked.
struct Head {
  std::uint8_t type = 0;
  std::uint32_t id = 0;
  std::string_view rest;
};
core::Result<Head> parse_head(std::string_view packet);
core::Result<Reply> parse_reply(Wanted wanted, std::size_t asked_bytes, const Head &head);

}  // namespace fanout::ssh::sftp
