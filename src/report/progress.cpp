// Sums are kept as events come, so that a line costs no more than a look at the hosts that run, ten times a second at most.

#include "fanout/report/progress.hpp"

#include <cmath>

#include <fmt/format.h>

#include "fanout/console/sanitize.hpp"
#include "fanout/core/duration.hpp"
#include "sizes.hpp"

namespace fanout::report {

using core::HostIndex;
using core::Milliseconds;
using core::TimePoint;

namespace {

constexpr Milliseconds between_drawings{100};
constexpr Milliseconds between_idle_drawings{1'000};  // the time that is left changes by itself
constexpr Milliseconds between_lines{1'000};          // where each is a line of its own
constexpr Milliseconds between_samples{250};
constexpr Milliseconds rate_window{8'000};
constexpr std::size_t name_columns = 24;
// Beyond it a guess is no help.
constexpr double longest_guess_seconds = 100.0 * 3600;

}  // namespace

ProgressAccount::ProgressAccount(const std::vector<core::Host> &hosts, std::uint64_t bytes_per_host)
    : hosts_(hosts), bytes_per_host_(bytes_per_host) {}

void ProgressAccount::observe(const core::Event &event) {
  if (const auto *started = std::get_if<core::Started>(&event)) {
    if (running_.try_emplace(started->host).second) ++unknown_running_;
  } else if (const auto *progressed = std::get_if<core::Progressed>(&event)) {
    take(*progressed);
  } else if (const auto *ended = std::get_if<core::Ended>(&event)) {
    end(*ended);
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
  share = {progressed.done_bytes, progressed.total_bytes, true};
}

void ProgressAccount::end(const core::Ended &ended) {
  const Share share = forget(ended.host);
  ++ended_;
  const core::Outcome &outcome = ended.outcome;
  if (!core::succeeded(outcome)) ++failed_;
  // A transfer that is over in no time has told of nothing on its way.
  done_of_ended_ +=
      core::succeeded(outcome) && outcome.transfer ? outcome.transfer->bytes : share.done;
}

std::optional<std::uint64_t> ProgressAccount::total() const {
  const std::uint64_t unknown = hosts_.size() - ended_ - running_.size() + unknown_running_;
  if (unknown > 0 && bytes_per_host_ == 0) return std::nullopt;
  return done_of_ended_ + total_of_running_ + unknown * bytes_per_host_;
}

void ProgressAccount::remember(TimePoint now) {
  if (!samples_.empty() && now - samples_.back().at < between_samples) return;
  samples_.push_back({now, done()});
  while (samples_.size() > 2 && now - samples_.front().at > rate_window) samples_.pop_front();
}

double ProgressAccount::bytes_per_second() const {
  if (samples_.size() < 2) return 0;
  const Sample &first = samples_.front();
  const Sample &last = samples_.back();
  const double seconds = std::chrono::duration<double>(last.at - first.at).count();
  return last.done <= first.done ? 0 : static_cast<double>(last.done - first.done) / seconds;
}

std::string ProgressAccount::slowest() const {
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
  if (least == nullptr || hosts_.size() < 2) return {};
  return fmt::format("; slowest {} {:.0f}%", console::safe_line(hosts_[who].name, name_columns),
                     std::floor(100 * part(*least)));
}

std::string ProgressAccount::line(TimePoint now) {
  remember(now);
  std::string text = fmt::format("{} of {} {}, {} running", ended_, hosts_.size(),
                                 hosts_.size() == 1 ? "host" : "hosts", running_.size());
  if (failed_ > 0) text += fmt::format(", {} failed", failed_);
  text += "; " + describe_bytes(done());
  const std::optional<std::uint64_t> whole = total();
  if (whole) text += " of " + describe_bytes(*whole);
  if (const double rate = bytes_per_second(); rate > 0) {
    text += fmt::format(", {}/s", describe_bytes(static_cast<std::uint64_t>(rate)));
    const double left = whole && *whole > done() ? static_cast<double>(*whole - done()) / rate : 0;
    if (left > 0 && left < longest_guess_seconds)
      text += fmt::format(", {} left", core::describe_duration(std::chrono::seconds(
                                           static_cast<std::int64_t>(std::ceil(left)))));
  }
  return text + slowest();
}

Progress::Progress(console::ProgressLine::Form form, const std::vector<core::Host> &hosts,
                   std::uint64_t bytes_per_host, console::Output &output)
    : line_(output, form), account_(hosts, bytes_per_host) {}

void Progress::observe(const core::Event &event) {
  if (line_.form() == console::ProgressLine::Form::none) return;
  account_.observe(event);
  changed_ = true;
}

void Progress::refresh(TimePoint now) {
  if (!wake_at().passed(now)) return;
  line_.draw(account_.line(now));
  drawn_ = now;
  changed_ = false;
}

core::Deadline Progress::wake_at() const {
  if (finished_ || line_.form() == console::ProgressLine::Form::none) return {};
  if (line_.form() == console::ProgressLine::Form::lines)
    return core::Deadline(drawn_ + between_lines);
  return core::Deadline(drawn_ + (changed_ ? between_drawings : between_idle_drawings));
}

void Progress::finish() {
  finished_ = true;
  line_.erase();
}

}  // namespace fanout::report
