#include "surroundings.hpp"

#include <pwd.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string_view>
#include <unordered_map>

#include <fmt/format.h>

#include "fanout/cli/parse.hpp"
#include "fanout/console/sanitize.hpp"
#include "fanout/core/exit_code.hpp"
#include "fanout/inventory/fold.hpp"
#include "fanout/inventory/shard.hpp"
#include "fanout/pool/capacity.hpp"
#include "fanout/sys/io.hpp"
#include "fanout/sys/limits.hpp"

namespace fanout {

using core::Error;
using core::ErrorKind;
using core::fail;
using core::Host;
using core::Result;

namespace {

std::vector<std::string> known_hosts_files(const cli::Options &options, const User &user) {
  return options.known_hosts.empty() ? ssh::default_known_hosts_files(user.home)
                                     : options.known_hosts;
}

bool is_null_device(const struct stat &facts) {
  return S_ISCHR(facts.st_mode) && facts.st_rdev == makedev(1, 3);
}

Result<void> check_named(const std::string &file, bool may_be_missing) {
  struct stat facts {};
  if (::stat(file.c_str(), &facts) != 0) {
    if (may_be_missing && errno == ENOENT) return {};
    return fail(core::system_error(ErrorKind::usage, "--known-hosts: " + file, errno));
  }
  if (!S_ISREG(facts.st_mode) && !is_null_device(facts))
    return fail(ErrorKind::usage, fmt::format("--known-hosts: {}: not a regular file", file));
  if (::access(file.c_str(), R_OK) != 0)
    return fail(core::system_error(ErrorKind::usage, "--known-hosts: " + file, errno));
  return {};
}

// Where a file of this name would be made. HostKeys makes ~/.ssh too.
std::string folder_to_write(const std::string &file, const std::string &home) {
  const std::size_t slash = file.rfind('/');
  if (slash == std::string::npos) return ".";
  std::string folder = file.substr(0, slash);
  if (!home.empty() && folder == home + "/.ssh" && ::access(folder.c_str(), F_OK) != 0 &&
      errno == ENOENT)
    return home;
  return folder.empty() ? "/" : folder;
}

// Which hosts --rerun means, and what is to be said of those that nobody knows the end of.
Result<std::vector<core::NamedHost>> rerun_hosts(const core::RerunOf &rerun,
                                                 SelectionRemarks &remarks) {
  TRY_ASSIGN(const report::ReadJournal journal, report::read_journal(rerun.journal));
  remarks.rerun_of = journal.run;
  remarks.rerun_place = journal.place;
  if (journal.torn_bytes > 0)
    remarks.notes.push_back(fmt::format("journal {}: the last {} bytes are not a whole line",
                                        rerun.journal, journal.torn_bytes));
  report::Picked picked = report::pick(journal, rerun.what);
  if (!picked.unknown.empty())
    remarks.notes.push_back(
        fmt::format("{}: started, and no end in the journal: {}", inventory::fold(picked.unknown),
                    rerun.what == core::Rerun::not_ok ? "may have run already" : "not run again"));
  remarks.rerun_hosts = picked.hosts;
  return std::move(picked.hosts);
}

// Somebody who runs a command again may have forgotten -u, and inventories change.
void note_changes(const std::vector<Host> &hosts, SelectionRemarks &remarks) {
  std::unordered_map<std::string_view, const core::NamedHost *> before;
  for (const core::NamedHost &host : remarks.rerun_hosts) before.emplace(host.name, &host);
  std::vector<std::string> changed;
  for (const Host &host : hosts) {
    const auto found = before.find(host.name);
    if (found == before.end()) continue;
    const core::NamedHost &then = *found->second;
    if (then.user != host.user || then.address != host.address || then.port != host.port)
      changed.push_back(host.name);
  }
  if (!changed.empty())
    remarks.notes.push_back(fmt::format("{}: another user, address or port than in the journal",
                                        inventory::fold(changed)));
}

Result<void> check_can_record(const std::string &file, const std::string &home) {
  const std::string operation = "record host keys in " + file;
  const auto cannot = [&operation](int error) {
    return fail(core::system_error(ErrorKind::usage, operation, error));
  };
  struct stat facts {};
  if (::stat(file.c_str(), &facts) == 0) {
    if (is_null_device(facts)) return fail(ErrorKind::usage, operation + ": it keeps nothing");
    if (::access(file.c_str(), W_OK) != 0) return cannot(errno);
    return {};
  }
  // What else keeps a file from being looked at keeps it from being read, and that is said by who reads it. Where a
  // link leads that has no file yet, open(2) alone knows.
  if (errno != ENOENT || ::lstat(file.c_str(), &facts) == 0) return {};
  if (::access(folder_to_write(file, home).c_str(), W_OK | X_OK) != 0) return cannot(errno);
  return {};
}

}  // namespace

std::string variable(const char *name) {
  const char *value = std::getenv(name);
  return value == nullptr ? "" : value;
}

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

inventory::SelectionSources sources_for(const User &user, SelectionRemarks &remarks) {
  inventory::SelectionSources sources;
  sources.current_user = user.name;
  sources.home = user.home;
  sources.rerun = [&remarks](const core::RerunOf &rerun) { return rerun_hosts(rerun, remarks); };
  sources.environment = [](const std::string &name) -> std::optional<std::string> {
    const char *value = std::getenv(name.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
  return sources;
}

Result<std::vector<Host>> select_hosts(const cli::Options &options, const User &user,
                                       SelectionRemarks &remarks) {
  core::Selection selection = options.selection;
  const auto sources = sources_for(user, remarks);
  if (selection.shard) {
    TRY_ASSIGN(selection.shard, inventory::resolve_shard(*selection.shard, sources.environment));
    remarks.share = fmt::format("{}/{}", selection.shard->index, selection.shard->count);
  }
  TRY_ASSIGN(const inventory::Inventory known, load_inventory(options, user));
  TRY_ASSIGN(std::vector<Host> hosts,
             inventory::select(known, selection, options.overrides, sources));
  note_changes(hosts, remarks);
  if (options.command_is_marked) return hosts;
  // Every name counts, selected or not: web2 at the place of COMMAND is what the local shell made of web[1-3].
  std::vector<std::string> names = known.host_names();
  for (const Host &host : hosts) names.push_back(host.name);
  TRY(cli::refuse_expanded_brackets(options, names));
  return hosts;
}

Result<void> check_known_hosts(const cli::Options &options, const User &user, NewKeys new_keys) {
  for (const std::string &file : options.known_hosts) {
    const bool is_first = file == options.known_hosts.front();
    TRY(check_named(file, is_first && new_keys != NewKeys::none));
  }
  if (new_keys != NewKeys::to_be_kept) return {};
  return check_can_record(known_hosts_files(options, user).front(), user.home);
}

Result<ssh::HostKeys> load_host_keys(const cli::Options &options, const User &user) {
  return ssh::HostKeys::load({known_hosts_files(options, user), user.home});
}

std::size_t make_room_for_workers(const cli::Options &options, std::size_t hosts,
                                  console::Output &output) {
  const auto wanted = static_cast<std::size_t>(options.parallel.value_or(0));
  const pool::Capacity capacity = pool::capacity(pool::measure_resources(), wanted, hosts);
  if (!capacity.note.empty()) say(output, capacity.note);
  sys::raise_open_file_limit(pool::files_besides + pool::files_per_worker * capacity.workers);
  return capacity.workers;
}

ssh::AddressFamily family_of(const cli::Options &options) {
  switch (options.family) {
    case cli::AddressFamily::any: return ssh::AddressFamily::any;
    case cli::AddressFamily::ipv4: return ssh::AddressFamily::ipv4;
    case cli::AddressFamily::ipv6: return ssh::AddressFamily::ipv6;
  }
  return ssh::AddressFamily::any;
}

void say(console::Output &output, const std::string &text) {
  // If stderr cannot be written there is nobody to tell.
  static_cast<void>(output.write(core::Stream::err, "fanout: " + console::safe_line(text) + "\n"));
}

int give_up(const core::Error &error) {
  static_cast<void>(sys::write_all(STDERR_FILENO, "fanout: " + error.message + "\n"));
  return static_cast<int>(core::ExitCode::internal);
}

int report_error(console::Output &output, const Error &error) {
  static_cast<void>(output.write(core::Stream::err, "fanout: " + error.message + "\n"));
  return static_cast<int>(error.kind == ErrorKind::usage ? core::ExitCode::usage
                                                         : core::ExitCode::internal);
}

}  // namespace fanout
