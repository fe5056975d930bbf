// The archive goes straight from the pack to the host, in pieces; nothing of it is kept.
//
// tar of root restores owners and all modes unless it is told not to, and what tells it differs: -o, in every tar there is,
// leaves owners alone when it extracts; --no-same-permissions, which applies the umask, is asked for first, with an archive
// of nothing, because a tar that does not know it would give files more than they are to have.
#include "unpack.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "remote_command.hpp"
#include "remote_scripts.hpp"

namespace fanout::worker {

using core::ErrorKind;
using core::fail;
using core::Result;

namespace {

constexpr std::size_t piece_bytes = 64 * 1024;
constexpr std::size_t end_of_archive_bytes = 1024;  // two blocks of zeros
constexpr std::uint64_t pieces_a_second = 8;
constexpr std::uint64_t smallest_piece_bytes = 512;

class Archive {
public:
  Archive(Transfer &transfer, const files::Source &source, const std::vector<PackRange> &ranges)
      : transfer_(transfer),
        source_(source),
        ranges_(ranges),
        buffer_(std::make_unique_for_overwrite<char[]>(piece_bytes)) {
    // Slow lines get small pieces, so that the server is heard between them.
    if (const std::uint64_t limit = transfer.card.transfer.limit_bytes_per_second; limit > 0)
      at_once_ =
          std::clamp<std::uint64_t>(limit / pieces_a_second, smallest_piece_bytes, piece_bytes);
  }

  Result<std::string_view> next();

private:
  Transfer &transfer_;
  const files::Source &source_;
  const std::vector<PackRange> &ranges_;
  std::unique_ptr<char[]> buffer_;
  std::uint64_t at_once_ = piece_bytes;
  std::size_t range_ = 0;
  std::uint64_t position_ = 0;      // in the range
  std::uint64_t content_sent_ = 0;  // of the range
  bool ended_ = false;
};

Result<std::string_view> Archive::next() {
  while (range_ < ranges_.size() && position_ == ranges_[range_].bytes) {
    ++range_;
    position_ = content_sent_ = 0;
  }
  if (range_ == ranges_.size()) {
    if (std::exchange(ended_, true)) return std::string_view();
    std::fill_n(buffer_.get(), end_of_archive_bytes, '\0');
    return std::string_view(buffer_.get(), end_of_archive_bytes);
  }
  const PackRange &range = ranges_[range_];
  const std::uint64_t size = std::min(at_once_, range.bytes - position_);
  TRY(source_.read_pack(buffer_.get(), static_cast<std::size_t>(size), range.offset + position_));
  position_ += size;
  // Headers are spread evenly over the content: who looks at the progress cannot tell.
  const auto share = static_cast<double>(position_) / static_cast<double>(range.bytes);
  const std::uint64_t sent =
      position_ == range.bytes
          ? range.content_bytes
          : static_cast<std::uint64_t>(share * static_cast<double>(range.content_bytes));
  const std::uint64_t content = sent - content_sent_;
  content_sent_ = sent;
  TRY(wait_until(transfer_, transfer_.pace(content)));
  transfer_.record.sent_bytes += content;
  transfer_.advance(content);
  return std::string_view(buffer_.get(), static_cast<std::size_t>(size));
}

}  // namespace

Result<void> unpack(Transfer &transfer, const files::Source &source, const std::string &folder,
                    const std::vector<PackRange> &ranges, bool exact) {
  Archive archive(transfer, source, ranges);
  const auto feed = [&archive] { return archive.next(); };
  TRY_ASSIGN(const CommandEnd end,
             run_command(transfer,
                         sh(exact ? unpack_exactly_script : unpack_script,
                            {as_operand(folder), pulse_of(transfer.card.stall_timeout)}),
                         feed));
  if (!end.ok()) return fail(ErrorKind::remote, end.describe());
  return {};
}

}  // namespace fanout::worker
