// The lines of a journal, checked one after the other: their form, and that what they tell can have happened in this order.
// Of the runs in it only the last is kept. Pure, but for the texts.
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
  JournalRun facts;
  std::vector<JournalEntry> hosts;
};

class JournalLine;

class JournalLines {
public:
  // What hosts have printed is checked, and without `texts` forgotten.
  explicit JournalLines(JournalTexts *texts = nullptr) : texts_(texts) {}

  // The next line, without its newline. Errors are ErrorKind::usage and do not say where; or of `texts`.
  core::Result<void> take(std::string_view line);

  // The runs that have begun so far; of the last of them:
  [[nodiscard]] std::size_t runs() const { return known_runs_.size(); }
  [[nodiscard]] const JournaledRun &run() const { return run_; }
  // Leaves this one empty.
  [[nodiscard]] JournaledRun take_run() { return std::move(run_); }

private:
  enum class Stage : std::uint8_t { planned, running, waiting, skipped, ended, printed };

  core::Result<void> planned(const JournalLine &line);
  core::Result<void> happened(std::string_view event, const JournalLine &line);
  core::Result<void> started(const JournalLine &line);
  core::Result<void> retrying(const JournalLine &line);
  core::Result<void> ended(const JournalLine &line);
  core::Result<void> printed(const JournalLine &line);
  core::Result<void> take_texts(const JournalLine &line, const JournalEntry &host);
  core::Result<void> skipped(const JournalLine &line);
  core::Result<void> finished(const JournalLine &line);
  core::Result<std::size_t> find(std::string_view name) const;
  core::Result<std::size_t> host_of(const JournalLine &line) const;
  // The host that the line is about, which has had word at the time of it.
  JournalEntry &heard_of(std::size_t place);

  JournalTexts *texts_;
  JournaledRun run_;
  JournalTime time_;           // of the line
  std::vector<Stage> stages_;  // of each host of the run
  std::unordered_map<std::string, std::size_t> places_;
  std::unordered_map<std::string, std::size_t> known_runs_;
  std::size_t text_bytes_ = 0;  // of them
  std::size_t ends_ = 0;        // told of in this run
};

}  // namespace fanout::report
