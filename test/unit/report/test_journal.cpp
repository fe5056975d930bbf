// Which hosts of an earlier run --rerun means.
#include <catch2/catch_test_macros.hpp>

#include "fanout/report/journal.hpp"

namespace fanout::report {
namespace {

using core::Phase;
using core::Rerun;
using core::Status;

ReadJournal journal_of(JournalEntry::State state, Status status = Status::skipped,
                       Phase phase = Phase::start) {
  ReadJournal journal;
  JournalEntry entry;
  entry.host = {"web01", "root", "10.0.0.1", 2222};
  entry.state = state;
  entry.outcome.status = status;
  entry.outcome.phase = phase;
  journal.hosts.push_back(entry);
  return journal;
}

bool takes(const ReadJournal &journal, Rerun what) { return !pick(journal, what).hosts.empty(); }

TEST_CASE("journal: every end is exactly one of ok, failed, unreached and unfinished", "[report]") {
  for (int status = 0; status < core::status_count; ++status)
    for (int phase = 0; phase < core::phase_count; ++phase) {
      const auto end = static_cast<Status>(status);
      const auto where = static_cast<Phase>(phase);
      INFO(to_string(end) << " in " << to_string(where));
      const ReadJournal journal = journal_of(JournalEntry::State::ended, end, where);
      const bool ok = end == Status::ok;
      const int sets = (ok ? 1 : 0) + (takes(journal, Rerun::failed) ? 1 : 0) +
                       (takes(journal, Rerun::unreached) ? 1 : 0) +
                       (takes(journal, Rerun::unfinished) ? 1 : 0);
      CHECK(sets == 1);
      CHECK(takes(journal, Rerun::not_ok) == !ok);
      CHECK(pick(journal, Rerun::not_ok).unknown.empty());
      // What may have had an effect on the host is never unreached or unfinished.
      if (where >= Phase::open && end != Status::skipped) {
        CHECK_FALSE(takes(journal, Rerun::unreached));
        CHECK_FALSE(takes(journal, Rerun::unfinished));
      }
    }
}

TEST_CASE("journal: what each word of --rerun means", "[report]") {
  using State = JournalEntry::State;
  const auto ended = [](Status status, Phase phase) {
    return journal_of(State::ended, status, phase);
  };
  CHECK(takes(ended(Status::failed, Phase::done), Rerun::failed));
  CHECK(takes(ended(Status::timeout, Phase::run), Rerun::failed));
  CHECK(takes(ended(Status::interrupted, Phase::run), Rerun::failed));
  CHECK(takes(ended(Status::internal, Phase::connect), Rerun::unfinished));
  CHECK(takes(ended(Status::unreachable, Phase::run), Rerun::failed));
  CHECK(takes(ended(Status::timeout, Phase::auth), Rerun::unreached));
  CHECK(takes(ended(Status::resolve, Phase::resolve), Rerun::unreached));
  CHECK(takes(ended(Status::host_key, Phase::verify), Rerun::unreached));
  CHECK(takes(ended(Status::auth, Phase::auth), Rerun::unreached));
  CHECK(takes(ended(Status::protocol, Phase::kex), Rerun::unreached));
  CHECK(takes(ended(Status::interrupted, Phase::connect), Rerun::unfinished));
  CHECK(takes(ended(Status::skipped, Phase::start), Rerun::unfinished));
  CHECK(takes(journal_of(State::not_started), Rerun::unfinished));
}

TEST_CASE("journal: a host that was started and has no end is named, and run by not-ok alone",
          "[report]") {
  const ReadJournal journal = journal_of(JournalEntry::State::unknown);
  for (const Rerun what : {Rerun::failed, Rerun::unreached, Rerun::unfinished}) {
    CHECK_FALSE(takes(journal, what));
    CHECK(pick(journal, what).unknown == std::vector<std::string>{"web01"});
  }
  const Picked picked = pick(journal, Rerun::not_ok);
  REQUIRE(picked.hosts.size() == 1);
  CHECK(picked.hosts[0].name == "web01");
  CHECK(picked.hosts[0].user == "root");
  CHECK(picked.hosts[0].port == 2222);
  CHECK(picked.unknown == std::vector<std::string>{"web01"});
}

}  // namespace
}  // namespace fanout::report
