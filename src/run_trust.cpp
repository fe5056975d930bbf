// fanout trust: every host is asked for its keys, the user looks at those that are new, and what he says yes to is
// recorded. Nobody logs in, so there is no key holder, and passwords of the inventory are dropped where they are read.
//
// What is recorded rests on two things: each key was proven by a key exchange in the worker, and a person (or --yes) has
// vouched for it. Nothing overrules a key that is known already, and nobody is asked to vouch for a second one beside
// it: that the host has the known key makes it look verified, while the other may be that of somebody on the way, who
// passes one connection on and answers the next himself. Only a session that the known key has verified could bring
// another one (OpenSSH's hostkeys-00@openssh.com), and here nobody logs in.

#include <algorithm>
#include <csignal>
#include <optional>
#include <set>
#include <utility>
#include <variant>
#include <vector>

#include <fmt/format.h>

#include "dispatch.hpp"
#include "fanout/console/lock.hpp"
#include "fanout/console/prompt.hpp"
#include "fanout/core/exit_code.hpp"
#include "fanout/inventory/fold.hpp"
#include "fanout/pool/pool.hpp"
#include "fanout/report/summary.hpp"
#include "fanout/report/trust.hpp"
#include "fanout/ssh/fingerprint.hpp"
#include "fanout/ssh/visual_fingerprint.hpp"
#include "fanout/sys/io.hpp"
#include "fanout/sys/process.hpp"
#include "fanout/sys/wiped_memory.hpp"
#include "fanout/worker/job_card.hpp"
#include "run.hpp"
#include "surroundings.hpp"
#include "workers.hpp"

namespace fanout {

using core::ErrorKind;
using core::fail;
using core::Host;
using core::HostIndex;
using core::Outcome;
using core::Result;
using core::Status;

namespace {

constexpr const char *terminal = "/dev/tty";
// So many hosts have their keys shown as pictures without -v.
constexpr std::size_t hosts_with_pictures = 3;

// Found out before anybody is contacted, because afterwards it would be too late to say no.
Result<void> check_can_ask(const cli::Options &options) {
  if (options.assume_yes || console::can_ask(terminal)) return {};
  return fail(ErrorKind::usage, "there is no terminal to ask on; --yes records without asking");
}

// Who answers there without the jump host may be somebody else.
Result<void> refuse_jump_hosts(const std::vector<Host> &hosts) {
  for (const Host &host : hosts)
    if (host.settings.jump)
      return fail(
          ErrorKind::usage,
          fmt::format("{}: the inventory sets 'jump', which this version cannot do", host.name));
  return {};
}

Result<std::vector<Host>> select_without_passwords(const cli::Options &options, const User &user) {
  std::vector<Host> hosts;
  {
    const sys::WipeFreedMemory wipe;
    TRY_ASSIGN(hosts, select_hosts(options, user));
    for (Host &host : hosts) host.settings.password.reset();
  }
  sys::wipe_unused_stack();
  TRY(refuse_jump_hosts(hosts));
  return hosts;
}

class TrustRun {
public:
  TrustRun(const cli::Options &options, std::vector<Host> hosts, ssh::HostKeys host_keys,
           console::Lock &lock, console::Output &output, Signals &signals, pool::Pool &pool)
      : options_(options),
        hosts_(std::move(hosts)),
        host_keys_(std::move(host_keys)),
        lock_(lock),
        output_(output),
        proven_(hosts_.size()),
        outcomes_(hosts_.size(), not_started()),
        dispatch_({[this](HostIndex host) { return make_job(host); },
                   [this](const core::Event &event) { return observe(event); },
                   [this] { return running_text(); }, [] {}},
                  options.control, facts_of(hosts_), 0, {pool, output, signals}) {}

  int run();

private:
  static Outcome not_started() {
    Outcome outcome;
    outcome.status = Status::skipped;
    return outcome;
  }

  Result<pool::Job> make_job(HostIndex host);
  Result<void> observe(const core::Event &event);
  [[nodiscard]] std::string running_text() const;
  [[nodiscard]] std::string fold(const std::vector<HostIndex> &hosts) const;

  Result<void> judge();
  Result<void> judge(HostIndex host);
  Result<void> decide();
  Result<bool> ask(const std::string &unseen);
  void record();
  void close(HostIndex host, Status status, std::string cause);
  void leave_undecided(Status status, const std::string &cause);
  int finish();

