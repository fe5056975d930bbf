#include "html_time_scale.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

namespace fanout::report {

namespace {

constexpr double break_percent = 4;
constexpr std::size_t most_breaks = 5;
constexpr double least_total = 1e-3;

// A pause is left out if it is a large part of the run and longer than one would look at.
constexpr double least_pause = 2;     // seconds
constexpr double least_share = 0.25;  // of the time in which something ran

std::vector<TimeScale::Span> pauses_between(double total, std::vector<TimeScale::Span> busy) {
  std::sort(busy.begin(), busy.end(),
            [](const auto &a, const auto &b) { return a.begin < b.begin; });
  std::vector<TimeScale::Span> pauses;
  double until = 0;
  double at_work = 0;
  for (const TimeScale::Span &span : busy) {
    if (span.begin > until) pauses.push_back({until, std::min(span.begin, total)});
    if (span.end > until) at_work += span.end - std::max(span.begin, until);
    until = std::max(until, span.end);
  }
  if (until < total) pauses.push_back({until, total});
  const double least = std::max(least_pause, at_work * least_share);
  std::erase_if(pauses, [least](const auto &pause) { return pause.end - pause.begin < least; });
  std::sort(pauses.begin(), pauses.end(),
            [](const auto &a, const auto &b) { return a.end - a.begin > b.end - b.begin; });
  if (pauses.size() > most_breaks) pauses.resize(most_breaks);
  std::sort(pauses.begin(), pauses.end(),
            [](const auto &a, const auto &b) { return a.begin < b.begin; });
  return pauses;
}

}  // namespace

TimeScale::TimeScale(double total, std::vector<Span> busy)
    : total_(std::max(total, least_total)), shown_(total_) {
  if (busy.empty()) return;
  const std::vector<Span> pauses = pauses_between(total_, std::move(busy));
  for (const Span &pause : pauses) shown_ -= pause.end - pause.begin;
  shown_ = std::max(shown_, least_total);
  double taken = 0;
  double left_out = 0;
  const double scale = (100 - break_percent * static_cast<double>(pauses.size())) / shown_;
  for (const Span &pause : pauses) {
    const double begin = (pause.begin - left_out) * scale + taken;
    breaks_.push_back({pause, {begin, begin + break_percent}});
    left_out += pause.end - pause.begin;
    taken += break_percent;
  }
}

double TimeScale::percent(double second) const {
  const double scale = (100 - break_percent * static_cast<double>(breaks_.size())) / shown_;
  double left_out = 0;
  double taken = 0;
  for (const Break &each : breaks_) {
    const double length = each.time.end - each.time.begin;
    if (second >= each.time.end) {
      left_out += length;
      taken += break_percent;
    } else if (second > each.time.begin) {
      return each.percent.begin + (second - each.time.begin) / length * break_percent;
    }
  }
  return std::clamp((second - left_out) * scale + taken, 0.0, 100.0);
}

std::vector<double> TimeScale::ticks(int count) const {
  const double step = round_step(shown_, count);
  std::vector<double> ticks;
  double begin = 0;
  const auto add_until = [&](double end) {
    // Multiplied, not added up: sums of fractions drift.
    for (auto i = static_cast<std::int64_t>(std::ceil(begin / step));
         static_cast<double>(i) * step <= end; ++i)
      ticks.push_back(static_cast<double>(i) * step);
  };
  for (const Break &each : breaks_) {
    add_until(each.time.begin);
    begin = each.time.end;
  }
  add_until(total_);
  return ticks;
}

double round_step(double range, int count) {
  constexpr std::array steps{60.0,   120.0,  300.0,   600.0,   1200.0, 1800.0,
                             3600.0, 7200.0, 21600.0, 43200.0, 86400.0};
  const double least = std::max(range, least_total) / count;
  for (const double step : steps)
    if (least > 30 && step >= least) return step;
  const double power = std::pow(10, std::floor(std::log10(least)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (factor * power >= least * 0.999) return factor * power;
  return 10 * power;
}

}  // namespace fanout::report
