// One run, from the command line to the exit code. The order of the first steps matters: the key holder is forked before
// anything is read that it must not have, and everything that can be wrong is found out before the first host is
// contacted.

#include "run.hpp"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "fanout/cli/parse.hpp"
#include "fanout/console/lock.hpp"
#include "fanout/console/output.hpp"
#include "fanout/console/sanitize.hpp"
#include "fanout/core/exit_code.hpp"
#include "fanout/inventory/fold.hpp"
#include "fanout/inventory/inventory.hpp"
#include "fanout/inventory/listing.hpp"
#include "fanout/inventory/selection.hpp"
#include "fanout/keys/holder.hpp"
#include "fanout/plan/placeholders.hpp"
#include "fanout/plan/plan.hpp"
#include "fanout/pool/capacity.hpp"
#include "fanout/pool/pool.hpp"
#include "fanout/report/report.hpp"
#include "fanout/sandbox/limits.hpp"
#include "fanout/ssh/host_keys.hpp"
#include "fanout/ssh/session.hpp"
#include "fanout/sys/io.hpp"
#include "fanout/sys/limits.hpp"
#include "fanout/sys/signals.hpp"
#include "fanout/worker/worker.hpp"

namespace fanout {

namespace {

using core::Error;
using core::ErrorKind;
using core::fail;
using core::Host;
using core::HostIndex;
using core::Result;

// Writing known_hosts waits for other runs of ours at most so long; the worker's own deadline goes on meanwhile.
constexpr core::Milliseconds known_hosts_patience{5'000};

std::string variable(const char *name) {
  const char *value = std::getenv(name);
  return value == nullptr ? "" : value;
}

struct User {
  std::string name;
  std::string home;
};

User current_user() {
  User user{"", variable("HOME")};
  if (const passwd *entry = ::getpwuid(::geteuid())) {
    user.name = entry->pw_name;
    if (user.home.empty()) user.home = entry->pw_dir;
  }
  if (user.name.empty()) user.name = variable("USER");
  return user;
}

Result<inventory::Inventory> load_inventory(const cli::Options &options, const User &user) {
  inventory::Surroundings surroundings;
  if (const char *named = std::getenv("FANOUT_INVENTORY")) surroundings.inventory_variable = named;
  surroundings.home = user.home;
  surroundings.user_id = ::geteuid();
  return inventory::load_inventory(options.selection.inventory, surroundings);
}

inventory::SelectionSources sources_for(const User &user) { return {user.name, user.home, {}, {}}; }

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

// Before the first host is contacted, because it would be a mistake of the command line for some of them only.
Result<void> refuse_long_commands(const core::Task &task, const std::vector<Host> &hosts) {
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    const std::size_t size =
        plan::fill_placeholders(task.command, hosts[i], i, hosts.size()).size();
    if (size > core::max_command_bytes)
      return fail(
          ErrorKind::usage,
          fmt::format(
              "{}: COMMAND has {} bytes with its placeholders filled in, at most {} can be sent",
              hosts[i].name, size, core::max_command_bytes));
  }
  return {};
}

ssh::AddressFamily family_of(const cli::Options &options) {
  switch (options.family) {
    case cli::AddressFamily::any: return ssh::AddressFamily::any;
    case cli::AddressFamily::ipv4: return ssh::AddressFamily::ipv4;
    case cli::AddressFamily::ipv6: return ssh::AddressFamily::ipv6;
  }
  return ssh::AddressFamily::any;
}

report::ReportOptions report_options(const cli::Options &options) {
  report::ReportOptions chosen;
  switch (options.output) {
    case cli::OutputForm::block: chosen.form = report::OutputForm::block; break;
    case cli::OutputForm::line: chosen.form = report::OutputForm::line; break;
    case cli::OutputForm::none: chosen.form = report::OutputForm::none; break;
  }
  chosen.headers = options.headers;
  chosen.raw = options.raw;
  chosen.verbosity = options.verbosity;
  chosen.max_output_bytes = options.task.max_output_bytes;
  return chosen;
}

std::string fold_names(std::span<const std::string> names) { return inventory::fold(names); }

// ssh looks a host up by what it connects to, not by an alias for it; whoever has ever called ssh has it there.
ssh::HostKeyQuery key_query(const Host &host) { return {host.address, host.port}; }

// Files that were named must be there, unless new keys may be written: a slip in the name would make every host unknown.
Result<void> check_known_hosts(const cli::Options &options, const std::vector<Host> &hosts) {
  const bool may_create = std::any_of(hosts.begin(), hosts.end(), [](const Host &host) {
    return host.settings.host_key == core::HostKeyPolicy::accept_new;
  });
  for (const std::string &file : options.known_hosts) {
    if (may_create && file == options.known_hosts.front()) continue;
    if (::access(file.c_str(), R_OK) != 0)
      return fail(core::system_error(ErrorKind::usage, "--known-hosts: " + file, errno));
  }
  return {};
}

// What the key holder knows of each host: which of its keys to offer, and whether it has a password.
struct HostSecrets {
  std::vector<keys::IdentityId> identities;
  std::optional<keys::PasswordId> password;
};

// Everything that is ready before the first host is contacted.
struct Prepared {
  std::vector<Host> hosts;
  std::vector<HostSecrets> secrets;
  ssh::HostKeys host_keys;
  std::size_t parallel = 1;
};

class ExecRun {
public:
  ExecRun(const cli::Options &options, console::Lock &lock, console::Output &output,
          keys::KeyHolder &holder)
      : options_(options), lock_(lock), output_(output), holder_(holder) {}

