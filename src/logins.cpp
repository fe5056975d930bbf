// The order of the first steps matters: the spawner was forked before anything was read, the key holder before anything that
// it must not have, and everything that can be wrong is found out before the first host is contacted.

#include "logins.hpp"

#include <algorithm>
#include <limits>
#include <random>
#include <utility>

#include <fmt/format.h>

#include "dry_run.hpp"
#include "fanout/console/lock.hpp"
#include "fanout/core/exit_code.hpp"
#include "fanout/inventory/fold.hpp"
#include "fanout/ssh/fingerprint.hpp"
#include "fanout/sys/io.hpp"
#include "fanout/sys/wiped_memory.hpp"
#include "report_options.hpp"
#include "surroundings.hpp"
#include "workers.hpp"

namespace fanout {

using core::ErrorKind;
using core::fail;
using core::Host;
using core::HostIndex;
using core::Result;

namespace {

// A setting that is understood but cannot be obeyed yet must not be passed over: the host would be reached in another
// way, as another user, or run the command in another environment than its owner wrote down.
Result<void> refuse_unsupported(const std::vector<Host> &hosts) {
  for (const Host &host : hosts) {
    const core::HostSettings &s = host.settings;
    const char *key = s.jump                    ? "jump"
                      : s.sudo                  ? "sudo"
                      : s.sudo_password_command ? "sudo_password_command"
                      : s.password_command      ? "password_command"
                      : !s.env.empty()          ? "env.NAME"
                                                : nullptr;
    if (key != nullptr)
      return fail(
          ErrorKind::usage,
          fmt::format("{}: the inventory sets '{}', which this version cannot do", host.name, key));
  }
  return {};
}

// Whoever answers at an address that was never seen before would be told the password.
Result<void> refuse_passwords_for_strangers(const cli::Options &options,
                                            const std::vector<Host> &hosts) {
  if (options.accept_new_with_password) return {};
  std::vector<std::string> names;
  for (const Host &host : hosts)
    if ((options.ask_pass || host.settings.password) &&
        host.settings.host_key.value_or(core::HostKeyPolicy::strict) != core::HostKeyPolicy::strict)
      names.push_back(host.name);
  if (names.empty()) return {};
  return fail(
      ErrorKind::usage,
      fmt::format("{}: a password, and host_key is not strict: whoever answers there could be "
                  "given it; record the host keys first (fanout trust), or say "
                  "--accept-new-with-password",
                  fold_names(names)));
}

NewKeys new_keys_of(const std::vector<Host> &hosts) {
  const bool may_come = std::any_of(hosts.begin(), hosts.end(), [](const Host &host) {
    return host.settings.host_key == core::HostKeyPolicy::accept_new;
  });
  return may_come ? NewKeys::may_come : NewKeys::none;
}

// The record of a host whose worker cannot be believed.
core::Ended condemn(core::Ended ended, const std::string &why) {
  ended.outcome.status = core::Status::internal;
  ended.outcome.exit_status.reset();
  ended.outcome.signal.clear();
  ended.outcome.cause = why;
  if (ended.outcome.remote_end != core::RemoteEnd::none)
    ended.outcome.remote_end = core::RemoteEnd::unknown;
  return ended;
}

std::uint64_t draw_seed() {
  std::random_device device;
  return std::uint64_t{device()} << 32 | device();
}

// Between the reading of a journal and its lock another run may have started the same hosts.
Result<void> check_unchanged(const report::Journal &journal, const SelectionRemarks &remarks) {
  const report::JournalPlace &read = remarks.rerun_place;
  if (!journal.place().same_file(read) || journal.place().whole_bytes == read.whole_bytes)
    return {};
  return fail(ErrorKind::usage,
              "--journal: another run was written to the journal of --rerun meanwhile");
}

class Preparation {
public:
  Preparation(const cli::Options &options, console::Output &output, keys::KeyHolder &holder,
              std::optional<Signals> &signals, const LoginCommand &command)
      : options_(options), output_(output), holder_(holder), signals_(signals), command_(command) {}

