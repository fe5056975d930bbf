// The lines of a journal, checked one after the other: their form, and that what they tell can have happened in this order.
// Of the runs in it only the last is kept. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "fanout/core/result.hpp"
#include "fanout/report/journal.hpp"

namespace fanout::report {

// A million hosts with long names. Neither written nor read beyond that.
inline constexpr std::size_t longest_journal_line = std::size_t{256} << 20;

struct JournaledRun {
  std::string run;
  std::string rerun_of;  // empty: of none
  std::string command;
  std::string text;
  std::vector<JournalEntry> hosts;
};

class JournalLines {
public:
  // The next line, without its newline. Errors are ErrorKind::usage and do not say where.
  core::Result<void> take(std::string_view line);

  // The runs that have begun so far; of the last of them:
  [[nodiscard]] std::size_t runs() const { return known_runs_.size(); }
  [[nodiscard]] const JournaledRun &run() const { return run_; }
  // Leaves this one empty.
  [[nodiscard]] JournaledRun take_run() { return std::move(run_); }

private:
  class Line;
  enum class Stage : std::uint8_t { planned, running, waiting, skipped, ended };

  core::Result<void> planned(const Line &line);
  core::Result<void> started(const Line &line);
  core::Result<void> retrying(const Line &line);
  core::Result<void> ended(const Line &line);
  core::Result<void> skipped(const Line &line);
  core::Result<void> finished(const Line &line);
  core::Result<std::size_t> find(std::string_view name) const;
  core::Result<std::size_t> host_of(const Line &line) const;

  JournaledRun run_;
  bool finished_ = false;
  std::vector<Stage> stages_;  // of each host of it
  std::unordered_map<std::string, std::size_t> places_;
  std::unordered_map<std::string, std::size_t> known_runs_;
};

}  // namespace fanout::report
