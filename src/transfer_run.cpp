// A worker that has lost its connection cannot make another one, and one that was killed cannot tidy up: then a second worker
// logs in to that host and removes what has the token of the first in its name. The host's record waits for it.

#include "transfer_run.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "fanout/plan/placeholders.hpp"
#include "fanout/sys/io.hpp"
#include "fanout/sys/random.hpp"
#include "surroundings.hpp"

namespace fanout {

using core::ErrorKind;
using core::fail;
using core::HostIndex;
using core::Phase;
using core::Result;
using core::Status;
using core::TaskKind;

namespace {

// To connect, and then to remove: somebody is waiting for the record.
constexpr core::Milliseconds clean_up_connect{10'000};
constexpr core::Milliseconds clean_up_time{20'000};

}  // namespace

Result<void> refuse_long_then(const core::Task &task, const std::vector<core::Host> &hosts) {
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    const std::size_t size =
        plan::fill_placeholders(task.transfer.then, hosts[i], i, hosts.size()).size();
    if (size > core::max_command_bytes)
      return fail(ErrorKind::usage,
                  fmt::format("{}: --then has {} bytes with its placeholders filled in, at most {} "
                              "can be sent",
                              hosts[i].name, size, core::max_command_bytes));
  }
  return {};
}

TransferRun::TransferRun(const cli::Options &options, const Contact &contact, Files files)
    : options_(options),
      prepared_(contact.prepared),
      pool_(contact.pool),
      output_(contact.output),
      files_(std::move(files)),
      display_(options, contact, files_.bytes_per_host),
      logins_(options, contact,
              [this](HostIndex host, std::string text) {
                static_cast<void>(display_.observe(core::Noted{host, std::move(text)}));
              }),
      dispatch_(contact.dispatch(
          options,
          {[this](HostIndex host) { return make_job(host); },
           [this](const core::Event &event) { return observe(event); },
           [this] { return display_.running_text(); }, [this] { logins_.heed_key_holder(); },
           [this](core::Event &event) { return admit(event); },
           [this](core::TimePoint now) { return display_.refresh(now); }})) {}

int TransferRun::run() {
  if (const auto opened = display_.open(dispatch_); !opened)
    return report_error(output_, opened.error());
  dispatch_.run();
  bool failed_here = false;
  if (files_.manifest)
    if (auto written = files_.manifest->finish(); !written) {
      say(output_, written.error().message);
      failed_here = true;
    }
  return display_.close(failed_here);
}

Result<worker::JobCard> TransferRun::open_card(HostIndex index, TaskKind task, pool::Job &job) {
  TRY_ASSIGN(Logins::Opened opened, logins_.open(index));
  opened.card.task = task;
  opened.card.stall_timeout = options_.task.stall_timeout;
  job.host = index;
  job.kind = task;
  job.handed_down.push_back(std::move(opened.slot));
  return std::move(opened.card);
}

Result<pool::Job> TransferRun::make_job(HostIndex index) {
  pool::Job job;
  const bool is_put = options_.command == cli::Command::put;
  TRY_ASSIGN(worker::JobCard card, open_card(index, is_put ? TaskKind::put : TaskKind::get, job));
  card.transfer = options_.task.transfer;
  card.transfer.then = plan::fill_placeholders(card.transfer.then, prepared_.hosts[index], index,
                                               prepared_.hosts.size());
  card.token = sys::random_hexadecimal(16);
  tokens_[index] = card.token;
  TRY(files_.hand_over(index, card, job));
  // The command for after the transfer has the same time once more.
  job.limits = {card.connect_timeout, card.transfer.then.empty() ? card.timeout : 2 * card.timeout,
                card.stop_grace};
  job.card = worker::encode(card);
  return job;
}

// --- what has been left ---------------------------------------------------------------------------------------------

bool TransferRun::has_left_something(const core::Outcome &outcome) const {
  if (outcome.transfer) return !outcome.transfer->leftovers.empty();
  // Its worker has ended without a word, in the middle.
  return outcome.phase >= Phase::run && outcome.status != Status::ok;
}

// A worker of get tidies up itself, unless it was killed.
void TransferRun::clean_up_here(const core::Ended &ended, const std::string &token) {
  const core::Outcome &outcome = ended.outcome;
  if (!files_.clean_up_here || outcome.transfer || outcome.phase < Phase::run) return;
  if (files_.clean_up_here(ended.host, token)) return;
  static_cast<void>(display_.observe(core::Noted{
      ended.host,
      fmt::format("temporary files may be left in its folder here: .*.fanout-{}-*", token)}));
}

bool TransferRun::start_clean_up(const core::Ended &ended, const std::string &token) {
  if (!files_.hand_over_for_clean_up || !has_left_something(ended.outcome)) return false;
  pool::Job job;
  auto card = open_card(ended.host, TaskKind::clean_up, job);
  if (!card) return false;
  card->token = token;
  card->connect_timeout = clean_up_connect;
  card->timeout = clean_up_time;
  files_.hand_over_for_clean_up(*card, job);
  job.limits = {card->connect_timeout, card->timeout, card->stop_grace};
  job.card = worker::encode(*card);
  clean_ups_.emplace(ended.host, CleanUp{ended, token});
  pool_.start(std::move(job));
  return true;
}

// The record of the put, with what has become of its leftovers.
void TransferRun::end_clean_up(core::Ended &ended) {
  const auto clean_up = clean_ups_.extract(ended.host);
  const int signal = ended.worker_signal;
  const core::Outcome after = std::move(logins_.close(ended).outcome);
  ended = std::move(clean_up.mapped().ended);
  // Its crash counts as one of this host.
  if (ended.worker_signal == 0) ended.worker_signal = signal;
  if (after.status == Status::ok) {
    if (ended.outcome.transfer) ended.outcome.transfer->leftovers.clear();
    return;
  }
  static_cast<void>(display_.observe(
      core::Noted{ended.host, "what it has left could not be removed: " + after.cause}));
  if (!ended.outcome.transfer) ended.outcome.transfer.emplace();
  std::vector<std::string> &leftovers = ended.outcome.transfer->leftovers;
  if (after.transfer && !after.transfer->leftovers.empty()) leftovers = after.transfer->leftovers;
  if (leftovers.empty())
    leftovers.push_back(
        fmt::format(".*.fanout-{} in the folders that were written to", clean_up.mapped().token));
}

// False when the event is not for anybody: it belongs to a clean-up, or one begins instead.
bool TransferRun::admit(core::Event &event) {
  const HostIndex host = core::host_of(event);
  if (clean_ups_.count(host) > 0) {
    if (const auto *offered = std::get_if<core::HostKeyOffered>(&event)) logins_.answer(*offered);
    auto *ended = std::get_if<core::Ended>(&event);
    if (ended == nullptr) return false;
    end_clean_up(*ended);
    return true;
  }
  auto *ended = std::get_if<core::Ended>(&event);
  if (ended == nullptr) return true;
  *ended = logins_.close(std::move(*ended));
  // Only a command of the user's could go on.
  if (options_.task.transfer.then.empty()) ended->outcome.remote_end = core::RemoteEnd::none;
  const auto token = tokens_.extract(host);
  if (!token) return true;
  clean_up_here(*ended, token.mapped());
  return !start_clean_up(*ended, token.mapped());
}

// --- what is told ------------------------------------------------------------------------------------------------------

Result<void> TransferRun::observe(const core::Event &event) {
  if (const auto *offered = std::get_if<core::HostKeyOffered>(&event)) logins_.answer(*offered);
  if (const auto *fetched = std::get_if<core::FileFetched>(&event)) {
    if (!files_.manifest) return {};
    return files_.manifest->add(prepared_.hosts[fetched->host].name, fetched->file);
  }
  return display_.observe(event);
}

}  // namespace fanout