  // Nothing when nobody is to be contacted.
  Result<std::optional<Prepared>> run();

private:
  Result<std::vector<HostSecrets>> load_secrets(std::vector<Host> &hosts, const std::string &home);

  const cli::Options &options_;
  console::Output &output_;
  keys::KeyHolder &holder_;
  std::optional<Signals> &signals_;
  const LoginCommand &command_;
};

Result<std::vector<HostSecrets>> Preparation::load_secrets(std::vector<Host> &hosts,
                                                           const std::string &home) {
  // Each file is read, and each passphrase asked for, once, however many hosts name it.
  std::vector<keys::IdentityRequest> requests;
  std::map<std::string, std::size_t> places;
  bool defaults_wanted = false;
  for (const Host &host : hosts) {
    defaults_wanted = defaults_wanted || host.settings.identities.empty();
    for (const std::string &path : host.settings.identities)
      if (places.emplace(path, requests.size()).second) requests.push_back({path, true});
  }
  if (defaults_wanted)
    for (keys::IdentityRequest &request : keys::default_identities(home))
      requests.push_back(std::move(request));
  TRY_ASSIGN(const keys::LoadReport loaded, holder_.load(requests));
  if (options_.verbosity > 0)
    for (const std::string &note : loaded.notes) say(output_, note);
  if (options_.ask_pass) TRY(holder_.ask_password("Password: "));

  std::vector<HostSecrets> secrets(hosts.size());
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    for (const std::string &path : hosts[i].settings.identities)
      secrets[i].identities.push_back(loaded.identities[places.at(path)].id);
    if (!hosts[i].settings.password) continue;
    // The command line is stronger than the inventory: one that was asked for is for every host.
    if (options_.ask_pass) {
      hosts[i].settings.password.reset();
      continue;
    }
    TRY_ASSIGN(secrets[i].password, holder_.store_password(std::move(*hosts[i].settings.password)));
    hosts[i].settings.password.reset();
  }
  return secrets;
}

Result<std::optional<Prepared>> Preparation::run() {
  const User user = current_user();
  std::vector<Host> hosts;
  std::vector<HostSecrets> secrets;
  std::optional<report::Journal> journal;
  std::optional<report::Reference> reference;
  std::optional<report::OutputFolder> folder;
  SelectionRemarks remarks;
  {
    // The passwords of hosts.ini pass through here on their way to the key holder, and nothing of them may stay.
    const sys::WipeFreedMemory wipe;
    auto selected = select_hosts(options_, user, remarks);
    for (const std::string &note : remarks.notes) say(output_, note);
    TRY_ASSIGN(hosts, std::move(selected));
    if (hosts.empty()) {
      say(output_, fmt::format("shard {} has no hosts", remarks.share));
      return std::nullopt;
    }
    TRY(refuse_unsupported(hosts));
    TRY(command_.check(hosts));
    TRY(refuse_passwords_for_strangers(options_, hosts));
    TRY(check_known_hosts(options_, user, new_keys_of(hosts)));
    TRY_ASSIGN(reference, load_reference(options_, hosts));
    if (options_.dry_run) {
      TRY(print_plan(options_, hosts, output_));
      return std::nullopt;
    }

    // From here on signals are events.
    TRY_ASSIGN(signals_, Signals::open());
    if (options_.journal) {
      TRY_ASSIGN(journal, report::Journal::open(*options_.journal));
      TRY(check_unchanged(*journal, remarks));
    }
    TRY_ASSIGN(auto opened, open_output_folder(options_, hosts));
    if (opened) folder.emplace(*std::move(opened));
    if (command_.prepare) TRY(command_.prepare(signals_->ending));
    TRY_ASSIGN(secrets, load_secrets(hosts, user.home));
  }
  sys::wipe_unused_stack();
  TRY_ASSIGN(ssh::HostKeys host_keys, load_host_keys(options_, user));
  const std::size_t parallel = make_room_for_workers(options_, hosts.size(), output_);
  return Prepared{std::move(hosts),
                  std::move(secrets),
                  std::move(host_keys),
                  parallel,
                  options_.control.seed.value_or(draw_seed()),
                  std::move(journal),
                  std::move(remarks.rerun_of),
                  std::move(reference),
                  std::move(folder)};
}

Result<int> prepare_and_run(const cli::Options &options, pool::Spawner &spawner,
                            const LoginCommand &command, console::Lock &lock,
                            console::Output &output, keys::KeyHolder &holder) {
  std::optional<Signals> signals;
  auto prepared = Preparation(options, output, holder, signals, command).run();
  if (!prepared) {
    if (const auto signal = holder.interrupted_by()) return 128 + *signal;
    if (prepared.error().kind == ErrorKind::interrupted && signals)
      if (const auto signal = signals->ending.next()) return 128 + *signal;
    return fail(std::move(prepared).error());
  }
  if (!*prepared) return static_cast<int>(core::ExitCode::success);
  TRY_ASSIGN(pool::Pool pool, make_pool(spawner, (*prepared)->parallel, lock, output, *signals));
  std::optional<report::Journal> &journal = (*prepared)->journal;
  const int code = command.run({**prepared, holder, output, *signals, pool});
  // What was told once is enough.
  if (!journal || !journal->has_begun() || journal->has_failed()) return code;
  const auto finished = journal->finished(code);
  if (finished) return code;
  say(output, finished.error().message);
  return code > 128 ? code : static_cast<int>(core::ExitCode::internal);
}

}  // namespace

