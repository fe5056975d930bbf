// Reading a journal. What is hard about it is what may be believed: the file decides on which hosts a command is run once
// more, so a line that cannot be is refused rather than left out. It can be as long as all runs of a year, so it is read
// line by line, and once more only where the last run was a rerun of an earlier one, or what hosts have printed is wanted.
#include "journal_reader.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string_view>
#include <unordered_map>

#include <fmt/format.h>

#include "fanout/core/error.hpp"
#include "journal_file.hpp"
#include "journal_lines.hpp"
#include "journal_standing.hpp"

namespace fanout::report {

using core::ErrorKind;
using core::fail;
using core::Result;

namespace {

class FileLines {
public:
  FileLines(int fd, std::string name, off_t offset, std::size_t lines_before)
      : fd_(fd), name_(std::move(name)), offset_(offset), line_(lines_before) {}

  // Without its newline; valid until the next call. Nothing at the end of the file.
  Result<std::optional<std::string_view>> next() {
    for (;;) {
      const std::size_t newline = buffer_.find('\n', searched_);
      if (newline != std::string::npos) {
        const auto line = std::string_view(buffer_).substr(begin_, newline - begin_);
        line_begin_ = offset_ - static_cast<off_t>(buffer_.size() - begin_);
        begin_ = searched_ = newline + 1;
        ++line_;
        return line;
      }
      searched_ = buffer_.size();
      if (torn_bytes() > longest_journal_line)
        return fail(ErrorKind::usage, fmt::format("{}:{}: the line is longer than {} bytes", name_,
                                                  line_ + 1, longest_journal_line));
      TRY_ASSIGN(const bool more, fill());
      if (!more) return std::nullopt;
    }
  }

  // Of the last line.
  [[nodiscard]] std::size_t line() const { return line_; }
  [[nodiscard]] off_t line_begin() const { return line_begin_; }
  [[nodiscard]] core::Error at_line(const core::Error &error) const {
    return error.within(fmt::format("{}:{}", name_, line_));
  }
  [[nodiscard]] std::uint64_t whole_bytes() const {
    return static_cast<std::uint64_t>(offset_) - torn_bytes();
  }
  // What follows the last newline that has been read.
  [[nodiscard]] std::size_t torn_bytes() const { return buffer_.size() - begin_; }

private:
  Result<bool> fill() {
    constexpr std::size_t step = std::size_t{256} << 10;
    buffer_.erase(0, begin_);
    searched_ -= begin_;
    begin_ = 0;
    const std::size_t had = buffer_.size();
    buffer_.resize(had + step);
    ssize_t got = 0;
    do got = ::pread(fd_, buffer_.data() + had, step, offset_);
    while (got < 0 && errno == EINTR);
    buffer_.resize(had + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got < 0) return fail(core::system_error(ErrorKind::usage, name_, errno));
    offset_ += got;
    return got > 0;
  }

  int fd_;
  std::string name_;
  off_t offset_;  // of what is read next
  std::size_t line_;
  off_t line_begin_ = 0;
  std::string buffer_;
  std::size_t begin_ = 0;     // of the next line in it
  std::size_t searched_ = 0;  // up to here there is no other newline
};

// Where a run stands in the file.
struct Place {
  std::string run;
  std::string rerun_of;
  off_t offset = 0;
  std::size_t lines_before = 0;
  std::size_t last_line = 0;
};

// The last run and those that it goes back to, the oldest first.
std::vector<Place> runs_up_to_last(const std::vector<Place> &runs) {
  std::unordered_map<std::string, std::size_t> places;
  for (std::size_t i = 0; i < runs.size(); ++i) places.emplace(runs[i].run, i);
  std::vector<Place> found{runs.back()};
  std::size_t current = runs.size() - 1;
  for (;;) {
    const auto earlier = places.find(runs[current].rerun_of);
    // A run is a rerun of what was there before it, so this ends.
    if (earlier == places.end() || earlier->second >= current) break;
    current = earlier->second;
    found.push_back(runs[current]);
  }
  std::reverse(found.begin(), found.end());
  return found;
}

Result<JournaledRun> read_run(int fd, const std::string &name, const Place &place,
                              JournalTexts *texts) {
  FileLines lines(fd, name, place.offset, place.lines_before);
  JournalLines journal(texts);
  while (lines.line() < place.last_line) {
    TRY_ASSIGN(const auto line, lines.next());
    if (!line) return fail(ErrorKind::usage, name + ": it has changed while it was read");
    if (auto taken = journal.take(*line); !taken) return fail(lines.at_line(taken.error()));
  }
  return journal.take_run();
}

}  // namespace

Result<ReadJournal> read_journal(int fd, const std::string &name, JournalTexts *texts) {
  FileLines lines(fd, name, 0, 0);
  JournalLines journal;
  std::vector<Place> runs;
  for (;;) {
    TRY_ASSIGN(const auto line, lines.next());
    if (!line) break;
    if (auto taken = journal.take(*line); !taken) return fail(lines.at_line(taken.error()));
    if (journal.runs() > runs.size()) {
      const JournalHead &head = journal.run().facts.head;
      runs.push_back({head.run, head.rerun_of, lines.line_begin(), lines.line() - 1, 0});
    }
    runs.back().last_line = lines.line();
  }
  if (runs.empty()) return fail(ErrorKind::usage, name + ": no run is in it");

  ReadJournal read;
  read.run = runs.back().run;
  read.torn_bytes = lines.torn_bytes();
  read.place = place_of(fd);
  read.place.whole_bytes = lines.whole_bytes();
  std::unordered_map<std::string, std::size_t> places;
  const auto add = [&](JournaledRun run) {
    read.runs.push_back(std::move(run.facts));
    for (JournalEntry &entry : run.hosts) {
      const auto [place, is_new] = places.emplace(entry.host.name, read.hosts.size());
      if (is_new)
        read.hosts.push_back(std::move(entry));
      else
        take_later_word(read.hosts[place->second], std::move(entry));
    }
  };
  // Whose texts are wanted is known only now, so that with texts the last run is read once more as well.
  const bool again = texts != nullptr;
  const std::vector<Place> told = runs_up_to_last(runs);
  read.unrelated_runs = runs.size() - told.size();
  for (const Place &place : told) {
    if (place.run == read.run && !again) continue;
    TRY_ASSIGN(JournaledRun run, read_run(fd, name, place, texts));
    add(std::move(run));
  }
  if (!again) add(journal.take_run());
  return read;
}

Result<ReadJournal> read_journal(const std::string &path, JournalTexts *texts) {
  TRY_ASSIGN(const sys::UniqueFd fd, open_journal_to_read(path));
  return read_journal(fd.get(), journal_name(path), texts);
}

}  // namespace fanout::report
