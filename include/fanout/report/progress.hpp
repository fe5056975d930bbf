// What the line of progress says of a whole run: how many hosts are done, run and failed, how fast that goes, how long it
// may take, and who is last.
//
//     12 of 20 hosts, 7 running, 1 failed; 4.2/s, 2 s left; slowest web03 42 s
//     12 of 20 hosts, 7 running, 1 failed; 4.2 GB of 21.6 GB, 350.0 MB/s, 50 s left; slowest web03 4%
//
// The slowest host of a command is the one that has been running for longest; of a copy, the one that has the smallest part
// of its bytes. Lives in the parent beside the report. It is told every event, and asked to draw after each batch of them
// and whenever the time of wake_at() has come. Time is handed in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "fanout/console/colors.hpp"
#include "fanout/console/progress.hpp"
#include "fanout/core/deadline.hpp"
#include "fanout/core/event.hpp"
#include "fanout/core/host.hpp"
#include "fanout/core/task.hpp"

namespace fanout::report {

struct ProgressWords;

// The account. Pure.
class ProgressAccount {
public:
  // `hosts` must outlive this. `bytes_per_host`: what each of them is to get; 0 when only they can say, and for commands.
  ProgressAccount(const std::vector<core::Host> &hosts, std::uint64_t bytes_per_host,
                  core::TaskKind task, console::Colors colors = {});

  void observe(const core::Event &event, core::TimePoint now);
  // Hosts that have not been started never will be: the time that is left is for the others.
  void start_no_more() { starts_no_more_ = true; }
  // The most that can be said in `columns` columns, safe for a terminal. What matters least is left out first, and nothing is
  // cut: where not even the count of the hosts fits, the line is empty. Also remembers how far things are, for the rate.
  std::string line(core::TimePoint now, std::size_t columns);

private:
  struct Share {
    core::TimePoint since;
    std::uint64_t done = 0;
    std::uint64_t total = 0;
    bool known = false;
  };
  struct Sample {
    core::TimePoint at;
    std::uint64_t done;
  };

  void take(const core::Progressed &progressed);
  void end(const core::Ended &ended, core::TimePoint now);
  Share forget(core::HostIndex host);
  [[nodiscard]] bool copies() const {
    return task_ == core::TaskKind::put || task_ == core::TaskKind::get;
  }
  [[nodiscard]] std::uint64_t done_bytes() const { return done_of_ended_ + done_of_running_; }
  // Of all hosts; nothing while some cannot be known.
  [[nodiscard]] std::optional<std::uint64_t> total_bytes() const;
  // What the rate counts: bytes, or hosts.
  [[nodiscard]] std::uint64_t done() const { return copies() ? done_bytes() : ended_; }
  [[nodiscard]] core::TimePoint::duration window() const;
  void remember(core::TimePoint now);
  [[nodiscard]] double per_second(core::TimePoint now) const;

  [[nodiscard]] ProgressWords words(core::TimePoint now) const;
  [[nodiscard]] std::string slowest(core::TimePoint now) const;
  [[nodiscard]] std::string longest_running(core::TimePoint now) const;
  [[nodiscard]] std::string least_copied() const;

  const std::vector<core::Host> &hosts_;
  std::uint64_t bytes_per_host_;
  core::TaskKind task_;
  console::Colors colors_;
  std::size_t ended_ = 0;
  std::size_t failed_ = 0;
  bool starts_no_more_ = false;
  core::TimePoint::duration ran_{};  // all that have ended together
  std::unordered_map<core::HostIndex, Share> running_;
  std::uint64_t done_of_ended_ = 0;
  std::uint64_t done_of_running_ = 0;
  std::uint64_t total_of_running_ = 0;
  std::size_t unknown_running_ = 0;  // of whom the total is not known
  std::deque<Sample> samples_;
};

class Progress {
public:
  // `hosts` and `output` must outlive this. `colors` are those of stderr.
  Progress(console::ProgressLine::Form form, const std::vector<core::Host> &hosts,
           std::uint64_t bytes_per_host, core::TaskKind task, console::Output &output,
           console::Colors colors = {});

  void observe(const core::Event &event, core::TimePoint now);
  void start_no_more();
  // Draws if there is something to draw and it is time. What is over in a moment is not worth a line.
  void refresh(core::TimePoint now);
  // When refresh() is to be called at the latest; never, if nothing is shown.
  [[nodiscard]] core::Deadline wake_at() const;
  // Before the summary.
  void finish();

private:
  console::ProgressLine line_;
  ProgressAccount account_;
  std::optional<core::TimePoint> first_;  // drawing; known once refresh() was called
  core::TimePoint drawn_;
  bool changed_ = false;  // since then
  bool finished_ = false;
};

}  // namespace fanout::report
