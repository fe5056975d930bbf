// What is hard is to refuse everything that no run can have written, and nothing else: journals are read that were written
// before some of the members existed.
#include "journal_lines.hpp"

#include <limits>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "fanout/console/sanitize.hpp"
#include "fanout/core/names.hpp"
#include "journal_line.hpp"
#include "journal_record.hpp"

namespace fanout::report {

using core::Result;
using core::Status;

namespace {

// What a name may consist of wherever hosts are named: a DNS name or an IPv6 address, with a port.
constexpr std::string_view in_names = "._-:[]%";
constexpr std::string_view in_addresses = "._-:%";

constexpr std::uint64_t largest_port = std::numeric_limits<std::uint16_t>::max();
constexpr std::uint64_t most_attempts = std::numeric_limits<std::uint32_t>::max();

core::Outcome not_started(std::string why) {
  core::Outcome outcome;
  outcome.status = Status::skipped;
  outcome.cause = std::move(why);
  return outcome;
}

core::Outcome in_doubt() {
  core::Outcome outcome;
  outcome.cause = "its end is not in the journal";
  outcome.remote_end = core::RemoteEnd::unknown;
  return outcome;
}

Result<JournalRun> parse_run(const JournalLine &line) {
  JournalRun run;
  TRY_ASSIGN(run.head.run, line.text("run"));
  TRY_ASSIGN(run.fanout, line.text("fanout"));
  TRY_ASSIGN(run.head.command, line.text("command"));
  TRY_ASSIGN(run.head.text, line.text("text"));
  TRY_ASSIGN(run.head.order, line.text("order"));
  TRY_ASSIGN(run.head.local_user, line.text("local_user"));
  TRY_ASSIGN(const Json *batches, line.list("batches"));
  for (const Json &batch : *batches) {
    if (!batch.is_number_unsigned()) return refuse("a batch is not a number");
    run.head.batches.push_back(batch.get<std::size_t>());
  }
  TRY_ASSIGN(const auto rerun_of, line.text_or_null("rerun_of"));
  run.head.rerun_of = rerun_of.value_or("");
  if (rerun_of && !is_run(*rerun_of)) return refuse("\"rerun_of\" is not 16 hexadecimal digits");
  return run;
}

Result<JournalEntry> parse_host(const JournalLine &line) {
  JournalEntry entry;
  TRY_ASSIGN(entry.host.name, line.text("host"));
  TRY_ASSIGN(entry.host.address, line.text("address"));
  TRY_ASSIGN(entry.host.user, line.text("user"));
  TRY_ASSIGN(const std::uint64_t port, line.number("port", 1, largest_port));
  entry.host.port = static_cast<std::uint16_t>(port);
  // Users are checked by whoever uses one: the user who runs us may have a name that no other host would take.
  if (const auto wrong = core::wrong_with_characters(entry.host.name, in_names))
    return refuse("not a name: " + *wrong);
  if (const auto wrong = core::wrong_with_characters(entry.host.address, in_addresses))
    return refuse("not an address: " + *wrong);
  entry.outcome = not_started("not started");
  return entry;
}

}  // namespace

Result<void> JournalLines::take(std::string_view text) {
  if (!is_shallow(text)) return refuse("is not a line of a journal");
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return refuse("is not a line of a journal");
  const JournalLine line(json);
  TRY_ASSIGN(const std::uint64_t version, line.number("v"));
  if (version != journal_version)
    return refuse(
        fmt::format("version {}; this program reads version {}", version, journal_version));
  TRY_ASSIGN(const std::string run, line.text("run"));
  if (!is_run(run)) return refuse("\"run\" is not 16 hexadecimal digits");
  TRY_ASSIGN(time_, line.time("time"));
  TRY_ASSIGN(const std::string event, line.text("event"));
  if (event == "planned") return planned(line);

  if (run != run_.facts.head.run)
    return refuse(known_runs_.contains(run) ? fmt::format("run {} was over before", run)
                                            : fmt::format("run {} was not planned", run));
  if (run_.facts.exit_code) return refuse(fmt::format("run {} has finished before", run));
  TRY(happened(event, line));
  run_.facts.latest = time_;
  return {};
}

Result<void> JournalLines::happened(std::string_view event, const JournalLine &line) {
  if (event == "started") return started(line);
  if (event == "retrying") return retrying(line);
  if (event == "ended") return ended(line);
  if (event == "output") return printed(line);
  if (event == "skipped") return skipped(line);
  if (event == "finished") return finished(line);
  return refuse(fmt::format("the event '{}' is not known",
                            console::safe_line(event, JournalLine::longest_shown)));
}

Result<void> JournalLines::planned(const JournalLine &line) {
  JournaledRun run;
  TRY_ASSIGN(run.facts, parse_run(line));
  run.facts.planned = run.facts.latest = time_;
  TRY_ASSIGN(const Json *hosts, line.list("hosts"));
  std::unordered_map<std::string, std::size_t> places;
  places.reserve(hosts->size());
  run.hosts.reserve(hosts->size());
  for (const Json &entry : *hosts) {
    const auto in_host = [&](const std::string &why) {
      return refuse(fmt::format("host {}: {}", run.hosts.size() + 1, why));
    };
    if (!entry.is_object()) return in_host("is not an object");
    auto host = parse_host(JournalLine(entry));
    if (!host) return in_host(host.error().message);
    host->latest = time_;
    if (!places.emplace(host->host.name, run.hosts.size()).second)
      return in_host(host->host.name + " is there already");
    run.hosts.push_back(*std::move(host));
  }

  const std::string &name = run.facts.head.run;
  if (!known_runs_.emplace(name, known_runs_.size()).second)
    return refuse(fmt::format("run {} is planned twice", name));
  run_ = std::move(run);
  places_ = std::move(places);
  stages_.assign(run_.hosts.size(), Stage::planned);
  text_bytes_ = 0;
  ends_ = 0;
  return {};
}

Result<std::size_t> JournalLines::find(std::string_view name) const {
  const auto place = places_.find(std::string(name));
  if (place != places_.end()) return place->second;
  return refuse(fmt::format("{} is no host of run {}",
                            console::safe_line(name, JournalLine::longest_shown),
                            run_.facts.head.run));
}

Result<std::size_t> JournalLines::host_of(const JournalLine &line) const {
  TRY_ASSIGN(const std::string name, line.text("host"));
  return find(name);
}

JournalEntry &JournalLines::heard_of(std::size_t place) {
  run_.hosts[place].latest = time_;
  return run_.hosts[place];
}

Result<void> JournalLines::started(const JournalLine &line) {
  TRY_ASSIGN(const std::size_t place, host_of(line));
  TRY(line.number("attempt", 1, most_attempts));
  JournalEntry &host = heard_of(place);
  if (stages_[place] != Stage::planned && stages_[place] != Stage::waiting)
    return refuse(host.host.name + " is started twice, or after its end");
  stages_[place] = Stage::running;
  host.state = JournalEntry::State::unknown;
  host.outcome = in_doubt();
  host.starts.push_back(time_);
  host.outcome.attempts = static_cast<std::uint32_t>(host.starts.size());
  return {};
}

Result<void> JournalLines::retrying(const JournalLine &line) {
  TRY_ASSIGN(const std::size_t place, host_of(line));
  JournalEntry &host = heard_of(place);
  core::Outcome attempt;
  TRY_ASSIGN(attempt.status, line.word("status", core::status_from_wire));
  TRY_ASSIGN(attempt.cause, line.text("cause"));
  attempt.attempts = host.outcome.attempts;
  if (stages_[place] != Stage::running)
    return refuse(host.host.name + " is to be tried again, and was not started");
  stages_[place] = Stage::waiting;
  host.state = JournalEntry::State::not_started;
  host.outcome = std::move(attempt);
  return {};
}

Result<void> JournalLines::ended(const JournalLine &line) {
  TRY_ASSIGN(const std::size_t place, host_of(line));
  TRY_ASSIGN(core::Outcome outcome, parse_outcome(line, run_.facts.head.command != "exec"));
  JournalEntry &host = heard_of(place);
  // A host that was to be tried again, and then was not, ends without another start.
  if (stages_[place] == Stage::planned) return refuse(host.host.name + " ends before its start");
  if (stages_[place] == Stage::ended || stages_[place] == Stage::printed)
    return refuse(host.host.name + " ends twice");
  stages_[place] = Stage::ended;
  host.state = JournalEntry::State::ended;
  host.outcome = std::move(outcome);
  host.ended = time_;
  host.end_number = ++ends_;
  return {};
}

Result<void> JournalLines::printed(const JournalLine &line) {
  TRY_ASSIGN(const std::size_t place, host_of(line));
  JournalEntry &host = heard_of(place);
  if (stages_[place] != Stage::ended)
    return refuse(host.host.name + " has printed before its end, or twice");
  TRY_ASSIGN(host.stdout_sha256, line.sha256_or_null("stdout"));
  TRY_ASSIGN(host.stderr_sha256, line.sha256_or_null("stderr"));
  stages_[place] = Stage::printed;
  return take_texts(line, host);
}

Result<void> JournalLines::take_texts(const JournalLine &line, const JournalEntry &host) {
  TRY_ASSIGN(const Json *texts, line.list("texts"));
  for (const Json &json : *texts) {
    TRY_ASSIGN(const JournaledText text, parse_text(json));
    if (text.sha256 != host.stdout_sha256 && text.sha256 != host.stderr_sha256)
      return refuse("a text is not what " + host.host.name + " has printed");
    text_bytes_ += text.beginning.size();
    if (text_bytes_ > most_journaled_text)
      return refuse(fmt::format("the texts of run {} are longer than {} bytes", run_.facts.head.run,
                                most_journaled_text));
    if (texts_ != nullptr) TRY(texts_->add(text.sha256, text.bytes, text.beginning));
  }
  return {};
}

Result<void> JournalLines::skipped(const JournalLine &line) {
  TRY_ASSIGN(const std::string why, line.text("why"));
  TRY_ASSIGN(const Json *hosts, line.list("hosts"));
  for (const Json &name : *hosts) {
    if (!name.is_string()) return refuse("a host is not a text");
    TRY_ASSIGN(const std::size_t place, find(name.get_ref<const std::string &>()));
    JournalEntry &host = heard_of(place);
    if (stages_[place] == Stage::ended || stages_[place] == Stage::printed ||
        stages_[place] == Stage::skipped)
      return refuse(host.host.name + " is skipped after its end");
    // Also of one that was started: then no worker could be made for it.
    stages_[place] = Stage::skipped;
    host.state = JournalEntry::State::not_started;
    host.outcome = not_started(why);
    host.starts.clear();
  }
  return {};
}

Result<void> JournalLines::finished(const JournalLine &line) {
  constexpr std::uint64_t largest_exit_code = 255;
  TRY_ASSIGN(const std::uint64_t exit_code, line.number("exit", 0, largest_exit_code));
  run_.facts.exit_code = static_cast<int>(exit_code);
  return {};
}

}  // namespace fanout::report
