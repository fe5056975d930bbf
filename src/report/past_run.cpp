// Putting journals together. What is hard is what belongs together: a rerun may reach its hosts by another way and means the
// same ones, while two runs that know nothing of each other may call two machines by one name.
#include "fanout/report/past_run.hpp"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

#include "fanout/console/sanitize.hpp"
#include "fanout/core/exit_code.hpp"
#include "journal_standing.hpp"

namespace fanout::report {

using core::ErrorKind;
using core::fail;
using core::HostIndex;
using core::Result;
using core::Stream;

namespace {

core::TaskKind task_of(const std::string &command) {
  if (command == "put") return core::TaskKind::put;
  if (command == "get") return core::TaskKind::get;
  return core::TaskKind::exec;
}

std::string way_to(const core::NamedHost &host) {
  return console::safe_line(fmt::format("{}@{}:{}", host.user, host.address, host.port));
}

class Gathering {
public:
  Result<void> add(const std::string &file) {
    TRY_ASSIGN(ReadJournal journal, read_journal(file, run_.texts.get()));
    if (journal.torn_bytes > 0)
      run_.notes.push_back(fmt::format("journal {}: the last {} bytes are not a whole line", file,
                                       journal.torn_bytes));
    if (journal.unrelated_runs > 0)
      run_.notes.push_back(fmt::format("journal {}: {} before its last run not shown", file,
                                       journal.unrelated_runs == 1
                                           ? std::string("one run is")
                                           : fmt::format("{} runs are", journal.unrelated_runs)));
    const std::size_t family = family_of(journal);
    for (JournalRun &run : journal.runs) {
      if (families_.emplace(run.head.run, family).second) {
        run_.runs.push_back(std::move(run));
        continue;
      }
      // The same run once more: what knows more of it counts.
      const auto known =
          std::find_if(run_.runs.begin(), run_.runs.end(),
                       [&run](const JournalRun &each) { return each.head.run == run.head.run; });
      if (known != run_.runs.end() && known->latest < run.latest) *known = std::move(run);
    }
    for (JournalEntry &entry : journal.hosts) TRY(add(file, family, std::move(entry)));
    return {};
  }

  PastRun finish() {
    std::stable_sort(run_.runs.begin(), run_.runs.end(),
                     [](const auto &a, const auto &b) { return a.planned < b.planned; });
    run_.task = task_of(run_.runs.back().head.command);
    run_.began = run_.runs.front().planned;
    run_.ended = run_.began;
    for (const JournalRun &run : run_.runs) run_.ended = std::max(run_.ended, run.latest);
    run_.hosts.reserve(run_.entries.size());
    for (const JournalEntry &entry : run_.entries) {
      core::Host &host = run_.hosts.emplace_back();
      host.name = entry.host.name;
      host.address = entry.host.address;
      host.port = entry.host.port;
      host.user = entry.host.user;
    }
    return std::move(run_);
  }

private:
  // Runs of one family are reruns of each other.
  std::size_t family_of(const ReadJournal &journal) {
    std::size_t family = next_family_++;
    const auto join = [&](const std::string &run) {
      const auto known = families_.find(run);
      if (known == families_.end() || known->second == family) return;
      const std::size_t other = known->second;
      for (auto &each : families_)
        if (each.second == other) each.second = family;
      for (std::size_t &each : family_of_host_)
        if (each == other) each = family;
    };
    for (const JournalRun &run : journal.runs) {
      join(run.head.run);
      if (!run.head.rerun_of.empty()) join(run.head.rerun_of);
    }
    // A journal that was given before may be that of a rerun of this one.
    for (const JournalRun &known : run_.runs)
      for (const JournalRun &run : journal.runs)
        if (known.head.rerun_of == run.head.run) join(known.head.run);
    return family;
  }

  Result<void> add(const std::string &file, std::size_t family, JournalEntry entry) {
    const auto [place, is_new] = places_.emplace(entry.host.name, run_.entries.size());
    if (is_new) {
      run_.entries.push_back(std::move(entry));
      family_of_host_.push_back(family);
      return {};
    }
    JournalEntry &known = run_.entries[place->second];
    const std::string here = way_to(entry.host);
    const std::string before = way_to(known.host);
    if (family_of_host_[place->second] != family && here != before)
      return fail(ErrorKind::usage,
                  fmt::format("journal {}: {} is {} there and {} in another journal; runs that "
                              "are not reruns of each other must mean the same host by a name",
                              console::safe_line(file), entry.host.name, here, before));
    if (entry.latest < known.latest) std::swap(known, entry);
    take_later_word(known, std::move(entry));
    return {};
  }

