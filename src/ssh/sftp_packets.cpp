// Servers differ in what they leave out, never in what they add: a status without words is accepted (older ones have no
// more than its code), anything else has to be as it is written.

#include "sftp_packets.hpp"

#include <array>
#include <limits>
#include <utility>

#include <fmt/format.h>

namespace fanout::ssh {

// POSIX, sys/stat.h; the draft has no numbers of its own, and every server uses these.
Attributes::Type Attributes::type() const {
  if (!mode) return Type::unknown;
  switch (*mode & 0170000U) {
    case 0: return Type::unknown;
    case 0040000U: return Type::directory;
    case 0100000U: return Type::file;
    case 0120000U: return Type::link;
    default: return Type::other;
  }
}

}  // namespace fanout::ssh

namespace fanout::ssh::sftp {

using core::ErrorKind;
using core::fail;
using core::Result;

namespace {

// Answers of section 3.
constexpr std::uint8_t fxp_version = 2;
constexpr std::uint8_t fxp_status = 101;
constexpr std::uint8_t fxp_handle = 102;
constexpr std::uint8_t fxp_data = 103;
constexpr std::uint8_t fxp_name = 104;
constexpr std::uint8_t fxp_attrs = 105;
constexpr std::uint8_t fxp_extended_reply = 201;

constexpr std::uint32_t attr_size = 0x1;
constexpr std::uint32_t attr_owner = 0x2;
constexpr std::uint32_t attr_mode = 0x4;
constexpr std::uint32_t attr_times = 0x8;
constexpr std::uint32_t attr_extended = 0x8000'0000;

constexpr std::uint32_t open_read = 0x1;
constexpr std::uint32_t open_write = 0x2;
constexpr std::uint32_t open_create = 0x8;
constexpr std::uint32_t open_truncate = 0x10;
constexpr std::uint32_t open_exclusive = 0x20;

constexpr std::size_t max_text_bytes = 256;
constexpr std::size_t max_handle_bytes = 256;      // section 6.3
constexpr std::size_t max_path_bytes = 64 * 1024;  // far more than any system has
constexpr std::size_t smallest_entry_bytes = 12;   // two empty names and no attribute

constexpr std::array<std::string_view, 9> status_words = {
    "no error",    "end of file",   "no such file",    "permission denied",    "failure",
    "bad message", "no connection", "connection lost", "operation unsupported"};

std::uint8_t answer_to(Wanted wanted) {
  switch (wanted) {
    case Wanted::status: return fxp_status;
    case Wanted::handle: return fxp_handle;
    case Wanted::data: return fxp_data;
    case Wanted::path:
    case Wanted::entries: return fxp_name;
    case Wanted::attributes: return fxp_attrs;
    case Wanted::limits:
    case Wanted::file_system: return fxp_extended_reply;
  }
  return 0;
}

Result<Reply> malformed(std::string_view what) {
  return fail(ErrorKind::protocol, fmt::format("the SFTP server sent {}", what));
}

Result<Reply> parse_status(Wanted wanted, std::string_view rest) {
  wire::Decoder decoder(rest);
  const std::uint32_t code = decoder.uint32();
  if (!decoder.ok()) return malformed("a status without a code");
  if (code == 0 && wanted != Wanted::status)
    return malformed("\"done\" where an answer was asked for");
  Status status;
  const bool known = code < status_words.size();
  status.code = known ? static_cast<FileStatus>(code) : FileStatus::failure;
  const std::string_view text = decoder.string();
  if (decoder.ok() && !text.empty())
    status.text = text.substr(0, max_text_bytes);
  else
    status.text = known ? std::string(status_words[code]) : fmt::format("failure {}", code);
  Reply reply;
  reply.status = std::move(status);
  return reply;
}

Result<Reply> parse_names(Wanted wanted, wire::Decoder &decoder) {
  const std::uint32_t count = decoder.uint32();
  if (!decoder.ok() || count > max_entries || count > decoder.rest().size() / smallest_entry_bytes)
    return malformed("a list of names that is shorter than it says");
  if (wanted == Wanted::path && count != 1) return malformed("more or less than one path");
  Reply reply;
  if (wanted == Wanted::entries) reply.entries.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::string_view name = decoder.string();
    decoder.string();  // as ls -l would show it
    Attributes attributes = attributes_of(decoder);
    if (!decoder.ok()) return malformed("a list of names that is cut off");
    if (wanted == Wanted::path)
      reply.text = name;
    else if (name != "." && name != "..")
      reply.entries.push_back({std::string(name), attributes});
  }
  if (!decoder.finished()) return malformed("a list of names with something behind it");
  if (reply.text.size() > max_path_bytes) return malformed("a path without end");
  return reply;
}

}  // namespace

std::string request(Request type, std::uint32_t id, std::string_view body,
                    std::size_t content_bytes) {
  constexpr std::size_t head_bytes = 5;
  return wire::Encoder()
      .uint32(static_cast<std::uint32_t>(head_bytes + body.size() + content_bytes))
      .byte(static_cast<std::uint8_t>(type))
      .uint32(id)
      .raw(body)
      .take();
}

std::string init() {
  return wire::Encoder()
      .uint32(5)
      .byte(static_cast<std::uint8_t>(Request::init))
      .uint32(version)
      .take();
}