  const cli::Options &options_;
  std::vector<Host> hosts_;
  ssh::HostKeys host_keys_;
  console::Lock &lock_;
  console::Output &output_;
  std::vector<std::vector<std::string>> proven_;  // key blobs, for each host
  std::vector<Outcome> outcomes_;
  std::set<HostIndex> running_;
  std::vector<HostIndex> undecided_;  // hosts whose keys are to be recorded or not
  std::vector<report::HostToTrust> listing_;
  std::vector<report::KeyNotRecorded> not_recorded_;
  std::size_t known_hosts_ = 0;
  report::TrustCounts recorded_;
  std::optional<int> interrupted_by_;
  Dispatch dispatch_;
};

int TrustRun::run() {
  dispatch_.run();
  interrupted_by_ = dispatch_.interrupted_by();
  auto done = judge();
  if (done) done = decide();
  if (!done) {
    say(output_, done.error().message);
    leave_undecided(Status::internal, done.error().message);
  }
  return finish();
}

Result<pool::Job> TrustRun::make_job(HostIndex index) {
  const Host &host = hosts_[index];
  worker::JobCard card;
  card.task = core::TaskKind::keyscan;
  card.host = host.name;
  card.address = host.address;
  card.port = host.port;
  card.family = family_of(options_);
  TRY_ASSIGN(card.host_key_algorithms, host_keys_.offered_algorithms(key_query(host)));
  card.connect_timeout = host.settings.connect_timeout.value_or(options_.task.connect_timeout);

  pool::Job job;
  job.host = index;
  job.kind = card.task;
  job.limits = {card.connect_timeout, {}, {}};
  job.card = worker::encode(card);
  return job;
}

Result<void> TrustRun::observe(const core::Event &event) {
  if (const auto *started = std::get_if<core::Started>(&event)) running_.insert(started->host);
  if (const auto *retrying = std::get_if<core::Retrying>(&event)) running_.erase(retrying->host);
  if (const auto *offered = std::get_if<core::HostKeyOffered>(&event))
    proven_[offered->host].push_back(offered->blob);
  if (const auto *noted = std::get_if<core::Noted>(&event); noted && options_.verbosity > 0)
    say(output_, fmt::format("{}: {}", hosts_[noted->host].name, noted->text));
  if (const auto *ended = std::get_if<core::Ended>(&event)) {
    running_.erase(ended->host);
    outcomes_[ended->host] = ended->outcome;
  }
  return {};
}

std::string TrustRun::fold(const std::vector<HostIndex> &hosts) const {
  std::vector<std::string> names;
  names.reserve(hosts.size());
  for (const HostIndex host : hosts) names.push_back(hosts_[host].name);
  return inventory::fold(names);
}

std::string TrustRun::running_text() const {
  return fmt::format("fanout: waiting for {}; nothing will be recorded\n",
                     fold({running_.begin(), running_.end()}));
}

void TrustRun::close(HostIndex host, Status status, std::string cause) {
  outcomes_[host].status = status;
  outcomes_[host].cause = std::move(cause);
}

void TrustRun::leave_undecided(Status status, const std::string &cause) {
  for (const HostIndex host : std::exchange(undecided_, {})) close(host, status, cause);
}

Result<void> TrustRun::judge() {
  for (HostIndex host = 0; host < hosts_.size(); ++host)
    if (core::succeeded(outcomes_[host])) TRY(judge(host));
  return {};
}

Result<void> TrustRun::judge(HostIndex index) {
  using Standing = ssh::ScannedKey::Standing;
  const Host &host = hosts_[index];
  TRY_ASSIGN(const std::vector<ssh::ScannedKey> keys,
             host_keys_.compare(key_query(host), proven_[index]));
  const auto first_of = [&keys](Standing standing) {
    return std::find_if(keys.begin(), keys.end(), [standing](const ssh::ScannedKey &key) {
      return key.standing == standing;
    });
  };
  if (const auto refused = first_of(Standing::refused); refused != keys.end()) {
    close(index, Status::host_key, refused->cause);
    for (auto other = refused + 1; options_.verbosity > 0 && other != keys.end(); ++other)
      if (other->standing == Standing::refused)
        say(output_, fmt::format("{}: {}", host.name, other->cause));
    return {};
  }
  report::HostToTrust entry;
  entry.host = host.name;
  entry.recorded_as = ssh::known_hosts_name(key_query(host));
  for (const ssh::ScannedKey &key : keys) {
    if (key.standing == Standing::known) continue;
    std::string type(ssh::describe_key_type(ssh::key_type(key.blob).value_or(std::string_view())));
    TRY_ASSIGN(std::string fingerprint, ssh::fingerprint(key.blob));
    if (key.standing == Standing::further) {
      not_recorded_.push_back({host.name, std::move(type), std::move(fingerprint)});
      continue;
    }
    TRY_ASSIGN(std::vector<std::string> picture, ssh::visual_fingerprint(key.blob));
    entry.keys.push_back({std::move(type), std::move(fingerprint), std::move(picture)});
  }
  if (entry.keys.empty()) {
    ++known_hosts_;
    return {};
  }
  undecided_.push_back(index);
  listing_.push_back(std::move(entry));
  return {};
}

Result<void> TrustRun::decide() {
  if (!not_recorded_.empty())
    TRY(output_.write(core::Stream::out, report::format_keys_not_recorded(not_recorded_)));
  if (undecided_.empty()) return {};
  if (interrupted_by_) {
    leave_undecided(Status::interrupted, "stopped before its keys were recorded");
    return {};
  }
  const bool pictures = options_.verbosity > 0 || listing_.size() <= hosts_with_pictures;
  // Keys that cannot be seen must not be recorded.
  const std::string keys = report::format_keys(listing_, pictures);
  TRY(output_.write(core::Stream::out, keys));
  // Nor those that only a file has got: whoever is asked sees them where he is asked.
  TRY_ASSIGN(const bool yes, ask(output_.is_terminal(core::Stream::out) ? std::string() : keys));
  if (yes)
    record();
  else if (interrupted_by_)
    leave_undecided(Status::interrupted, "stopped before its keys were recorded");
  else
    leave_undecided(Status::host_key, "its keys were not recorded");
  return {};
}

Result<bool> TrustRun::ask(const std::string &unseen) {
  if (options_.assume_yes) return true;
  report::TrustCounts counts{0, listing_.size()};
  for (const report::HostToTrust &host : listing_) counts.keys += host.keys.size();
  TRY_ASSIGN(
      const console::YesOrNo answer,
      console::ask_yes_no(lock_, terminal,
                          report::format_question(counts, host_keys_.new_keys_file()), unseen));
  if (const auto *interrupted = std::get_if<console::Interrupted>(&answer)) {
    interrupted_by_ = interrupted->signal;
    return false;
  }
  return std::get<bool>(answer);
}

void TrustRun::record() {
  for (const HostIndex host : std::exchange(undecided_, {})) {
    const auto written =
        host_keys_.remember_all(key_query(hosts_[host]), proven_[host],
                                core::Deadline::in(known_hosts_patience, sys::now()));
    if (!written) {
      close(host, core::status_of(written.error().kind), written.error().message);
      continue;
    }
    // None when somebody else has recorded them meanwhile, or under another name of ours for the same address.
    recorded_.keys += *written;
    if (*written > 0) ++recorded_.hosts;
  }
}

int TrustRun::finish() {
  for (Outcome &outcome : outcomes_)
    if (outcome.status == Status::skipped) outcome.cause = dispatch_.why_halted();
  report::Summary summary;
  summary.hosts = hosts_;
  summary.outcomes = outcomes_;
  summary.elapsed = dispatch_.elapsed();
  summary.sandbox_remark = sandbox_remark(options_.sandbox);
  const std::string text =
      report::format_trust_end(recorded_, known_hosts_, host_keys_.new_keys_file()) +
      report::format_summary(summary,
                             [this](const std::vector<HostIndex> &hosts) { return fold(hosts); });
  static_cast<void>(output_.write(core::Stream::err, text));

  core::RunEnd end;
  end.outcomes = std::move(outcomes_);
  end.local_failure = output_.failure(core::Stream::out).has_value();
  end.interrupted_by = interrupted_by_;
  return static_cast<int>(core::exit_code(end));
}

Result<int> prepare_and_run(const cli::Options &options, pool::Spawner &spawner,
                            console::Lock &lock, console::Output &output) {
  TRY(check_can_ask(options));
  const User user = current_user();
  TRY(check_known_hosts(options, user, NewKeys::to_be_kept));
  TRY_ASSIGN(std::vector<Host> hosts, select_without_passwords(options, user));
  TRY_ASSIGN(ssh::HostKeys host_keys, load_host_keys(options, user));
  // From here on signals are events.
  TRY_ASSIGN(Signals signals, Signals::open());
  const std::size_t parallel = make_room_for_workers(options, hosts.size(), output);
  TRY_ASSIGN(pool::Pool pool, make_pool(spawner, parallel, lock, output, signals));
  return TrustRun(options, std::move(hosts), std::move(host_keys), lock, output, signals, pool)
      .run();
}

}  // namespace

int run_trust(const cli::Options &options, pool::Spawner &spawner) {
  auto lock = console::Lock::create();
  if (!lock) return give_up(lock.error());
  console::Output output = console::Output::standard(*lock);
  if (const auto code = begin_workers(options, spawner, output, core::TaskKind::keyscan))
    return *code;
  const auto code = prepare_and_run(options, spawner, *lock, output);
  return code ? *code : report_error(output, code.error());
}

}  // namespace fanout
