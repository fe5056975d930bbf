// The file behind texts that do not fit in memory. What is hard: the disk can be full at any write. A text therefore
// moves on only after all of a write has arrived; what a failed one has left in a segment is overwritten by the next.

#include "fanout/report/spill.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace fanout::report {

using core::ErrorKind;
using core::fail;
using core::Result;
using core::system_error;

namespace {

constexpr std::string_view file_name = "temporary file";

// Assigning an empty string would keep the memory.
void release(std::string &text) { std::string().swap(text); }

}  // namespace

Spill::Spill(SpillLimits limits, OpenFile open) : limits_(limits), open_(std::move(open)) {}

Result<void> Spill::open_once() {
  if (file_) return {};
  TRY_ASSIGN(file_, open_());
  return {};
}

std::uint32_t Spill::take_segment() {
  if (free_.empty()) return next_segment_++;
  const std::uint32_t segment = free_.back();
  free_.pop_back();
  return segment;
}

void Spill::give_back(const std::vector<std::uint32_t> &segments) {
  free_.insert(free_.end(), segments.begin(), segments.end());
  if (segments.empty() || free_.size() < next_segment_) return;
  // Nothing is in use: the disk space goes back. A refusal costs space and nothing else.
  free_.clear();
  next_segment_ = 0;
  if (::ftruncate(file_.get(), 0) != 0) return;
}

Result<void> Spill::write(std::uint64_t position, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count =
        ::pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(position));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail(system_error(ErrorKind::local, file_name, errno));
    bytes.remove_prefix(static_cast<std::size_t>(count));
    position += static_cast<std::uint64_t>(count);
  }
  return {};
}

Result<std::string_view> Spill::read(std::uint64_t position, std::size_t size) {
  buffer_.resize(limits_.segment_bytes);
  std::size_t filled = 0;
  while (filled < size) {
    const ssize_t count = ::pread(file_.get(), buffer_.data() + filled, size - filled,
                                  static_cast<off_t>(position + filled));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail(system_error(ErrorKind::local, file_name, errno));
    if (count == 0)
      return fail(ErrorKind::local,
                  std::string(file_name) + ": shorter than what was written to it");
    filled += static_cast<std::size_t>(count);
  }
  return std::string_view(buffer_).substr(0, size);
}

HeldText::HeldText(Spill &spill, std::size_t memory_bytes)
    : spill_(spill), memory_limit_(memory_bytes > 0 ? memory_bytes : spill.limits_.text_bytes) {}

void HeldText::account() {
  // A short text lives inside the string object and takes nothing.
  const std::size_t bytes = memory_.capacity() > std::string().capacity() ? memory_.capacity() : 0;
  spill_.resident_bytes_ += bytes;
  spill_.resident_bytes_ -= std::exchange(accounted_bytes_, bytes);
}

HeldText::HeldText(HeldText &&other) noexcept
    : spill_(other.spill_),
      memory_limit_(other.memory_limit_),
      memory_(std::exchange(other.memory_, {})),
      accounted_bytes_(std::exchange(other.accounted_bytes_, 0)),
      segments_(std::exchange(other.segments_, {})),
      spilled_bytes_(std::exchange(other.spilled_bytes_, 0)) {}

Result<void> HeldText::append(std::string_view bytes) {
  const bool memory_is_short = spill_.resident_bytes_ >= spill_.limits_.resident_bytes;
  if (!memory_is_short && memory_.size() + bytes.size() <= memory_limit_) {
    memory_ += bytes;
    account();
    return {};
  }
  TRY(spill_.open_once());
  TRY(store(spilled_bytes_, memory_));
  TRY(store(spilled_bytes_ + memory_.size(), bytes));
  spilled_bytes_ += memory_.size() + bytes.size();
  if (memory_is_short)
    release(memory_);
  else
    memory_.clear();
  account();
  return {};
}

Result<void> HeldText::store(std::uint64_t offset, std::string_view bytes) {
  const std::uint64_t segment_bytes = spill_.limits_.segment_bytes;
  while (!bytes.empty()) {
    const std::uint64_t index = offset / segment_bytes;
    const std::uint64_t within = offset % segment_bytes;
    if (index == segments_.size()) segments_.push_back(spill_.take_segment());
    const std::string_view piece =
        bytes.substr(0, static_cast<std::size_t>(segment_bytes - within));
    TRY(spill_.write(segments_[static_cast<std::size_t>(index)] * segment_bytes + within, piece));
    bytes.remove_prefix(piece.size());
    offset += piece.size();
  }
  return {};
}

Result<void> HeldText::each_piece(const std::function<Result<void>(std::string_view)> &take) const {
  const std::uint64_t segment_bytes = spill_.limits_.segment_bytes;
  std::uint64_t left = spilled_bytes_;
  for (const std::uint32_t segment : segments_) {
    if (left == 0) break;
    const auto size = static_cast<std::size_t>(std::min(left, segment_bytes));
    TRY_ASSIGN(const std::string_view piece, spill_.read(segment * segment_bytes, size));
    TRY(take(piece));
    left -= size;
  }
  if (memory_.empty()) return {};
  return take(memory_);
}

Result<std::string> HeldText::whole() const {
  std::string text;
  TRY(each_piece([&text](std::string_view piece) -> Result<void> {
    text += piece;
    return {};
  }));
  return text;
}

void HeldText::clear() {
  release(memory_);
  account();
  spill_.give_back(segments_);
  segments_.clear();
  spilled_bytes_ = 0;
}

}  // namespace fanout::report
