// The account of the live view: what each host does, in which order they stand, which one is selected and which are in
// sight. Pure: time is handed in. What it looks like is in live_lines.hpp.
//
// An event costs the same however many hosts there are; they are sorted when they are looked at and something has changed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "fanout/core/deadline.hpp"
#include "fanout/core/event.hpp"
#include "fanout/core/host.hpp"
#include "fanout/core/status.hpp"
#include "last_line.hpp"
#include "live_order.hpp"

namespace fanout::report {

struct LiveRow {
  enum class State : std::uint8_t { waiting, running, retrying, ended };
  State state = State::waiting;
  core::Status status = core::Status::skipped;  // of an end
  core::Phase phase = core::Phase::start;
  core::TimePoint began;
  core::Milliseconds took{0};  // of an end
  std::uint64_t printed_bytes = 0;
  std::uint64_t done_bytes = 0;  // of a transfer
  std::uint64_t total_bytes = 0;
  LastLine last;
  std::string
      reason;  // why it has failed, or the last attempt to reach it; not safe for a terminal

  [[nodiscard]] core::Milliseconds elapsed(core::TimePoint now) const;
};

class LiveTable {
public:
  // `hosts` must outlive this.
  explicit LiveTable(const std::vector<core::Host> &hosts);

  void observe(const core::Event &event, core::TimePoint now);

  struct Counts {
    std::size_t hosts = 0;
    std::size_t running = 0;  // also those that will be tried again
    std::size_t ended = 0;
    std::size_t failed = 0;
  };
  [[nodiscard]] const Counts &counts() const { return counts_; }
  [[nodiscard]] const LiveRow &row(core::HostIndex host) const { return rows_[host]; }
  [[nodiscard]] std::size_t longest_name() const { return longest_name_; }  // columns
  [[nodiscard]] bool can_be_stopped(core::HostIndex host) const {
    return rows_[host].state == LiveRow::State::running;
  }

  [[nodiscard]] LiveOrder order() const { return order_; }
  void change_order();

  // Whoever stands first, until it was moved; from then on the same host wherever it stands.
  core::HostIndex selected(core::TimePoint now);
  void move_selection(std::ptrdiff_t rows, core::TimePoint now);  // as far as there are any
  void keep_selection(core::TimePoint now);                       // on the host that it is on

  // The hosts in sight when there is room for so many; the selected one is among them. Valid until the next call.
  std::span<const core::HostIndex> in_sight(std::size_t rows, core::TimePoint now);

private:
  void started(const core::Started &started, core::TimePoint now);
  void printed(const core::OutputReceived &received);
  void progressed(const core::Progressed &progressed);
  void retrying(const core::Retrying &retrying);
  void ended(const core::Ended &ended);
  void leave_running(LiveRow &row);
  void sort(core::TimePoint now);
  [[nodiscard]] std::int64_t sort_value(core::HostIndex host, core::TimePoint now) const;
  void rank_names();

  const std::vector<core::Host> &hosts_;
  std::vector<LiveRow> rows_;
  Counts counts_;
  std::size_t longest_name_ = 0;
  LiveOrder order_ = LiveOrder::selection;
  bool unsorted_ = false;
  std::vector<core::HostIndex> sorted_;
  std::vector<std::size_t> place_;  // of each host in sorted_
  std::vector<SortKey> keys_;
  std::vector<std::uint32_t> name_ranks_;
  std::optional<core::HostIndex> selected_;
  std::size_t top_ = 0;
};

}  // namespace fanout::report