  PastRun run_{{}, {}, {}, core::TaskKind::exec, {}, {}, {}, std::make_unique<JournalTexts>()};
  std::unordered_map<std::string, std::size_t> places_;
  std::vector<std::size_t> family_of_host_;
  std::unordered_map<std::string, std::size_t> families_;  // by run
  std::size_t next_family_ = 0;
};

std::string raw_bytes(std::string_view hexadecimal) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hexadecimal.size(); i += 2)
    bytes += static_cast<char>(digit(hexadecimal[i]) * 16 + digit(hexadecimal[i + 1]));
  return bytes;
}

using Observe = std::function<Result<void>(const core::Event &)>;

Result<void> replay_output(const PastRun &run, HostIndex host, Stream stream,
                           const Observe &observe) {
  const JournalEntry &entry = run.entries[host];
  const bool out = stream == Stream::out;
  const std::string &sha256 = out ? entry.stdout_sha256 : entry.stderr_sha256;
  std::uint64_t missing = out ? entry.outcome.stdout_bytes : entry.outcome.stderr_bytes;
  if (const JournalTexts::Text *text = sha256.empty() ? nullptr : run.texts->find(sha256)) {
    missing = text->bytes - text->beginning.size();
    TRY(text->beginning.each_piece([&](std::string_view piece) {
      return observe(core::OutputReceived{host, stream, std::string(piece)});
    }));
  }
  if (missing == 0) return {};
  return observe(core::OutputMissing{host, stream, missing, raw_bytes(sha256)});
}

std::vector<HostIndex> in_order_of_ends(const PastRun &run) {
  std::vector<HostIndex> order(run.entries.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<HostIndex>(i);
  const auto rank = [](const JournalEntry &entry) {
    if (entry.ended) return 0;
    return entry.starts.empty() ? 2 : 1;
  };
  std::stable_sort(order.begin(), order.end(), [&](HostIndex a, HostIndex b) {
    const JournalEntry &one = run.entries[a];
    const JournalEntry &other = run.entries[b];
    if (rank(one) != rank(other)) return rank(one) < rank(other);
    return std::pair(one.ended, one.end_number) < std::pair(other.ended, other.end_number);
  });
  return order;
}

// The runs that no other one has done again.
std::vector<const JournalRun *> last_runs(const PastRun &run) {
  std::unordered_set<std::string> done_again;
  for (const JournalRun &each : run.runs) done_again.insert(each.head.rerun_of);
  std::vector<const JournalRun *> last;
  for (const JournalRun &each : run.runs)
    if (!done_again.contains(each.head.run)) last.push_back(&each);
  return last;
}

}  // namespace

core::Milliseconds PastRun::elapsed() const { return ended - began; }

Result<PastRun> read_past_run(const std::vector<std::string> &journals) {
  if (journals.empty()) return fail(ErrorKind::usage, "no journal is given");
  Gathering gathering;
  for (const std::string &file : journals) TRY(gathering.add(file));
  return gathering.finish();
}

Result<void> replay(const PastRun &run, const Observe &observe,
                    const std::function<void(JournalTime)> &at) {
  for (const HostIndex host : in_order_of_ends(run)) {
    const JournalEntry &entry = run.entries[host];
    if (!entry.starts.empty()) {
      at(entry.starts.front());
      TRY(observe(core::Started{host}));
      TRY(replay_output(run, host, Stream::out, observe));
      TRY(replay_output(run, host, Stream::err, observe));
    }
    TRY(observe(core::Ended{host, entry.outcome}));
  }
  return {};
}

int exit_code_of(const PastRun &run, const std::vector<core::Outcome> &outcomes,
                 std::optional<bool> differ) {
  constexpr int different = static_cast<int>(core::ExitCode::different);
  const std::vector<const JournalRun *> last = last_runs(run);
  if (run.runs.size() == 1 && last.size() == 1 && last.front()->exit_code) {
    const int own = *last.front()->exit_code;
    // A comparison that is made now may be another one.
    if (!differ || (own != 0 && own != different)) return own;
    return *differ ? different : 0;
  }
  constexpr int after_signal = 128;
  core::RunEnd end;
  end.outcomes = outcomes;
  end.outputs_differ = differ.value_or(false);
  end.stopped_early = std::any_of(outcomes.begin(), outcomes.end(), [](const auto &outcome) {
    return outcome.status == core::Status::skipped;
  });
  for (const JournalRun *each : last) {
    if (!each->exit_code) continue;
    const int code = *each->exit_code;
    end.local_failure |= code == static_cast<int>(core::ExitCode::internal);
    end.outputs_differ |= !differ && code == different;
    if (code == static_cast<int>(core::ExitCode::hangup) ||
        code == static_cast<int>(core::ExitCode::interrupt) ||
        code == static_cast<int>(core::ExitCode::terminate))
      end.interrupted_by = code - after_signal;
  }
  return static_cast<int>(core::exit_code(end));
}

}  // namespace fanout::report
