// The journal of a run: what was planned, started and ended, as JSON Lines that are only ever added to. Its form is
// described in fanout(1).
//
// Each event is one line and one write(2), so that a run that is killed leaves at most the last line torn. What was said
// to be started is on the disk before any worker of it exists; everything else is at most `flush_after` behind.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "fanout/core/deadline.hpp"
#include "fanout/core/host.hpp"
#include "fanout/core/outcome.hpp"
#include "fanout/core/result.hpp"
#include "fanout/core/selection.hpp"
#include "fanout/report/journal_texts.hpp"
#include "fanout/sys/fd.hpp"

namespace fanout::report {

struct Printed;

inline constexpr int journal_version = 1;
inline constexpr core::Milliseconds flush_after{50};

// What a run is, for its first line.
struct JournalHead {
  std::string run;       // 16 random hexadecimal digits
  std::string rerun_of;  // the run whose hosts were selected by --rerun; or empty
  std::string command;   // exec, put, get
  std::string text;      // COMMAND, or what is copied where
  std::string order;     // as it could be given to --order, with the seed of a random one
  std::string local_user;
  std::vector<std::size_t> batches;
};

// Which file, and where its last whole line ends.
struct JournalPlace {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t whole_bytes = 0;

  [[nodiscard]] bool same_file(const JournalPlace &other) const {
    return device == other.device && inode == other.inode;
  }
};

class Journal {
public:
  // Makes the file (mode 0600) or opens it to add to it. ErrorKind::usage: it is not a regular file, is a link, is not ours,
  // others may write to it, another run writes to it, or it is no journal of this version. A torn last line is cut off.
  static core::Result<Journal> open(const std::string &path);

  // From here on errors are ErrorKind::local, "journal FILE: No space left on device", and final.
  core::Result<void> planned(const JournalHead &head, const std::vector<core::Host> &hosts);
  struct Start {
    core::HostIndex host = 0;
    std::uint32_t attempt = 1;
  };
  // On the disk on return.
  core::Result<void> starting(std::span<const Start> starts);
  // The attempt has failed, nothing was run, it will be started again.
  core::Result<void> retrying(core::HostIndex host, const core::Outcome &outcome);
  core::Result<void> ended(core::HostIndex host, const core::Outcome &outcome);
  // What the host has printed, after its end: each text once in a run, and not more of it than journal_texts.hpp says. One
  // that has printed nothing needs no line. An error is also one of reading back what was kept.
  core::Result<void> printed(core::HostIndex host, const Printed &printed);
  // Hosts that will not be started: `why` as in their records.
  core::Result<void> skipped(std::span<const core::HostIndex> hosts, std::string_view why);
  core::Result<void> finished(int exit_code);

  // When it was opened.
  [[nodiscard]] const JournalPlace &place() const { return place_; }
  [[nodiscard]] bool has_begun() const { return !run_.empty(); }
  [[nodiscard]] bool has_failed() const { return failure_.has_value(); }

  // Brings what was written to the disk when it has been waiting for long enough; when that will be.
  core::Result<core::Deadline> flush(core::TimePoint now);

private:
  Journal(std::string name, sys::UniqueFd fd, JournalPlace place)
      : name_(std::move(name)), fd_(std::move(fd)), place_(place) {}
  core::Result<void> write(std::string_view lines);
  core::Result<void> sync();

  std::string name_;  // "journal FILE"
  sys::UniqueFd fd_;
  JournalPlace place_;
  std::string run_;
  std::vector<std::string> hosts_;                             // their names
  bool copies_ = false;                                        // put or get
  std::unordered_map<std::string, std::uint64_t> told_texts_;  // by SHA-256, how much of them
  std::size_t room_for_texts_ = most_journaled_text;
  std::optional<core::TimePoint> unflushed_since_;
  std::optional<core::Error> failure_;
};

// --- reading one --------------------------------------------------------------------------------------------------------

using JournalTime = std::chrono::sys_time<core::Milliseconds>;

// A host of a run as its journal has it.
struct JournalEntry {
  enum class State : std::uint8_t {
    not_started,  // or its connection failed and was to be tried again
    unknown,      // started, and its end is not told: it may have run, or still run
    ended,
  };
  core::NamedHost host;
  State state = State::not_started;
  // Its record. Without an end: `skipped` and why, or the attempt that failed last; of one in doubt `internal`, or what became
  // of it in a later run that did not come as far as its command; RemoteEnd::unknown says so.
  core::Outcome outcome;
  std::vector<JournalTime> starts;   // of each attempt
  std::optional<JournalTime> ended;  // when that was told
  std::size_t end_number = 0;        // as which of its run
  JournalTime latest;                // word on it
  // Of all that it has printed, 64 hexadecimal digits. Empty: nothing was printed, or what is not told.
  std::string stdout_sha256;
  std::string stderr_sha256;
};

// A run as a whole.
struct JournalRun {
  JournalHead head;
  std::string fanout;  // the version that it was made by
  JournalTime planned;
  JournalTime latest;            // of its lines
  std::optional<int> exit_code;  // once it has finished
};

struct ReadJournal {
  std::string run;  // the last run in it
  // That run, after those that it was a rerun of and that are in this file, the oldest first.
  std::vector<JournalRun> runs;
  // Of these runs: the latest word on each host.
  std::vector<JournalEntry> hosts;
  std::size_t unrelated_runs = 0;  // others in this file, which nothing is told of
  std::size_t torn_bytes = 0;      // of a last line that was not written whole
  JournalPlace place;
};

// Puts what hosts have printed into `texts`, if there is one to put it in. ErrorKind::usage, with the line: another version,
// torn within, not ours, writable by others, not a journal, of a run that goes on. ErrorKind::local: `texts` has no room.
core::Result<ReadJournal> read_journal(const std::string &path, JournalTexts *texts = nullptr);

struct Picked {
  std::vector<core::NamedHost> hosts;
  std::vector<std::string>
      unknown;  // names of hosts that are in doubt and were left out, or taken for not_ok
};
// What --rerun WHAT means. failed: reached, and it went wrong; unreached: no name, connection, host key, login; unfinished:
// never started, or stopped before its command, also by a fault of ours; not_ok: all that is not ok, those in doubt among them.
Picked pick(const ReadJournal &journal, core::Rerun what);

}  // namespace fanout::report
