// What became of a host, in the sense of --rerun.
#include "journal_standing.hpp"

#include <utility>

namespace fanout::report {

using core::Phase;
using core::Status;

namespace {

enum class Standing : std::uint8_t { ok, failed, unreached, unfinished, unknown };

Standing standing_of_end(Status status, Phase phase) {
  const bool reached = phase >= Phase::open;
  switch (status) {
    case Status::ok: return Standing::ok;
    case Status::failed: return Standing::failed;
    case Status::skipped: return Standing::unfinished;
    // Through no fault of the host.
    case Status::internal:
    case Status::interrupted: return reached ? Standing::failed : Standing::unfinished;
    case Status::timeout:
    case Status::resolve:
    case Status::unreachable:
    case Status::host_key:
    case Status::auth:
    case Status::protocol: return reached ? Standing::failed : Standing::unreached;
  }
  return Standing::unknown;
}

Standing standing_of(const JournalEntry &entry) {
  switch (entry.state) {
    case JournalEntry::State::not_started: return Standing::unfinished;
    case JournalEntry::State::unknown: return Standing::unknown;
    case JournalEntry::State::ended:
      return standing_of_end(entry.outcome.status, entry.outcome.phase);
  }
  return Standing::unknown;
}

bool is_picked(Standing standing, core::Rerun what) {
  switch (what) {
    case core::Rerun::failed: return standing == Standing::failed;
    case core::Rerun::unreached: return standing == Standing::unreached;
    case core::Rerun::unfinished: return standing == Standing::unfinished;
    case core::Rerun::not_ok: return standing != Standing::ok;
  }
  return false;
}

}  // namespace

void take_later_word(JournalEntry &known, JournalEntry later) {
  const Standing standing = standing_of(later);
  if (known.state == JournalEntry::State::unknown && standing != Standing::ok &&
      standing != Standing::failed) {
    later.state = JournalEntry::State::unknown;
    later.outcome.remote_end = core::RemoteEnd::unknown;
  }
  known = std::move(later);
}

Picked pick(const ReadJournal &journal, core::Rerun what) {
  Picked picked;
  for (const JournalEntry &entry : journal.hosts) {
    const Standing standing = standing_of(entry);
    if (standing == Standing::unknown) picked.unknown.push_back(entry.host.name);
    if (is_picked(standing, what)) picked.hosts.push_back(entry.host);
  }
  return picked;
}

}  // namespace fanout::report