  Result<int> run();

private:
  Result<Prepared> prepare();
  Result<std::vector<Host>> select_hosts(const User &user);
  Result<std::vector<HostSecrets>> load_secrets(std::vector<Host> &hosts, const std::string &home);
  void say(const std::string &text);

  const cli::Options &options_;
  console::Lock &lock_;
  console::Output &output_;
  keys::KeyHolder &holder_;
  std::optional<sys::SignalFd> signals_;
};

// The part of a run in which hosts are contacted.
class Dispatch {
public:
  Dispatch(const cli::Options &options, Prepared &prepared, keys::KeyHolder &holder,
           console::Output &output, sys::SignalFd &signals, pool::Pool pool)
      : options_(options),
        prepared_(prepared),
        holder_(holder),
        output_(output),
        signals_(signals),
        pool_(std::move(pool)),
        plan_(prepared.hosts.size()),
        report_(report_options(options), prepared.hosts, output, fold_names) {}

  int run();

private:
  void start(HostIndex host);
  Result<pool::Job> make_job(HostIndex host);
  void handle(const core::Event &event);
  void answer(const core::HostKeyOffered &offered);
  wire::VerdictMessage judge(HostIndex host, std::string_view blob);
  void heed_signals();
  void heed(int signal);
  void stop(std::string why);