int run_with_logins(const cli::Options &options, pool::Spawner &spawner,
                    const LoginCommand &command) {
  auto lock = console::Lock::create();
  if (!lock) return give_up(lock.error());
  console::Output output = console::Output::standard(*lock);
  // It builds the sandbox and warms up while we read.
  if (const auto code = begin_workers(options, spawner, output, command.task, command.compares))
    return *code;

  keys::HolderOptions holder_options;
  if (options.use_agent) holder_options.agent_socket = variable("SSH_AUTH_SOCK");
  holder_options.console_lock = &*lock;
  holder_options.sandbox = options.sandbox;
  auto holder = keys::KeyHolder::start(holder_options);
  if (!holder) return report_error(output, holder.error());

  const auto code = prepare_and_run(options, spawner, command, *lock, output, *holder);
  return code ? *code : report_error(output, code.error());
}

std::string fold_names(std::span<const std::string> names) { return inventory::fold(names); }

// The hosts of a password are told apart by its number at the key holder; one that was asked for is for every host.
Dispatch Contact::dispatch(const cli::Options &options, Dispatch::Task task) const {
  std::vector<plan::HostFacts> facts = facts_of(prepared.hosts);
  for (std::size_t i = 0; i < facts.size(); ++i)
    facts[i].password =
        options.ask_pass ? std::optional<keys::PasswordId>(0) : prepared.secrets[i].password;
  return Dispatch(std::move(task), options.control, facts, prepared.seed,
                  {pool, output, signals, prepared.journal ? &*prepared.journal : nullptr});
}

int exit_code_of(const cli::Options &options, const Shown &shown, const Dispatch &dispatch) {
  core::RunEnd end;
  end.outcomes = shown.outcomes;
  end.local_failure = shown.local_failure || dispatch.failed_here();
  end.outputs_differ = shown.outputs_differ;
  end.interrupted_by = dispatch.interrupted_by();
  end.stopped_early = dispatch.stopped_early();
  end.ok_if = options.control.ok_if;
  switch (options.exit_rule) {
    case cli::ExitRule::by_class: return static_cast<int>(core::exit_code(end));
    case cli::ExitRule::largest_status: return core::exit_code_max(end);
  }
  return static_cast<int>(core::ExitCode::internal);
}

