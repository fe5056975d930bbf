// What the line of progress says of a whole run: how many hosts are done, run and failed, how much has been copied, how
// fast, how long it may take, and who is last.
//
//     12 of 20 hosts, 7 running, 1 failed; 4.2 of 21.6 GB, 350.0 MB/s, 50 s left; slowest web03 4%
//
// Lives in the parent beside the report. It is told every event, and asked to draw after each batch of them and whenever
// the time of wake_at() has come. Time is handed in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "fanout/console/progress.hpp"
#include "fanout/core/deadline.hpp"
#include "fanout/core/event.hpp"
#include "fanout/core/host.hpp"

namespace fanout::report {

// The account. Pure.
class ProgressAccount {
public:
  // `hosts` must outlive this. `bytes_per_host`: what each of them is to get; 0 when only they can say.
  ProgressAccount(const std::vector<core::Host> &hosts, std::uint64_t bytes_per_host);

  void observe(const core::Event &event);
  // One line, safe for a terminal; its end is what can be cut. Also remembers how far things are, for the rate.
  std::string line(core::TimePoint now);

private:
  struct Share {
    std::uint64_t done = 0;
    std::uint64_t total = 0;
    bool known = false;
  };
  struct Sample {
    core::TimePoint at;
    std::uint64_t done;
  };

  void take(const core::Progressed &progressed);
  void end(const core::Ended &ended);
  Share forget(core::HostIndex host);
  [[nodiscard]] std::uint64_t done() const { return done_of_ended_ + done_of_running_; }
  // Of all hosts; nothing while some cannot be known.
  [[nodiscard]] std::optional<std::uint64_t> total() const;
  void remember(core::TimePoint now);
  [[nodiscard]] double bytes_per_second() const;
  [[nodiscard]] std::string slowest() const;

  const std::vector<core::Host> &hosts_;
  std::uint64_t bytes_per_host_;
  std::size_t ended_ = 0;
  std::size_t failed_ = 0;
  std::unordered_map<core::HostIndex, Share> running_;
  std::uint64_t done_of_ended_ = 0;
  std::uint64_t done_of_running_ = 0;
  std::uint64_t total_of_running_ = 0;
  std::size_t unknown_running_ = 0;  // of whom the total is not known
  std::deque<Sample> samples_;
};

class Progress {
public:
  // `hosts` and `output` must outlive this.
  Progress(console::ProgressLine::Form form, const std::vector<core::Host> &hosts,
           std::uint64_t bytes_per_host, console::Output &output);

  void observe(const core::Event &event);
  // Draws if there is something to draw and it is time.
  void refresh(core::TimePoint now);
  // When refresh() is to be called at the latest; never, if nothing is shown.
  [[nodiscard]] core::Deadline wake_at() const;
  // Before the summary.
  void finish();

private:
  console::ProgressLine line_;
  ProgressAccount account_;
  core::TimePoint drawn_;
  bool changed_ = false;  // since then
  bool finished_ = false;
};

}  // namespace fanout::report