  const cli::Options &options_;
  Prepared &prepared_;
  keys::KeyHolder &holder_;
  console::Output &output_;
  sys::SignalFd &signals_;
  pool::Pool pool_;
  plan::Plan plan_;
  report::Report report_;
  std::map<HostIndex, keys::SlotId> slots_;
  std::optional<int> interrupted_by_;
  // What signals have left of it: for every host, for those that run, for stopping those.
  enum class Patience { all, for_running, for_stopping };
  Patience patience_ = Patience::all;
  bool stopping_ = false;
  std::string why_halted_;
};

void ExecRun::say(const std::string &text) {
  // If stderr cannot be written there is nobody to tell.
  static_cast<void>(output_.write(core::Stream::err, "fanout: " + console::safe_line(text) + "\n"));
}

Result<std::vector<HostSecrets>> ExecRun::load_secrets(std::vector<Host> &hosts,
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
    for (const std::string &note : loaded.notes) say(note);
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

Result<std::vector<Host>> ExecRun::select_hosts(const User &user) {
  TRY_ASSIGN(const inventory::Inventory known, load_inventory(options_, user));
  const auto sources = sources_for(user);
  TRY_ASSIGN(std::vector<Host> hosts,
             inventory::select(known, options_.selection, options_.overrides, sources));
  if (options_.command_is_marked) return hosts;
  // Every name counts, selected or not: web2 at the place of COMMAND is what the local shell made of web[1-3].
  std::vector<std::string> names = known.host_names();
  for (const Host &host : hosts) names.push_back(host.name);
  TRY(cli::refuse_expanded_brackets(options_, names));
  return hosts;
}

Result<Prepared> ExecRun::prepare() {
  const User user = current_user();
  TRY_ASSIGN(std::vector<Host> hosts, select_hosts(user));
  TRY(refuse_unsupported(hosts));
  TRY(refuse_long_commands(options_.task, hosts));
  TRY(check_known_hosts(options_, hosts));

  // From here on signals are events.
  TRY_ASSIGN(signals_, sys::SignalFd::open({SIGINT, SIGTERM, SIGHUP}));
  TRY_ASSIGN(std::vector<HostSecrets> secrets, load_secrets(hosts, user.home));

  auto files = options_.known_hosts;
  if (files.empty()) files = ssh::default_known_hosts_files(user.home);
  TRY_ASSIGN(ssh::HostKeys host_keys, ssh::HostKeys::load({std::move(files), user.home}));
  TRY(ssh::start_library());

  const auto wanted = static_cast<std::size_t>(options_.parallel.value_or(0));
  const pool::Capacity capacity = pool::capacity(pool::measure_resources(), wanted, hosts.size());
  if (!capacity.note.empty()) say(capacity.note);
  sys::raise_open_file_limit(pool::files_besides + pool::files_per_worker * capacity.workers);
  return Prepared{std::move(hosts), std::move(secrets), std::move(host_keys), capacity.workers};
}

Result<int> ExecRun::run() {
  auto prepared = prepare();
  if (!prepared) {
    if (const auto signal = holder_.interrupted_by()) return 128 + *signal;
    return fail(std::move(prepared).error());
  }
  // Workers must not have the page of the lock: see console/lock.hpp.
  TRY(lock_.hide_from_children());
  TRY_ASSIGN(pool::Pool pool, pool::Pool::create(prepared->parallel));
  TRY(pool.wake_on(signals_->fd()));
  output_.give_up_on(signals_->fd());
  return Dispatch(options_, *prepared, holder_, output_, *signals_, std::move(pool)).run();
}

int Dispatch::run() {
  const core::TimePoint begin = sys::now();
  while (!plan_.finished()) {
    // Signals first, also between two starts: after Ctrl-C no further host may be started.
    for (heed_signals(); pool_.has_room(); heed_signals())
      if (const auto host = plan_.next())
        start(*host);
      else
        break;
    // Hosts that could not even be started have ended already.
    if (plan_.finished()) break;
    for (const core::Event &event : pool_.wait({})) handle(event);
  }
  const auto elapsed = std::chrono::duration_cast<core::Milliseconds>(sys::now() - begin);
  static_cast<void>(report_.finish(elapsed, why_halted_));
  core::RunEnd end;
  end.outcomes = report_.outcomes();
  end.local_failure = report_.local_failure().has_value();
  end.interrupted_by = interrupted_by_;
  switch (options_.exit_rule) {
    case cli::ExitRule::by_class: return static_cast<int>(core::exit_code(end));
    case cli::ExitRule::largest_status: return core::exit_code_max(end);
  }
  return static_cast<int>(core::ExitCode::internal);
}

void Dispatch::start(HostIndex host) {
  auto job = make_job(host);
  if (job) return pool_.start(std::move(*job));
  core::Outcome outcome;
  outcome.cause = job.error().message;
  handle(core::Started{host});
  handle(core::Ended{host, std::move(outcome)});
}

Result<pool::Job> Dispatch::make_job(HostIndex index) {
  const Host &host = prepared_.hosts[index];
  const HostSecrets &secrets = prepared_.secrets[index];
  TRY_ASSIGN(std::string algorithms, prepared_.host_keys.offered_algorithms(key_query(host)));
  TRY_ASSIGN(keys::OpenedSlot slot,
             holder_.open_slot({host.name, host.user, secrets.identities, secrets.password}));
  slots_.emplace(index, slot.id);

  worker::JobCard card;
  card.host = host.name;
  card.address = host.address;
  card.port = host.port;
  card.user = host.user;
  card.family = family_of(options_);
  card.host_key_algorithms = std::move(algorithms);
  card.has_password = secrets.password.has_value() || options_.ask_pass;
  card.command =
      plan::fill_placeholders(options_.task.command, host, index, prepared_.hosts.size());
  card.connect_timeout = host.settings.connect_timeout.value_or(options_.task.connect_timeout);
  card.timeout = host.settings.timeout.value_or(options_.task.timeout);
  card.stop_grace = options_.task.stop_grace;

  pool::Job job;
  job.host = index;
  job.limits = {card.connect_timeout, card.timeout, card.stop_grace};
  job.handed_down = std::move(slot.worker_end);
  job.program = [card = std::move(card)](sys::UniqueFd up, sys::UniqueFd down,
                                         sys::UniqueFd key_slot) {
    return worker::run(card, {std::move(up), std::move(down), std::move(key_slot)});
  };
  return job;
}

void Dispatch::handle(const core::Event &event) {
  plan_.observe(event);
  if (const auto *offered = std::get_if<core::HostKeyOffered>(&event)) answer(*offered);
  if (const auto *ended = std::get_if<core::Ended>(&event))
    if (const auto slot = slots_.extract(ended->host)) holder_.close_slot(slot.mapped());
  if (auto shown = report_.observe(event); !shown) {
    static_cast<void>(output_.write(core::Stream::err, "fanout: " + shown.error().message + "\n"));
    stop(shown.error().message);
  }
}

void Dispatch::answer(const core::HostKeyOffered &offered) {
  const wire::VerdictMessage verdict = judge(offered.host, offered.blob);
  const auto slot = slots_.find(offered.host);
  // Before the worker hears of it: the holder must know when the worker asks.
  if (verdict.accepted && slot != slots_.end())
    static_cast<void>(holder_.release_password(slot->second));
  pool_.send(offered.host, verdict);
}

wire::VerdictMessage Dispatch::judge(HostIndex index, std::string_view blob) {
  const Host &host = prepared_.hosts[index];
  const auto policy = host.settings.host_key.value_or(core::HostKeyPolicy::strict);
  const ssh::Verdict verdict = prepared_.host_keys.check(key_query(host), policy, blob);
  switch (verdict.decision) {
    case ssh::Verdict::Decision::accepted: return {true, {}, ""};
    case ssh::Verdict::Decision::refused:
      return {false, core::status_of(verdict.error().kind), verdict.error().message};
    case ssh::Verdict::Decision::accepted_new: break;
  }
  const auto remembered = prepared_.host_keys.remember(
      key_query(host), blob, core::Deadline::in(known_hosts_patience, sys::now()));
  if (!remembered)
    return {false, core::status_of(remembered.error().kind), remembered.error().message};
  return {true, {}, ""};
}

void Dispatch::stop(std::string why) {
  if (why_halted_.empty()) why_halted_ = std::move(why);
  plan_.halt();
  if (std::exchange(stopping_, true)) return;
  pool_.stop_all(core::Status::interrupted);
}

void Dispatch::heed_signals() {
  while (const auto signal = signals_.next()) heed(*signal);
}

void Dispatch::heed(int signal) {
  if (!interrupted_by_) interrupted_by_ = signal;
  const std::string why = "stopped by SIG" + sys::signal_name(signal);
  const Patience before = patience_;
  patience_ =
      signal == SIGINT && before == Patience::all ? Patience::for_running : Patience::for_stopping;
  if (patience_ == Patience::for_running) {
    if (why_halted_.empty()) why_halted_ = why;
    plan_.halt();
    pool_.drop_pending();
    static_cast<void>(output_.write(core::Stream::err, report_.running_text()));
  } else if (before != Patience::for_stopping) {
    stop(why);
  } else {
    // Once more after the remote commands have been told to end: nobody waits for them any longer.
    pool_.kill_all(core::Status::interrupted);
  }
}

std::string format_hosts(const std::vector<Host> &hosts, cli::ListingForm form) {
  switch (form) {
    case cli::ListingForm::fold: return inventory::format_fold(hosts);
    case cli::ListingForm::expand: return inventory::format_expand(hosts);
    case cli::ListingForm::json:
    case cli::ListingForm::effective: break;
  }
  return inventory::format_json(hosts);
}

// An error before any host was contacted, in the form of all our messages.
int report_error(console::Output &output, const Error &error) {
  static_cast<void>(output.write(core::Stream::err, "fanout: " + error.message + "\n"));
  return static_cast<int>(error.kind == ErrorKind::usage ? core::ExitCode::usage
                                                         : core::ExitCode::internal);
}

}  // namespace

int run_exec(const cli::Options &options) {
  auto lock = console::Lock::create();
  if (!lock) return static_cast<int>(core::ExitCode::internal);
  console::Output output = console::Output::standard(*lock);
  if (auto hidden = sandbox::hide_memory(); !hidden) return report_error(output, hidden.error());

  keys::HolderOptions holder_options;
  if (options.use_agent) holder_options.agent_socket = variable("SSH_AUTH_SOCK");
  holder_options.console_lock = &*lock;
  auto holder = keys::KeyHolder::start(holder_options);
  if (!holder) return report_error(output, holder.error());

  const auto code = ExecRun(options, *lock, output, *holder).run();
  return code ? *code : report_error(output, code.error());
}

int run_hosts(const cli::Options &options) {
  auto lock = console::Lock::create();
  if (!lock) return static_cast<int>(core::ExitCode::internal);
  console::Output output = console::Output::standard(*lock);
  const auto list = [&]() -> Result<std::string> {
    const User user = current_user();
    TRY_ASSIGN(const inventory::Inventory known, load_inventory(options, user));
    const auto sources = sources_for(user);
    TRY_ASSIGN(const auto choices,
               inventory::choose(known, options.selection, options.overrides, sources));
    if (options.listing == cli::ListingForm::effective)
      return inventory::format_effective(
          inventory::explain(known, choices, options.overrides, sources));
    return format_hosts(inventory::resolve(known, choices, options.overrides, sources),
                        options.listing);
  };
  const auto text = list();
  if (!text) return report_error(output, text.error());
  // Values of settings are as the inventory has them.
  const std::string shown =
      output.is_terminal(core::Stream::out) ? console::safe_text(*text) : *text;
  if (auto written = output.write(core::Stream::out, shown); !written)
    return report_error(output, written.error());
  return 0;
}

}  // namespace fanout
