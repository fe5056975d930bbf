#include "live_table.hpp"

#include <algorithm>
#include <chrono>
#include <numeric>

#include "fanout/console/columns.hpp"
#include "fanout/console/sanitize.hpp"
#include "fanout/core/outcome.hpp"
#include "fanout/report/reason.hpp"

namespace fanout::report {

using core::HostIndex;
using core::Milliseconds;
using core::TimePoint;
using State = LiveRow::State;

namespace {

constexpr std::size_t reason_bytes = 300;

// Of LiveOrder::state: those that run by how far they are, then by what is worth a look.
std::int64_t value_of_state(const LiveRow &row) {
  constexpr std::int64_t after_all_phases = core::phase_count;
  switch (row.state) {
    case State::running: return after_all_phases - static_cast<std::int64_t>(row.phase);
    case State::retrying: return after_all_phases + 1;
    case State::ended:
      if (row.status == core::Status::ok) return after_all_phases + 5;
      return after_all_phases + (row.status == core::Status::skipped ? 4 : 2);
    case State::waiting: return after_all_phases + 3;
  }
  return 0;
}

}  // namespace

Milliseconds LiveRow::elapsed(TimePoint now) const {
  switch (state) {
    case State::waiting: return Milliseconds(0);
    case State::running:
    case State::retrying: return std::chrono::duration_cast<Milliseconds>(now - began);
    case State::ended: return took;
  }
  return Milliseconds(0);
}

LiveTable::LiveTable(const std::vector<core::Host> &hosts)
    : hosts_(hosts), rows_(hosts.size()), sorted_(hosts.size()), place_(hosts.size()) {
  counts_.hosts = hosts.size();
  std::iota(sorted_.begin(), sorted_.end(), HostIndex{0});
  std::iota(place_.begin(), place_.end(), std::size_t{0});
  for (const core::Host &host : hosts_)
    longest_name_ = std::max(longest_name_, console::columns(console::safe_line(host.name)));
}

// --- the account --------------------------------------------------------------------------------------------------------

void LiveTable::observe(const core::Event &event, TimePoint now) {
  if (core::host_of(event) >= rows_.size()) return;
  if (const auto *received = std::get_if<core::OutputReceived>(&event)) return printed(*received);
  if (const auto *part = std::get_if<core::Progressed>(&event)) return progressed(*part);
  if (const auto *start = std::get_if<core::Started>(&event)) started(*start, now);
  if (const auto *entered = std::get_if<core::PhaseEntered>(&event))
    rows_[entered->host].phase = entered->phase;
  if (const auto *again = std::get_if<core::Retrying>(&event)) retrying(*again);
  if (const auto *end = std::get_if<core::Ended>(&event)) ended(*end);
  unsorted_ = true;
}

void LiveTable::started(const core::Started &started, TimePoint now) {
  LiveRow &row = rows_[started.host];
  if (row.state == State::waiting) {
    ++counts_.running;
    row.began = now;
  }
  row.state = State::running;
  row.phase = core::Phase::start;
}

void LiveTable::printed(const core::OutputReceived &received) {
  LiveRow &row = rows_[received.host];
  row.printed_bytes += received.bytes.size();
  row.last.feed(received.stream, received.bytes);
}

void LiveTable::progressed(const core::Progressed &progressed) {
  LiveRow &row = rows_[progressed.host];
  row.done_bytes = progressed.done_bytes;
  row.total_bytes = progressed.total_bytes;
}

void LiveTable::leave_running(LiveRow &row) {
  if (row.state == State::running || row.state == State::retrying) --counts_.running;
}

void LiveTable::retrying(const core::Retrying &retrying) {
  LiveRow &row = rows_[retrying.host];
  row.state = State::retrying;
  row.phase = retrying.outcome.phase;
  row.reason = reason(retrying.outcome).substr(0, reason_bytes);
}

void LiveTable::ended(const core::Ended &ended) {
  LiveRow &row = rows_[ended.host];
  if (row.state == State::ended) return;
  leave_running(row);
  ++counts_.ended;
  row.state = State::ended;
  row.status = ended.outcome.status;
  row.phase = ended.outcome.phase;
  row.took = std::chrono::duration_cast<Milliseconds>(ended.outcome.elapsed);
  row.reason = reason(ended.outcome).substr(0, reason_bytes);
  if (is_failure(row.status)) ++counts_.failed;
}

// --- the order ----------------------------------------------------------------------------------------------------------

void LiveTable::change_order() {
  order_ = next_order(order_);
  unsorted_ = true;
}

void LiveTable::rank_names() {
  if (!name_ranks_.empty()) return;
  std::vector<HostIndex> by_name(rows_.size());
  std::iota(by_name.begin(), by_name.end(), HostIndex{0});
  std::stable_sort(by_name.begin(), by_name.end(), [this](HostIndex one, HostIndex other) {
    return compare_naturally(hosts_[one].name, hosts_[other].name) < 0;
  });
  name_ranks_.resize(rows_.size());
  for (std::uint32_t rank = 0; rank < by_name.size(); ++rank) name_ranks_[by_name[rank]] = rank;
}

std::int64_t LiveTable::sort_value(HostIndex host, TimePoint now) const {
  switch (order_) {
    case LiveOrder::selection: return 0;
    case LiveOrder::state: return value_of_state(rows_[host]);
    case LiveOrder::elapsed: return -rows_[host].elapsed(now).count();
    case LiveOrder::name: return name_ranks_[host];
  }
  return 0;
}

void LiveTable::sort(TimePoint now) {
  // Who runs overtakes who has ended, without any event.
  const bool moves = order_ == LiveOrder::elapsed && counts_.running > 0;
  if (!unsorted_ && !moves) return;
  unsorted_ = false;
  if (order_ == LiveOrder::name) rank_names();
  keys_.resize(rows_.size());
  for (HostIndex host = 0; host < rows_.size(); ++host) keys_[host] = {sort_value(host, now), host};
  sort_hosts(keys_);
  for (std::size_t place = 0; place < keys_.size(); ++place) {
    sorted_[place] = keys_[place].host;
    place_[sorted_[place]] = place;
  }
}

// --- the selection ------------------------------------------------------------------------------------------------------

HostIndex LiveTable::selected(TimePoint now) {
  sort(now);
  return selected_.value_or(sorted_.empty() ? 0 : sorted_.front());
}

void LiveTable::keep_selection(TimePoint now) {
  if (!sorted_.empty()) selected_ = selected(now);
}

void LiveTable::move_selection(std::ptrdiff_t rows, TimePoint now) {
  if (sorted_.empty()) return;
  const auto last = static_cast<std::ptrdiff_t>(sorted_.size()) - 1;
  const auto place = static_cast<std::ptrdiff_t>(place_[selected(now)]);
  // Without overflow, however far.
  const std::ptrdiff_t moved = rows < 0 ? std::max(-place, rows) : std::min(last - place, rows);
  selected_ = sorted_[static_cast<std::size_t>(place + moved)];
}

std::span<const HostIndex> LiveTable::in_sight(std::size_t rows, TimePoint now) {
  if (sorted_.empty() || rows == 0) return {};
  const std::size_t place = place_[selected(now)];
  if (place < top_) top_ = place;
  if (place >= top_ + rows) top_ = place - rows + 1;
  // No rows stay empty that could be filled.
  top_ = std::min(top_, sorted_.size() - std::min(rows, sorted_.size()));
  return std::span<const HostIndex>(sorted_).subspan(top_, std::min(rows, sorted_.size() - top_));
}

}  // namespace fanout::report
