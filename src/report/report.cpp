// Keeps the account of every host: who runs, what was received and how much of it is shown, how it ended. How output
// looks is the matter of the forms, how the end looks that of the summary.

#include "fanout/report/report.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "fanout/console/sanitize.hpp"
#include "fanout/core/duration.hpp"
#include "fanout/report/reason.hpp"
#include "fanout/report/summary.hpp"
#include "form.hpp"
#include "sizes.hpp"
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
    case OutputForm::json: return make_json_form(tools);
    case OutputForm::none: return nullptr;
  }
  return nullptr;
}

}  // namespace

Report::Report(ReportOptions options, const std::vector<core::Host> &hosts, console::Output &output,
               FoldFunction fold, Spill::OpenFile open_spill)
    : options_(std::move(options)),
      hosts_(hosts),
      output_(output),
      fold_(std::move(fold)),
      spill_(options_.spill, std::move(open_spill)),
      outcomes_(hosts.size()),
      states_(hosts.size(), State::waiting) {
  labels_.reserve(hosts.size());
  for (const core::Host &host : hosts_) labels_.push_back(console::safe_line(host.name));
  for (Outcome &outcome : outcomes_) outcome.status = Status::skipped;
  form_ = make_form({options_, hosts_, labels_, output_, spill_});
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
  if (form_) form_->started(started.host);
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
  if (form_) keep(received.host, *running, received);
  return {};
}

void Report::keep(HostIndex host, Running &running, const core::OutputReceived &received) {
  std::string_view bytes = received.bytes;
  if (running.cut) {
    running.dropped_bytes += bytes.size();
    return;
  }
  if (options_.max_output_bytes > 0) {
    const std::uint64_t room = options_.max_output_bytes - running.kept_bytes;
    if (bytes.size() > room) bytes = bytes.substr(0, static_cast<std::size_t>(room));
  }
  if (!bytes.empty()) {
    Form::Taken taken = form_->received(host, received.stream, bytes);
    running.kept_bytes += taken.bytes;
    if (taken.error) {
      running.why_not_kept = taken.error->message;
      not_kept_.push_back(host);
      if (why_not_kept_.empty()) why_not_kept_ = running.why_not_kept;
      if (!local_failure_) local_failure_ = std::move(taken.error);
    }
    bytes = bytes.substr(0, taken.bytes);
  }
  if (bytes.size() == received.bytes.size()) return;
  running.cut = true;
  running.dropped_bytes += received.bytes.size() - bytes.size();
  form_->cut(host);
  // Who watches a host live must not wait for its end to learn that there is more than is shown.
  if (options_.form == OutputForm::line && running.why_not_kept.empty())
    say(fmt::format("[fanout: {}: over --max-output {}, more is counted and not shown]\n",
                    labels_[host], format_size(options_.max_output_bytes)));
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
  const Running running = running_[host];
  running_.erase(host);
  states_[host] = State::ended;
  // What was counted here is sure; what the record says went through a worker.
  outcome.stdout_bytes = running.stdout_bytes;
  outcome.stderr_bytes = running.stderr_bytes;
  outcome.dropped_bytes = running.dropped_bytes;
  std::string text;
  show_end(host, outcome, text);
  text += truncation_notice(host, running);
  const bool tells_failure =
      options_.form == OutputForm::line && !succeeded(outcome) && outcome.status != Status::skipped;
  if (tells_failure || options_.verbosity > 0) {
    text += fmt::format("fanout: {}: {}\n", labels_[host],
                        console::safe_line(options_.verbosity > 0 ? describe_end_in_full(outcome)
                                                                  : describe_end(outcome),
                                           note_columns));
  }
  say(text);
  outcomes_[host] = std::move(outcome);
}

void Report::show_end(HostIndex host, const Outcome &outcome, std::string &text) {
  if (!form_) return;
  auto shown = form_->ended(host, outcome);
  if (shown) return;
  text += fmt::format("[fanout: {}: output is incomplete, {}]\n", labels_[host],
                      console::safe_line(shown.error().message, note_columns));
  if (!local_failure_) local_failure_ = std::move(shown).error();
}

void Report::skip(HostIndex host, std::string_view why) {
  outcomes_[host].cause = why;
  std::string text;
  show_end(host, outcomes_[host], text);
  say(text);
}

std::string_view Report::doing(Phase phase) const {
  return phase == Phase::run && is_transfer(options_.task) ? "copying files" : describe(phase);
}

std::string Report::truncation_notice(HostIndex host, const Running &running) const {
  if (running.dropped_bytes == 0) return {};
  const std::string why = running.why_not_kept.empty()
                              ? "over --max-output " + format_size(options_.max_output_bytes)
                              : console::safe_line(running.why_not_kept, note_columns);
  return fmt::format("[fanout: {}: {} more not shown, {}]\n", labels_[host],
                     describe_bytes(running.dropped_bytes), why);
}

Result<void> Report::finish(core::Milliseconds elapsed, std::string_view why_skipped) {
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
  const Summary summary{hosts_,
                        outcomes_,
                        elapsed,
                        options_.max_output_bytes,
                        not_kept_,
                        why_not_kept_,
                        options_.sandbox_remark,
                        options_.task};
  say(format_summary(summary, [this](const std::vector<HostIndex> &hosts) { return fold(hosts); }));
  return check_output();
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
