// Keeps the account of every host: who runs, what was received and how much of it is shown, how it ended. How output
// looks is the matter of the forms, how the end looks that of the summary.

#include "fanout/report/report.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "comparison.hpp"
#include "fanout/console/sanitize.hpp"
#include "fanout/core/duration.hpp"
#include "fanout/report/reason.hpp"
#include "fanout/report/summary.hpp"
#include "form.hpp"
#include "printed.hpp"
#include "record.hpp"
#include "transfer.hpp"

namespace fanout::report {

using core::ErrorKind;
using core::fail;
using core::HostIndex;
using core::Outcome;
using core::Phase;
using core::Result;
using core::Status;
using core::Stream;

namespace {

constexpr std::size_t note_columns = 1000;

std::unique_ptr<Form> make_form(const FormTools &tools) {
  switch (tools.options.form) {
    case OutputForm::block: return make_block_form(tools);
    case OutputForm::line: return make_line_form(tools);
    case OutputForm::merge: return make_merge_form(tools);
    case OutputForm::diff: return make_diff_form(tools);
    case OutputForm::json: return make_json_form(tools);
    case OutputForm::none: return nullptr;
  }
  return nullptr;
}

bool groups_outputs(const ReportOptions &options) {
  return options.form == OutputForm::merge || options.form == OutputForm::diff ||
         options.merges_too;
}

}  // namespace

Report::Report(ReportOptions options, const std::vector<core::Host> &hosts, console::Output &output,
               FoldFunction fold, std::optional<OutputFolder> folder, Spill::OpenFile open_spill)
    : options_(std::move(options)),
      hosts_(hosts),
      output_(output),
      fold_(std::move(fold)),
      spill_(options_.spill, std::move(open_spill)),
      folder_(std::move(folder)),
      outcomes_(hosts.size()),
      states_(hosts.size(), State::waiting) {
  labels_.reserve(hosts.size());
  for (const core::Host &host : hosts_) labels_.push_back(console::safe_line(host.name));
  for (Outcome &outcome : outcomes_) outcome.status = Status::skipped;
  identities_ = std::make_unique<Identities>(options_.masking, options_.reference);
  const FormTools tools{options_,
                        hosts_,
                        labels_,
                        output_,
                        spill_,
                        *identities_,
                        [this](const std::vector<HostIndex> &some) { return this->fold(some); },
                        started_};
  if (auto form = make_form(tools)) forms_.push_back(std::move(form));
  if (options_.merges_too) forms_.push_back(make_merge_form(tools));
  if (options_.compares)
    comparison_ = std::make_unique<Comparison>(*identities_, options_.reference);
  const bool shows_whole = options_.form == OutputForm::block ||
                           options_.form == OutputForm::json || groups_outputs(options_) || folder_;
  keeps_text_ = shows_whole || (options_.compares && options_.masking.any());
  shows_text_ = !forms_.empty() || folder_;
  journals_ = static_cast<bool>(options_.keep_printed);
  hashes_ = groups_outputs(options_) || options_.compares || journals_;
}

Report::~Report() = default;

Result<void> Report::observe(const core::Event &event) {
  if (const HostIndex host = host_of(event); host >= hosts_.size())
    return fail(ErrorKind::internal,
                fmt::format("an event of host {}, and there are {} hosts", host, hosts_.size()));
  TRY(std::visit([this](const auto &what) { return happened(what); }, event));
  return check_output();
}

Result<Report::Running *> Report::find_running(HostIndex host) {
  if (states_[host] != State::running)
    return fail(ErrorKind::internal,
                fmt::format("an event of {}, which is not running", labels_[host]));
  return &running_[host];
}

Result<void> Report::happened(const core::Started &started) {
  if (states_[started.host] != State::waiting)
    return fail(ErrorKind::internal, fmt::format("{} was started twice", labels_[started.host]));
  states_[started.host] = State::running;
  running_.try_emplace(started.host);
  // The first time counts: a host that is tried again was started before.
  if (folder_ || options_.form == OutputForm::json)
    started_.try_emplace(started.host, std::chrono::duration_cast<std::chrono::seconds>(
                                           options_.wall_clock().time_since_epoch())
                                           .count());
  for (const auto &form : forms_) form->started(started.host);
  if (options_.verbosity > 1) say(fmt::format("fanout: {}: starting\n", labels_[started.host]));
  return {};
}

Result<void> Report::happened(const core::PhaseEntered &entered) {
  TRY_ASSIGN(Running * running, find_running(entered.host));
  running->phase = entered.phase;
  if (options_.verbosity > 1 && entered.phase != Phase::start)
    say(fmt::format("fanout: {}: {}\n", labels_[entered.host], doing(entered.phase)));
  return {};
}

Result<void> Report::happened(const core::HostKeyOffered &offered) {
  TRY(find_running(offered.host));
  return {};
}

Result<void> Report::happened(const core::OutputReceived &received) {
  TRY_ASSIGN(Running * running, find_running(received.host));
  (received.stream == Stream::out ? running->stdout_bytes : running->stderr_bytes) +=
      received.bytes.size();
  if (hashes_)
    if (auto &hash = printed_of(*running).of(received.stream).hash) hash->add(received.bytes);
  keep(received.host, *running, received);
  return {};
}

Result<void> Report::happened(const core::OutputMissing &missing) {
  TRY_ASSIGN(Running * running, find_running(missing.host));
  (missing.stream == Stream::out ? running->stdout_bytes : running->stderr_bytes) += missing.bytes;
  // The hash of what is there would be one of something else.
  PrintedStream &printed = printed_of(*running).of(missing.stream);
  printed.hash.reset();
  printed.sha256 = missing.sha256;
  if (!shows_text_ || !running->why_not_kept.empty()) return {};
  running->why_not_kept = "not in the journal";
  why_not_kept_ = running->why_not_kept;
  not_kept_.push_back(missing.host);
  return {};
}

Result<void> Report::happened(const core::Noted &noted) {
  TRY(find_running(noted.host));
  if (options_.verbosity > 0)
    say(fmt::format("fanout: {}: {}\n", labels_[noted.host],
                    console::safe_line(noted.text, note_columns)));
  return {};
}

Result<void> Report::happened(const core::PasswordAnswered &answered) {
  TRY(find_running(answered.host));
  return {};
}

// How far a transfer is shows in the line of progress, what was fetched in the manifest; neither is the report's matter.
Result<void> Report::happened(const core::Progressed &progressed) {
  TRY(find_running(progressed.host));
  return {};
}

Result<void> Report::happened(const core::FileFetched &fetched) {
  TRY(find_running(fetched.host));
  return {};
}

Result<void> Report::happened(const core::Ended &ended) {
  // A host that could not even be started ends without having run.
  if (states_[ended.host] == State::ended)
    return fail(ErrorKind::internal, fmt::format("{} ended twice", labels_[ended.host]));
  end(ended.host, ended.outcome);
  return {};
}

Result<void> Report::happened(const core::Retrying &retrying) {
  TRY(find_running(retrying.host));
  running_.erase(retrying.host);
  states_[retrying.host] = State::waiting;
  if (options_.verbosity > 0)
    say(fmt::format("fanout: {}: {}; again in {}\n", labels_[retrying.host],
                    console::safe_line(describe_end(retrying.outcome), note_columns),
                    core::describe_duration(retrying.again_in)));
  return {};
}

void Report::end(HostIndex host, Outcome outcome) {
  Running running = std::move(running_[host]);
  running_.erase(host);
  states_[host] = State::ended;
  // What was counted here is sure; what the record says went through a worker.
  outcome.stdout_bytes = running.stdout_bytes;
  outcome.stderr_bytes = running.stderr_bytes;
  outcome.dropped_bytes = dropped_bytes(running);
  outcomes_[host] = std::move(outcome);
  const Outcome &ended = outcomes_[host];

  Printed &printed = printed_of(running);
  for (const Stream stream : {Stream::out, Stream::err}) {
    PrintedStream &one = printed.of(stream);
    if (one.hash) one.sha256 = one.hash->finish();
    one.missing_bytes =
        (stream == Stream::out ? running.stdout_bytes : running.stderr_bytes) - one.text.size();
  }
  Show what{std::move(running.printed), {}};
  hand_on(host, *what.printed, what.notices);
  // Groups say it once, for all of their hosts.
  if (options_.form != OutputForm::merge && options_.form != OutputForm::diff)
    what.notices += truncation_notice(host, ended.dropped_bytes, running);
  const bool tells_failure =
      options_.form == OutputForm::line && !succeeded(ended) && ended.status != Status::skipped;
  if (tells_failure || options_.verbosity > 0) {
    what.notices +=
        fmt::format("fanout: {}: {}\n", labels_[host],
                    console::safe_line(
                        options_.verbosity > 0 ? describe_end_in_full(ended) : describe_end(ended),
                        note_columns));
  }
  show(host, std::move(what));
}

// To all who keep it, before a form that may move it away.
void Report::hand_on(HostIndex host, Printed &printed, std::string &notices) {
  const Outcome &outcome = outcomes_[host];
  if (options_.keep_printed && outcome.status != Status::skipped)
    options_.keep_printed(host, printed);
  if (comparison_)
    if (auto added = comparison_->add(hosts_[host], host, outcome, printed); !added)
      note_incomplete(fmt::format("{}: cannot be compared", labels_[host]),
                      std::move(added).error(), notices);
  if (folder_) {
    Json record =
        record_head(hosts_[host], outcome,
                    started_.contains(host) ? std::optional(started_[host]) : std::nullopt);
    record.update(record_tail(outcome, true, is_transfer(options_.task)));
    auto added = folder_->add(hosts_[host], outcome, printed,
                              record.dump(-1, ' ', false, Json::error_handler_t::replace));
    if (!added)
      note_incomplete(fmt::format("{}: not in --outdir", labels_[host]), std::move(added).error(),
                      notices);
  }
}

void Report::note_incomplete(std::string_view what, core::Error why, std::string &text) {
  text += fmt::format("[fanout: {}, {}]\n", what, console::safe_line(why.message, note_columns));
  if (!local_failure_) local_failure_ = std::move(why);
}

// With --sorted a host waits for those that were selected before it.
void Report::show(HostIndex host, Show what) {
  if (!options_.sorted) return show_now(host, what);
  waiting_to_show_.emplace(host, std::move(what));
  for (auto next = waiting_to_show_.find(next_to_show_); next != waiting_to_show_.end();
       next = waiting_to_show_.find(++next_to_show_)) {
    show_now(next->first, next->second);
    waiting_to_show_.erase(next);
  }
}

void Report::show_now(HostIndex host, Show &what) {
  std::string text;
  for (const auto &form : forms_)
    if (auto shown = form->ended(host, outcomes_[host], *what.printed); !shown)
      note_incomplete(fmt::format("{}: output is incomplete", labels_[host]),
                      std::move(shown).error(), text);
  started_.erase(host);
  say(text + what.notices);
}

void Report::skip(HostIndex host, std::string_view why) {
  outcomes_[host].cause = why;
  Show what{std::make_unique<Printed>(spill_), {}};
  hand_on(host, *what.printed, what.notices);
  show(host, std::move(what));
}

std::string_view Report::doing(Phase phase) const {
  return phase == Phase::run && is_transfer(options_.task) ? "copying files" : describe(phase);
}

Result<void> Report::finish(core::Milliseconds elapsed, std::string_view why_skipped) {
  // The ends that are made up here nobody else is told of.
  options_.keep_printed = nullptr;
  for (std::size_t i = 0; i < hosts_.size(); ++i) {
    if (states_[i] == State::waiting) skip(static_cast<HostIndex>(i), why_skipped);
    if (states_[i] != State::running) continue;
    Outcome lost;
    lost.status = Status::internal;
    lost.phase = running_[static_cast<HostIndex>(i)].phase;
    lost.cause = "its end was never reported";
    lost.remote_end = lost.phase >= Phase::run ? core::RemoteEnd::unknown : core::RemoteEnd::none;
    end(static_cast<HostIndex>(i), std::move(lost));
  }
  show_groups();
  Summary summary;
  summary.hosts = hosts_;
  summary.outcomes = outcomes_;
  summary.elapsed = elapsed;
  summary.max_output_bytes = options_.max_output_bytes;
  summary.not_kept = not_kept_;
  summary.why_not_kept = why_not_kept_;
  summary.sandbox_remark = options_.sandbox_remark;
  summary.task = options_.task;
  summary.colors = options_.colors[static_cast<std::size_t>(Stream::err)];
  tell_differing(summary);
  say(format_summary(summary, [this](const std::vector<HostIndex> &hosts) { return fold(hosts); }));
  return check_output();
}

// What forms have kept until all were there, and the list of the folder.
void Report::show_groups() {
  std::string text;
  for (const auto &form : forms_)
    if (auto shown = form->finished(); !shown)
      note_incomplete("output is incomplete", std::move(shown).error(), text);
  if (folder_)
    if (auto listed = folder_->finish(); !listed)
      note_incomplete("--outdir has no list of this run", std::move(listed).error(), text);
  say(text);
}

void Report::tell_differing(Summary &summary) {
  if (!comparison_) return;
  Comparison::Verdict verdict = comparison_->verdict();
  outputs_differ_ = verdict.differ();
  for (Comparison::Outlier &outlier : verdict.outliers)
    summary.differing.push_back(std::move(outlier.hosts));
  if (options_.reference && !verdict.reference_is_missing)
    summary.differ_from = options_.reference->name;
  else if (verdict.same.size() == 1)
    summary.differ_from = hosts_[verdict.same.front()].name;
  else
    summary.differ_from = fmt::format("{} other hosts", verdict.same.size());
  if (verdict.reference_is_missing && options_.form != OutputForm::diff)
    say(fmt::format(
        "fanout: --diff-against {}: it has no output to compare with; compared with {}\n",
        console::safe_line(options_.reference->name), summary.differ_from));
}

std::string Report::running_text() const {
  std::array<std::vector<HostIndex>, core::phase_count> by_phase;
  for (const auto &[host, running] : running_)
    by_phase[static_cast<std::size_t>(running.phase)].push_back(host);
  const auto ended =
      static_cast<std::size_t>(std::count(states_.begin(), states_.end(), State::ended));
  std::string text = fmt::format("fanout: {} running, {} ended, {} not started\n", running_.size(),
                                 ended, hosts_.size() - ended - running_.size());
  std::size_t column = 0;
  for (std::size_t phase = 0; phase < by_phase.size(); ++phase)
    if (!by_phase[phase].empty())
      column = std::max(column, doing(static_cast<Phase>(phase)).size());
  // Who is furthest comes first: that is what would be lost.
  for (std::size_t phase = by_phase.size(); phase-- > 0;) {
    if (by_phase[phase].empty()) continue;
    std::sort(by_phase[phase].begin(), by_phase[phase].end());
    text += fmt::format("  {:<{}}  {}\n", doing(static_cast<Phase>(phase)), column,
                        fold(by_phase[phase]));
  }
  return text;
}

std::string Report::fold(const std::vector<HostIndex> &hosts) const {
  std::vector<std::string> names;
  names.reserve(hosts.size());
  for (const HostIndex host : hosts) names.push_back(hosts_[host].name);
  return console::safe_line(fold_(names));
}

void Report::say(std::string_view text) {
  if (text.empty()) return;
  // Without headers the last line of a host can be open; ours begins on a new one.
  (void)output_.write(Stream::err, output_.line_is_open(Stream::err) ? fmt::format("\n{}", text)
                                                                     : std::string(text));
}

Result<void> Report::check_output() {
  for (const Stream stream : {Stream::out, Stream::err}) {
    const auto &failure = output_.failure(stream);
    bool &told = told_[static_cast<std::size_t>(stream)];
    if (!failure || told) continue;
    told = true;
    if (!local_failure_) local_failure_ = failure;
    return fail(*failure);
  }
  return {};
}

}  // namespace fanout::report
