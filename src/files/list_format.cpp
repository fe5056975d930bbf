// The list is of our own making, and is read as if it were not: a worker believes no offset, path or number that would
// lead it out of what it was handed.

#include "list_format.hpp"

#include "fanout/core/transfer.hpp"
#include "fanout/wire/codec.hpp"

namespace fanout::files {

namespace {

constexpr std::size_t sha256_bytes = 32;
constexpr std::uint32_t mode_bits = 07777;
constexpr std::uint32_t nanoseconds_in_a_second = 1'000'000'000;

void append_time(wire::Encoder &encoder, const Timestamp &time) {
  encoder.uint64(static_cast<std::uint64_t>(time.seconds)).uint32(time.nanoseconds);
}

Timestamp take_time(wire::Decoder &decoder) {
  Timestamp time;
  time.seconds = static_cast<std::int64_t>(decoder.uint64());
  time.nanoseconds = decoder.uint32();
  return time;
}

// Relative, without empty, "." and ".." components.
bool is_plain_path(std::string_view path) {
  if (path.size() >= core::max_path_bytes || path.find('\0') != std::string_view::npos)
    return false;
  for (;;) {
    const std::size_t slash = path.find('/');
    const std::string_view component = path.substr(0, slash);
    if (component.empty() || component == "." || component == "..") return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

bool has_place(const Entry &entry, const ListBounds &bounds) {
  if (entry.kind == Kind::directory)
    return !entry.packed && entry.size == 0 && entry.sha256.empty() && entry.open_path.empty();
  if (!entry.packed)
    return entry.root < bounds.roots && (entry.open_path.empty() || is_plain_path(entry.open_path));
  return entry.member_bytes <= bounds.pack_bytes &&
         entry.member_offset <= bounds.pack_bytes - entry.member_bytes &&
         entry.member_bytes >= tar_header_bytes &&
         entry.size <= entry.member_bytes - tar_header_bytes;
}

}  // namespace

std::string format_list_head(const ListHead &head) {
  wire::Encoder encoder;
  encoder.uint64(head.entries).uint64(head.files).uint64(head.packed_files).uint64(head.bytes);
  return encoder.take();
}

std::optional<ListHead> parse_list_head(std::string_view bytes) {
  wire::Decoder decoder(bytes);
  ListHead head;
  head.entries = decoder.uint64();
  head.files = decoder.uint64();
  head.packed_files = decoder.uint64();
  head.bytes = decoder.uint64();
  if (!decoder.finished() || head.files > head.entries || head.packed_files > head.files)
    return std::nullopt;
  return head;
}

std::string format_record(const Entry &entry) {
  wire::Encoder encoder;
  encoder.uint64(entry.number).byte(entry.kind == Kind::directory ? 1 : 0).string(entry.path);
  encoder.uint32(entry.mode).uint64(entry.size).string(entry.sha256);
  append_time(encoder, entry.mtime);
  append_time(encoder, entry.ctime);
  encoder.uint64(entry.device).uint64(entry.inode).boolean(entry.packed);
  if (entry.packed)
    encoder.uint64(entry.member_offset).uint64(entry.member_bytes);
  else
    encoder.uint32(entry.root).string(entry.open_path);
  return wire::Encoder().string(encoder.bytes()).take();
}

std::optional<std::uint64_t> record_bytes(std::string_view bytes) {
  wire::Decoder decoder(bytes);
  const std::uint64_t size = decoder.uint32();
  if (!decoder.ok()) return std::nullopt;
  return size + 4;
}

std::optional<Entry> parse_record(std::string_view record, const ListBounds &bounds) {
  wire::Decoder whole(record);
  wire::Decoder decoder(whole.string());
  if (!whole.finished()) return std::nullopt;
  Entry entry;
  entry.number = decoder.uint64();
  entry.kind = decoder.boolean() ? Kind::directory : Kind::file;
  entry.path = decoder.string();
  entry.mode = decoder.uint32();
  entry.size = decoder.uint64();
  entry.sha256 = decoder.string();
  entry.mtime = take_time(decoder);
  entry.ctime = take_time(decoder);
  entry.device = decoder.uint64();
  entry.inode = decoder.uint64();
  entry.packed = decoder.boolean();
  if (entry.packed) {
    entry.member_offset = decoder.uint64();
    entry.member_bytes = decoder.uint64();
  } else {
    entry.root = decoder.uint32();
    entry.open_path = decoder.string();
  }
  const bool sound = decoder.finished() && entry.number == bounds.number &&
                     is_plain_path(entry.path) && (entry.mode & ~mode_bits) == 0 &&
                     (entry.sha256.empty() || entry.sha256.size() == sha256_bytes) &&
                     entry.mtime.nanoseconds < nanoseconds_in_a_second &&
                     entry.ctime.nanoseconds < nanoseconds_in_a_second && has_place(entry, bounds);
  if (!sound) return std::nullopt;
  return entry;
}

}  // namespace fanout::files
