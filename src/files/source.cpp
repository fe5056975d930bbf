// Reading what the catalogue says. Everything is checked against what was handed to this worker, and every read is one
// that may find the file shorter than it was.

#include "fanout/files/source.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <utility>

#include "beneath.hpp"
#include "holes.hpp"
#include "list_format.hpp"
#include "status.hpp"

namespace fanout::files {

using core::Error;
using core::ErrorKind;
using core::fail;
using core::Result;
using core::system_error;
using sys::UniqueFd;

namespace {

constexpr std::size_t buffer_bytes = 64 * 1024;

Error changed(const Entry &entry) { return {ErrorKind::local, "source changed: " + entry.path}; }

Error malformed() { return {ErrorKind::internal, "the list of sources is malformed"}; }

// As much of [offset, offset + size) as there is; 0 and no error at the end of the file.
Result<std::size_t> read_at(int fd, char *buffer, std::size_t size, std::uint64_t offset,
                            std::string_view shown) {
  std::size_t filled = 0;
  while (filled < size) {
    const ssize_t count =
        ::pread(fd, buffer + filled, size - filled, static_cast<off_t>(offset + filled));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail(system_error(ErrorKind::local, "read " + std::string(shown), errno));
    if (count == 0) break;
    filled += static_cast<std::size_t>(count);
  }
  return filled;
}

}  // namespace

Result<void> Content::read(char *buffer, std::size_t size, std::uint64_t offset) const {
  if (offset > entry_->size || size > entry_->size - offset)
    return fail(ErrorKind::internal, "read " + entry_->path + ": beyond its end");
  TRY_ASSIGN(const std::size_t count, read_at(fd_, buffer, size, base_ + offset, entry_->path));
  if (count != size) return fail(changed(*entry_));
  return {};
}

Result<void> Content::check_unchanged() const {
  if (entry_->packed) return {};
  struct stat status {};
  if (status_of(fd_, status) != 0)
    return fail(system_error(ErrorKind::local, "fstat " + entry_->path, errno));
  if (!same_content(status, *entry_)) return fail(changed(*entry_));
  return {};
}

Content::Run Content::run_at(std::uint64_t offset) const {
  if (entry_->packed) return {false, entry_->size};
  return find_run(fd_, offset, entry_->size);
}

Result<Source> Source::open(std::vector<UniqueFd> descriptors) {
  if (descriptors.size() < 2) return fail(malformed());
  Source source;
  source.list_ = std::move(descriptors[0]);
  source.pack_ = std::move(descriptors[1]);
  descriptors.erase(descriptors.begin(), descriptors.begin() + 2);
  source.roots_ = std::move(descriptors);
  struct stat status {};
  if (status_of(source.pack_.get(), status) != 0)
    return fail(system_error(ErrorKind::local, "fstat the packed files", errno));
  source.pack_bytes_ = static_cast<std::uint64_t>(status.st_size);
  std::array<char, list_head_bytes> bytes{};
  TRY_ASSIGN(const std::size_t size,
             read_at(source.list_.get(), bytes.data(), bytes.size(), 0, "the list of sources"));
  const auto head = parse_list_head(std::string_view(bytes.data(), size));
  if (!head) return fail(malformed());
  source.entries_ = head->entries;
  source.files_ = head->files;
  source.packed_files_ = head->packed_files;
  source.bytes_ = head->bytes;
  source.rewind();
  return source;
}

void Source::rewind() {
  buffer_.clear();
  taken_ = 0;
  position_ = list_head_bytes;
  number_ = 0;
}

Result<std::optional<Entry>> Source::next() {
  if (number_ == entries_) return std::nullopt;
  if (buffer_.size() - taken_ < max_record_bytes) TRY(refill());
  const std::string_view rest = std::string_view(buffer_).substr(taken_);
  const auto size = record_bytes(rest);
  if (!size || *size > max_record_bytes || *size > rest.size()) return fail(malformed());
  const std::string_view record = rest.substr(0, static_cast<std::size_t>(*size));
  auto entry = parse_record(record, {number_, roots_.size(), pack_bytes_});
  if (!entry) return fail(malformed());
  taken_ += record.size();
  ++number_;
  return entry;
}

// What is left moves to the beginning, and the list is read on behind it.
Result<void> Source::refill() {
  buffer_.erase(0, taken_);
  taken_ = 0;
  const std::size_t kept = buffer_.size();
  buffer_.resize(buffer_bytes);
  const auto count = read_at(list_.get(), buffer_.data() + kept, buffer_bytes - kept, position_,
                             "the list of sources");
  buffer_.resize(kept + count.value_or(0));
  if (!count) return fail(count.error());
  position_ += *count;
  return {};
}

Result<Content> Source::content(const Entry &entry) const {
  Content content;
  content.entry_ = &entry;
  if (entry.kind != Kind::file || (!entry.packed && entry.root >= roots_.size()))
    return fail(ErrorKind::internal, "read " + entry.path + ": has no content");
  if (entry.packed) {
    content.fd_ = pack_.get();
    content.base_ = entry.member_offset + tar_header_bytes;
    return content;
  }
  content.fd_ = roots_[entry.root].get();
  if (!entry.open_path.empty()) {
    content.own_ = open_beneath(content.fd_, entry.open_path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    // Gone, or something else stands in its way: a link, a file for a folder.
    if (!content.own_ && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP || errno == EXDEV))
      return fail(changed(entry));
    if (!content.own_) return fail(system_error(ErrorKind::local, "open " + entry.path, errno));
    content.fd_ = content.own_.get();
  }
  TRY(content.check_unchanged());
  return content;
}

Result<void> Source::read_pack(char *buffer, std::size_t size, std::uint64_t offset) const {
  TRY_ASSIGN(const std::size_t count, read_at(pack_.get(), buffer, size, offset, "packed files"));
  if (count != size) return fail(ErrorKind::internal, "read packed files: beyond their end");
  return {};
}

std::vector<int> Source::roots() const {
  std::vector<int> fds;
  for (const UniqueFd &root : roots_) fds.push_back(root.get());
  return fds;
}

}  // namespace fanout::files
