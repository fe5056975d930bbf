// Earlier runs as their journals tell of them, all together as one: for `fanout report`.
//
// A host is there once, with the latest word on it, by time; so what a rerun has made good is ok. Hosts of one name are
// one host in a run and its reruns, whatever their address. In runs that have nothing to do with each other they must have
// the same address, port and user: two machines are not to be taken for one.
//
// Lives in the parent. Memory: a few hundred bytes for each host; texts wait in a file (journal_texts.hpp).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "fanout/core/event.hpp"
#include "fanout/core/host.hpp"
#include "fanout/core/result.hpp"
#include "fanout/core/task.hpp"
#include "fanout/report/journal.hpp"
#include "fanout/report/journal_texts.hpp"

namespace fanout::report {

struct PastRun {
  // By host.
  std::vector<core::Host> hosts;
  std::vector<JournalEntry> entries;  // the outcome of each is what the report is to say of it

  std::vector<JournalRun> runs;                // in the order in which they were planned
  core::TaskKind task = core::TaskKind::exec;  // of all of them
  JournalTime began;                           // the first was planned
  JournalTime ended;                           // the last has finished, or told of something
  std::vector<std::string> notes;              // what is to be said of the journals; a line each
  std::unique_ptr<JournalTexts> texts;

  [[nodiscard]] core::Milliseconds elapsed() const;
};

// At least one journal. ErrorKind::usage, with file and line, or when they cannot be put together; ErrorKind::local when there is
// no room for texts.
core::Result<PastRun> read_past_run(const std::vector<std::string> &journals);

// Tells `observe` all of it, in the order of the ends, hosts that were not started last. `at` is told when the next host was
// started, before that event. Ends with the first error of `observe`, or of reading texts back, ErrorKind::local.
core::Result<void> replay(const PastRun &run,
                          const std::function<core::Result<void>(const core::Event &)> &observe,
                          const std::function<void(JournalTime)> &at);

// The exit code of all of them as one run: of a single run that has finished its own; else what their hosts say, with what
// the last runs say of themselves, that they were interrupted, could not print, differed. `differ` is of --expect-same.
int exit_code_of(const PastRun &run, const std::vector<core::Outcome> &outcomes,
                 std::optional<bool> differ);

}  // namespace fanout::report