Result<Logins::Opened> Logins::open(HostIndex index) {
  const Host &host = prepared_.hosts[index];
  const HostSecrets &secrets = prepared_.secrets[index];
  TRY_ASSIGN(std::string algorithms, prepared_.host_keys.offered_algorithms(key_query(host)));
  TRY_ASSIGN(keys::OpenedSlot slot,
             holder_.open_slot({host.name, host.user, secrets.identities, secrets.password}));
  slots_.emplace(index, slot.id);
  hosts_of_slots_.emplace(slot.id, index);
  if (!notices_from_) {
    notices_from_ = holder_.notice_fd();
    TRY(pool_.wake_on(*notices_from_));
  }

  Opened opened;
  worker::JobCard &card = opened.card;
  card.host = host.name;
  card.address = host.address;
  card.port = host.port;
  card.user = host.user;
  card.family = family_of(options_);
  card.host_key_algorithms = std::move(algorithms);
  card.has_password = secrets.password.has_value() || options_.ask_pass;
  card.connect_timeout = host.settings.connect_timeout.value_or(options_.task.connect_timeout);
  card.timeout = host.settings.timeout.value_or(options_.task.timeout);
  card.stop_grace = options_.task.stop_grace;
  opened.slot = std::move(slot.worker_end);
  return opened;
}

core::Ended Logins::close(core::Ended ended) {
  const auto slot = slots_.extract(ended.host);
  if (!slot) return ended;
  hosts_of_slots_.erase(slot.mapped());
  holder_.close_slot(slot.mapped());
  if (const auto why = condemned_.find(ended.host); why != condemned_.end())
    return condemn(std::move(ended), why->second);
  return ended;
}

void Logins::answer(const core::HostKeyOffered &offered) {
  const wire::VerdictMessage verdict = judge(offered.host, offered.blob);
  const auto slot = slots_.find(offered.host);
  // Before the worker hears of it: the holder must know when the worker asks.
  if (verdict.accepted && slot != slots_.end())
    static_cast<void>(holder_.accept_host_key(slot->second, offered.blob));
  pool_.send(offered.host, verdict);
}

wire::VerdictMessage Logins::judge(HostIndex index, std::string_view blob) {
  const Host &host = prepared_.hosts[index];
  const auto policy = host.settings.host_key.value_or(core::HostKeyPolicy::strict);
  const ssh::Verdict verdict = prepared_.host_keys.check(key_query(host), policy, blob);
  switch (verdict.decision) {
    case ssh::Verdict::Decision::accepted: return {true, {}, ""};
    case ssh::Verdict::Decision::refused:
      // With -v, for whoever has verified it.
      if (!verdict.line.empty()) note_(index, "its known_hosts line would be: " + verdict.line);
      return {false, core::status_of(verdict.error().kind), verdict.error().message};
    case ssh::Verdict::Decision::accepted_new: break;
  }
  const auto remembered = prepared_.host_keys.remember(
      key_query(host), blob, core::Deadline::in(known_hosts_patience, sys::now()));
  if (!remembered)
    return {false, core::status_of(remembered.error().kind), remembered.error().message};
  note_(index, "new host key recorded: " + ssh::describe_key(blob).value_or("unknown"));
  return {true, {}, ""};
}

// What the key holder refuses with a notice, only a worker asks that does the will of its server. The notice is here
// before whatever that worker says afterwards, but its end may be in the same batch of events.
void Logins::heed_key_holder() {
  for (const keys::Notice &notice : holder_.take_notices()) {
    const auto host = hosts_of_slots_.find(notice.slot);
    if (host == hosts_of_slots_.end()) continue;
    const auto &why =
        condemned_.emplace(host->second, "key holder: its worker " + notice.text).first->second;
    pool_.condemn(host->second, why);
  }
  // A holder that has ended would wake us for ever.
  if (notices_from_ && *notices_from_ >= 0 && holder_.notice_fd() < 0)
    pool_.stop_waking_on(std::exchange(*notices_from_, -1));
}

}  // namespace fanout
