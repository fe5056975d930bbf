// Output of hosts that waits to be printed: a little of each in memory, the rest in one file without a name.
//
// A Spill is one file for the whole run, however many hosts there are. It consists of segments of equal size; a segment
// belongs to one text, and is used again when that text has been printed. The file is made when the first text needs it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "fanout/core/result.hpp"
#include "fanout/sys/fd.hpp"
#include "fanout/sys/temporary_file.hpp"

namespace fanout::report {

struct SpillLimits {
  // Of one text in memory.
  std::size_t text_bytes = std::size_t{16} << 10;
  // Of all texts in memory; beyond it every text spills.
  std::size_t resident_bytes = std::size_t{16} << 20;
  std::size_t segment_bytes = std::size_t{64} << 10;
};

class Spill {
public:
  using OpenFile = std::function<core::Result<sys::UniqueFd>()>;

  explicit Spill(SpillLimits limits = {}, OpenFile open = sys::make_temporary_file);
  Spill(const Spill &) = delete;
  Spill &operator=(const Spill &) = delete;

  // For tests and statistics.
  [[nodiscard]] std::size_t resident_bytes() const { return resident_bytes_; }
  [[nodiscard]] std::uint64_t segments_in_use() const { return next_segment_ - free_.size(); }
  [[nodiscard]] std::uint64_t file_bytes() const {
    return std::uint64_t{next_segment_} * limits_.segment_bytes;
  }

private:
  friend class HeldText;
  core::Result<void> open_once();
  std::uint32_t take_segment();
  void give_back(const std::vector<std::uint32_t> &segments);
  core::Result<void> write(std::uint64_t position, std::string_view bytes);
  // Into buffer_, which is valid until the next call.
  core::Result<std::string_view> read(std::uint64_t position, std::size_t size);

  SpillLimits limits_;
  OpenFile open_;
  sys::UniqueFd file_;
  std::vector<std::uint32_t> free_;
  std::uint32_t next_segment_ = 0;
  std::size_t resident_bytes_ = 0;
  std::string buffer_;
};

// One text, in its order. Belongs to one Spill, which must outlive it.
class HeldText {
public:
  // `memory_bytes`, if given, replaces SpillLimits::text_bytes.
  explicit HeldText(Spill &spill, std::size_t memory_bytes = 0);
  ~HeldText() { clear(); }
  // What is left is empty, and can be used again.
  HeldText(HeldText &&other) noexcept;
  HeldText &operator=(HeldText &&) = delete;

  // All of `bytes` or, with an error (ErrorKind::local, "temporary file: No space left on device"), nothing of them.
  core::Result<void> append(std::string_view bytes);

  // The whole text in pieces of at most a segment; the first error ends it. `take` must not use this Spill.
  core::Result<void> each_piece(
      const std::function<core::Result<void>(std::string_view)> &take) const;
  // All of it in memory: for texts whose size is known to be small.
  [[nodiscard]] core::Result<std::string> whole() const;

  void clear();
  [[nodiscard]] bool empty() const { return size() == 0; }
  [[nodiscard]] std::uint64_t size() const { return spilled_bytes_ + memory_.size(); }

private:
  core::Result<void> store(std::uint64_t offset, std::string_view bytes);
  void account();

  Spill &spill_;
  std::size_t memory_limit_;
  std::string memory_;                   // the end of the text
  std::size_t accounted_bytes_ = 0;      // what memory_ counts in Spill::resident_bytes_
  std::vector<std::uint32_t> segments_;  // its beginning
  std::uint64_t spilled_bytes_ = 0;
};

}  // namespace fanout::report