void append(wire::Encoder &encoder, const Attributes &attributes) {
  encoder.uint32((attributes.size ? attr_size : 0) | (attributes.owner ? attr_owner : 0) |
                 (attributes.mode ? attr_mode : 0) | (attributes.times ? attr_times : 0));
  if (attributes.size) encoder.uint64(*attributes.size);
  if (attributes.owner) encoder.uint32(attributes.owner->user).uint32(attributes.owner->group);
  if (attributes.mode) encoder.uint32(*attributes.mode);
  if (attributes.times)
    encoder.uint32(attributes.times->access).uint32(attributes.times->modification);
}

Attributes attributes_of(wire::Decoder &decoder) {
  Attributes attributes;
  const std::uint32_t flags = decoder.uint32();
  if ((flags & attr_size) != 0) attributes.size = decoder.uint64();
  if ((flags & attr_owner) != 0) {
    const std::uint32_t user = decoder.uint32();
    attributes.owner = {user, decoder.uint32()};
  }
  if ((flags & attr_mode) != 0) attributes.mode = decoder.uint32();
  if ((flags & attr_times) != 0) {
    const std::uint32_t access = decoder.uint32();
    attributes.times = {access, decoder.uint32()};
  }
  if ((flags & attr_extended) != 0) {
    const std::uint32_t count = decoder.uint32();
    // The count is the server's word; the loop ends with the bytes.
    for (std::uint32_t i = 0; i < count && decoder.ok(); ++i) {
      decoder.string();
      decoder.string();
    }
  }
  return attributes;
}

std::uint32_t flags_of(const Sftp::OpenFlags &flags) {
  return (flags.read ? open_read : 0) | (flags.write ? open_write : 0) |
         (flags.create ? open_create : 0) | (flags.truncate ? open_truncate : 0) |
         (flags.exclusive ? open_exclusive : 0);
}

Result<Abilities> parse_version(std::string_view packet) {
  wire::Decoder decoder(packet);
  const std::uint8_t type = decoder.byte();
  const std::uint32_t spoken = decoder.uint32();
  if (!decoder.ok() || type != fxp_version)
    return fail(ErrorKind::protocol, "the SFTP server does not say its version");
  // The lower of what both know is to be spoken: nobody may answer with more than was asked for.
  if (spoken != version)
    return fail(ErrorKind::protocol,
                fmt::format("the server speaks SFTP version {} only; version {} is needed", spoken,
                            version));
  Abilities abilities;
  while (!decoder.rest().empty()) {
    const std::string_view name = decoder.string();
    const std::string_view value = decoder.string();
    if (!decoder.ok())
      return fail(ErrorKind::protocol, "the SFTP server's list of extensions is cut off");
    if (value != "1") continue;
    abilities.posix_rename = abilities.posix_rename || name == "posix-rename@openssh.com";
    abilities.fsync = abilities.fsync || name == "fsync@openssh.com";
    abilities.limits = abilities.limits || name == "limits@openssh.com";
  }
  return abilities;
}

Result<Head> parse_head(std::string_view packet) {
  wire::Decoder decoder(packet);
  Head head;
  head.type = decoder.byte();
  head.id = decoder.uint32();
  if (!decoder.ok())
    return fail(ErrorKind::protocol, "the SFTP server sent a packet that is too short");
  head.rest = decoder.rest();
  return head;
}

Result<Reply> parse_reply(Wanted wanted, std::size_t asked_bytes, const Head &head) {
  if (head.type == fxp_status) return parse_status(wanted, head.rest);
  if (head.type != answer_to(wanted))
    return malformed(fmt::format("an answer of type {} where type {} was asked for", head.type,
                                 answer_to(wanted)));
  wire::Decoder decoder(head.rest);
  Reply reply;
  switch (wanted) {
    case Wanted::status: break;
    case Wanted::handle:
      reply.text = decoder.string();
      if (!decoder.finished() || reply.text.size() > max_handle_bytes)
        return malformed("a handle that is none");
      break;
    case Wanted::data:
      reply.text = decoder.string();
      if (!decoder.finished()) return malformed("content that is cut off");
      if (reply.text.size() > asked_bytes) return malformed("more content than was asked for");
      if (reply.text.empty()) return malformed("content without a byte");
      break;
    case Wanted::path:
    case Wanted::entries: return parse_names(wanted, decoder);
    case Wanted::attributes:
      reply.attributes = attributes_of(decoder);
      if (!decoder.finished()) return malformed("attributes that are none");
      break;
    case Wanted::limits:
      reply.limits.packet_bytes = decoder.uint64();
      reply.limits.read_bytes = decoder.uint64();
      reply.limits.write_bytes = decoder.uint64();
      reply.limits.handles = decoder.uint64();
      if (!decoder.ok()) return malformed("limits that are none");
      break;
    case Wanted::file_system: {
      // statvfs(3): sizes of blocks, blocks, those that are free, files, those that are free, an id, flags.
      constexpr std::uint64_t flag_read_only = 1;
      decoder.raw(4 * sizeof(std::uint64_t));
      reply.file_system.is_full = decoder.uint64() == 0;
      const std::uint64_t files = decoder.uint64();
      decoder.uint64();
      const std::uint64_t free_files = decoder.uint64();
      decoder.uint64();
      reply.file_system.is_read_only = (decoder.uint64() & flag_read_only) != 0;
      if (!decoder.ok()) return malformed("a file system that is none");
      reply.file_system.is_full = reply.file_system.is_full || (files > 0 && free_files == 0);
      break;
    }
  }
  return reply;
}

}  // namespace fanout::ssh::sftp
