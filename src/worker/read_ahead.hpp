// How much may be asked for and not yet have come: enough to fill the line, little enough to be held in memory. For all
// files of a connection together. Pure: the time is handed in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "fanout/core/deadline.hpp"

namespace fanout::worker {

class ReadAhead {
public:
  static constexpr std::size_t least_bytes = 1 << 20;
  static constexpr std::size_t most_bytes = 8 << 20;
  // Shorter ones are filled by the least.
  static constexpr core::Milliseconds long_round_trip{5};

  explicit ReadAhead(core::Clock::duration round_trip) : grows_(round_trip > long_round_trip) {}

  [[nodiscard]] bool has_room(std::size_t bytes) {
    const bool room = asked_ + bytes <= limit_;
    full_ = full_ || !room;
    return room;
  }
  [[nodiscard]] std::size_t limit() const { return limit_; }

  // A part of what may be asked for, as long as it lives.
  class Share {
  public:
    Share(ReadAhead &of, std::size_t bytes) : of_(&of), bytes_(bytes) { of.asked_ += bytes; }
    Share(Share &&other) noexcept : of_(std::exchange(other.of_, nullptr)), bytes_(other.bytes_) {}
    Share &operator=(Share &&other) noexcept {
      std::swap(of_, other.of_);
      std::swap(bytes_, other.bytes_);
      return *this;
    }
    ~Share() {
      if (of_ != nullptr) of_->asked_ -= bytes_;
    }

  private:
    ReadAhead *of_;
    std::size_t bytes_;
  };

  // So much has come. True when the limit has been raised: the channel's window is to be, too.
  bool came(std::size_t bytes, core::TimePoint now);

private:
  std::size_t limit_ = least_bytes;
  std::size_t asked_ = 0;
  bool grows_;
  bool full_ = false;           // the limit was in the way since `since_`
  std::uint64_t measured_ = 0;  // bytes since then
  core::TimePoint since_;
  double best_rate_ = 0;  // bytes a second
};

}  // namespace fanout::worker
