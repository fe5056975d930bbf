// Sums are kept as events come, so that a line costs no more than a look at the hosts that run, ten times a second at most.
//
// What is hard is the rate of commands, which often end in waves: all that were started together need about the same time.
// So the rate is taken over several such times.

#include "fanout/report/progress.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "fanout/console/sanitize.hpp"
#include "fanout/core/duration.hpp"
#include "progress_words.hpp"
#include "sizes.hpp"

namespace fanout::report {

using core::HostIndex;
using core::Milliseconds;
using core::TimePoint;

namespace {

constexpr Milliseconds before_first_drawing{300};
constexpr Milliseconds between_drawings{100};
constexpr Milliseconds between_idle_drawings{1'000};  // the time that is left changes by itself
constexpr Milliseconds between_lines{1'000};          // where each is a line of its own
constexpr Milliseconds shortest_rate_window{8'000};
constexpr int waves_a_window = 4;
constexpr int samples_a_window = 32;
// Of less time, and of fewer hosts, a rate is chance.
constexpr std::chrono::seconds shortest_measured{1};
constexpr std::size_t fewest_measured_hosts = 3;
constexpr std::size_t name_columns = 24;
// Beyond it a guess is no help.
constexpr double longest_guess_seconds = 100.0 * 3600;

// Whole seconds: what changes ten times a second cannot be read.
std::string describe_seconds(std::chrono::seconds seconds) {
  if (seconds.count() < 10) return fmt::format("{} s", seconds.count());
  return core::describe_duration(seconds);
}

std::string describe_hosts_per_second(double rate) {
  const char *unit = "s";
  for (const char *longer : {"min", "h"}) {
    if (rate >= 1) break;
    rate *= 60;
    unit = longer;
  }
  return rate < 9.95 ? fmt::format("{:.1f}/{}", rate, unit) : fmt::format("{:.0f}/{}", rate, unit);
}

}  // namespace

ProgressAccount::ProgressAccount(const std::vector<core::Host> &hosts, std::uint64_t bytes_per_host,
                                 core::TaskKind task, console::Colors colors)
    : hosts_(hosts), bytes_per_host_(bytes_per_host), task_(task), colors_(colors) {}

// --- what happens -----------------------------------------------------------------------------------------------------

void ProgressAccount::observe(const core::Event &event, TimePoint now) {
  if (samples_.empty()) remember(now);
  if (const auto *started = std::get_if<core::Started>(&event)) {
    if (running_.try_emplace(started->host, Share{now, 0, 0, false}).second) ++unknown_running_;
  } else if (const auto *progressed = std::get_if<core::Progressed>(&event)) {
    take(*progressed);
  } else if (const auto *ended = std::get_if<core::Ended>(&event)) {
    end(*ended, now);
  } else if (const auto *retrying = std::get_if<core::Retrying>(&event)) {
    forget(retrying->host);
  }
}

// What its share was.
ProgressAccount::Share ProgressAccount::forget(HostIndex host) {
  const auto found = running_.find(host);
  if (found == running_.end()) return {};
  const Share share = found->second;
  if (!share.known) --unknown_running_;
  done_of_running_ -= share.done;
  total_of_running_ -= share.total;
  running_.erase(found);
  return share;
}

void ProgressAccount::take(const core::Progressed &progressed) {
  const auto found = running_.find(progressed.host);
  if (found == running_.end()) return;
  Share &share = found->second;
  if (!share.known) --unknown_running_;
  done_of_running_ += progressed.done_bytes - share.done;
  total_of_running_ += progressed.total_bytes - share.total;
  share = {share.since, progressed.done_bytes, progressed.total_bytes, true};
}

void ProgressAccount::end(const core::Ended &ended, TimePoint now) {
  if (const auto found = running_.find(ended.host); found != running_.end())
    ran_ += now - found->second.since;
  const Share share = forget(ended.host);
  ++ended_;
  const core::Outcome &outcome = ended.outcome;
  if (is_failure(outcome.status)) ++failed_;
  // A transfer that is over in no time has told of nothing on its way.
  done_of_ended_ +=
      core::succeeded(outcome) && outcome.transfer ? outcome.transfer->bytes : share.done;
}

// --- how fast it goes ---------------------------------------------------------------------------------------------------

std::optional<std::uint64_t> ProgressAccount::total_bytes() const {
  const std::uint64_t to_come = starts_no_more_ ? 0 : hosts_.size() - ended_ - running_.size();
  const std::uint64_t unknown = to_come + unknown_running_;
  if (unknown > 0 && bytes_per_host_ == 0) return std::nullopt;
  return done_of_ended_ + total_of_running_ + unknown * bytes_per_host_;
}

TimePoint::duration ProgressAccount::window() const {
  if (copies() || ended_ == 0) return shortest_rate_window;
  const TimePoint::duration mean = ran_ / ended_;
  return std::max<TimePoint::duration>(shortest_rate_window, waves_a_window * mean);
}

void ProgressAccount::remember(TimePoint now) {
  if (!samples_.empty()) {
    // However long the first command takes, that time counts.
    if (!copies() && ended_ == 0) return;
    if (now - samples_.back().at < window() / samples_a_window) return;
  }
  samples_.push_back({now, done()});
  while (samples_.size() > 2 && now - samples_.front().at > window()) samples_.pop_front();
}

double ProgressAccount::per_second(TimePoint now) const {
  if (samples_.empty() || now - samples_.front().at < shortest_measured) return 0;
  if (!copies() && ended_ < fewest_measured_hosts) return 0;
  const Sample &first = samples_.front();
  const double seconds = std::chrono::duration<double>(now - first.at).count();
  return done() <= first.done ? 0 : static_cast<double>(done() - first.done) / seconds;
}

// --- who is last --------------------------------------------------------------------------------------------------------

std::string ProgressAccount::longest_running(TimePoint now) const {
  const auto found =
      std::min_element(running_.begin(), running_.end(), [](const auto &one, const auto &other) {
        return std::pair(one.second.since, one.first) < std::pair(other.second.since, other.first);
      });
  if (found == running_.end()) return {};
  const auto ran = std::chrono::floor<std::chrono::seconds>(now - found->second.since);
  if (ran.count() < 1) return {};
  return fmt::format("slowest {} {}", console::safe_line(hosts_[found->first].name, name_columns),
                     describe_seconds(ran));
}

std::string ProgressAccount::least_copied() const {
  const Share *least = nullptr;
  HostIndex who = 0;
  const auto part = [](const Share &share) {
    return static_cast<double>(share.done) / static_cast<double>(share.total);
  };
  for (const auto &[host, share] : running_) {
    if (!share.known || share.total == 0) continue;
    if (least != nullptr &&
        (part(share) > part(*least) || (part(share) == part(*least) && host > who)))
      continue;
    least = &share;
    who = host;
  }
  if (least == nullptr) return {};
  return fmt::format("slowest {} {:.0f}%", console::safe_line(hosts_[who].name, name_columns),
                     std::floor(100 * part(*least)));
}

std::string ProgressAccount::slowest(TimePoint now) const {
  if (hosts_.size() < 2) return {};
  return copies() ? least_copied() : longest_running(now);
}

// --- the line -----------------------------------------------------------------------------------------------------------

ProgressWords ProgressAccount::words(TimePoint now) const {
  ProgressWords words;
  words.ended = ended_;
  words.hosts = hosts_.size();
  words.running = running_.size();
  words.failed = failed_;
  std::optional<std::uint64_t> whole = starts_no_more_ ? ended_ + running_.size() : hosts_.size();
  if (copies()) {
    whole = total_bytes();
    words.amount = describe_bytes(done());
    if (whole) words.amount += " of " + describe_bytes(*whole);
  }
  if (const double rate = per_second(now); rate > 0) {
    words.rate = copies() ? describe_bytes(static_cast<std::uint64_t>(rate)) + "/s"
                          : describe_hosts_per_second(rate);
    const double left = whole && *whole > done() ? static_cast<double>(*whole - done()) / rate : 0;
    if (left > 0 && left < longest_guess_seconds)
      words.left =
          describe_seconds(std::chrono::seconds(static_cast<std::int64_t>(std::ceil(left)))) +
          " left";
  }
  words.slowest = slowest(now);
  return words;
}

std::string ProgressAccount::line(TimePoint now, std::size_t columns) {
  remember(now);
  return fit(words(now), columns, colors_);
}

// --- when it is drawn ---------------------------------------------------------------------------------------------------

Progress::Progress(console::ProgressLine::Form form, const std::vector<core::Host> &hosts,
                   std::uint64_t bytes_per_host, core::TaskKind task, console::Output &output,
                   console::Colors colors)
    : line_(output, form), account_(hosts, bytes_per_host, task, colors) {}

void Progress::observe(const core::Event &event, TimePoint now) {
  if (line_.form() == console::ProgressLine::Form::none) return;
  account_.observe(event, now);
  changed_ = true;
}

void Progress::start_no_more() { account_.start_no_more(); }

void Progress::refresh(TimePoint now) {
  if (!first_) first_ = now + before_first_drawing;
  if (!wake_at().passed(now)) return;
  line_.draw([&](std::size_t columns) { return account_.line(now, columns); });
  drawn_ = now;
  changed_ = false;
}

core::Deadline Progress::wake_at() const {
  if (finished_ || line_.form() == console::ProgressLine::Form::none) return {};
  const bool in_lines = line_.form() == console::ProgressLine::Form::lines;
  const Milliseconds between = in_lines   ? between_lines
                               : changed_ ? between_drawings
                                          : between_idle_drawings;
  return core::Deadline(std::max(first_.value_or(TimePoint()), drawn_ + between));
}

void Progress::finish() {
  finished_ = true;
  line_.erase();
}

}  // namespace fanout::report
