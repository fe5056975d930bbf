// A worker's view of what it sends: entries in their order, and the content of each. Runs in a worker, beneath the
// sandbox of put: openat2, fstat and pread64 are the only calls on files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "fanout/core/result.hpp"
#include "fanout/files/catalogue.hpp"
#include "fanout/sys/fd.hpp"

namespace fanout::files {

// The content of one entry. Borrows from its Source.
class Content {
public:
  Content(Content &&) noexcept = default;
  Content &operator=(Content &&) noexcept = default;

  // Exactly `size` bytes at `offset`, which lie within the entry's size. pread(2); never maps the file, because one
  // that shrinks would then kill the worker. ErrorKind::local "source changed: NAME" when it has become shorter.
  core::Result<void> read(char *buffer, std::size_t size, std::uint64_t offset) const;
  // For after the last byte, and before what was sent is put in its place: still the same file, size and times?
  // ErrorKind::local "source changed: NAME". A packed file is a copy and cannot have changed.
  core::Result<void> check_unchanged() const;
  // A hole at `offset`, or data? For sources with holes: the end of the run of either kind that `offset` is in
  // (lseek(2), SEEK_DATA and SEEK_HOLE); a packed file is all data.
  struct Run {
    bool hole = false;
    std::uint64_t end = 0;
  };
  [[nodiscard]] Run run_at(std::uint64_t offset) const;

private:
  friend class Source;
  Content() = default;
  const Entry *entry_ = nullptr;  // lives as long as the caller's
  sys::UniqueFd own_;             // opened for this entry; none when it is borrowed
  int fd_ = -1;
  std::uint64_t base_ = 0;  // of the content in fd_
};

class Source {
public:
  // Takes what Catalogue::descriptors() gave.
  static core::Result<Source> open(std::vector<sys::UniqueFd> descriptors);

  // The next entry, nullopt after the last. ErrorKind::internal when the list is malformed: it is of our own making.
  core::Result<std::optional<Entry>> next();
  void rewind();

  // Checks that the file is the one that was listed. `entry` must outlive the content.
  core::Result<Content> content(const Entry &entry) const;
  // Raw bytes of the pack, for whoever sends members as they are.
  core::Result<void> read_pack(char *buffer, std::size_t size, std::uint64_t offset) const;

  // Which descriptors the sandbox must let it open files beneath.
  [[nodiscard]] std::vector<int> roots() const;
  [[nodiscard]] std::uint64_t files() const { return files_; }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  [[nodiscard]] std::uint64_t packed_files() const { return packed_files_; }

private:
  Source() = default;
  core::Result<void> refill();
  sys::UniqueFd list_;
  sys::UniqueFd pack_;
  std::vector<sys::UniqueFd> roots_;
  std::uint64_t pack_bytes_ = 0;
  std::uint64_t entries_ = 0;
  std::uint64_t files_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t packed_files_ = 0;
  std::string buffer_;          // of the list, read and not yet taken apart
  std::size_t taken_ = 0;       // of buffer_
  std::uint64_t position_ = 0;  // in the list, of the end of buffer_
  std::uint64_t number_ = 0;
};

}  // namespace fanout::files
