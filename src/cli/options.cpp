// Every option of every command, one row each: name, value, help, and what it does. A new option is a new row, a member
// in options.hpp if no noun of core has a place for it, and a test in test_options.cpp.
#include "fanout/cli/options.hpp"

#include <algorithm>
#include <type_traits>
#include <utility>

#include "fanout/core/duration.hpp"
#include "fanout/core/names.hpp"
#include "option_table.hpp"
#include "values.hpp"

namespace fanout::cli {

namespace {

using core::ErrorKind;
using core::fail;
using core::HostKeyPolicy;
using core::Result;
using std::string;
using std::string_view;

constexpr std::uint64_t most_workers = 100'000;
constexpr std::uint32_t most_starts_per_second = 100'000;
constexpr std::uint32_t most_retries = 100;

template <class To, class T>
Result<void> set(To &target, Given given, Result<T> value) {
  if (!value) return fail(std::move(value).error().within(given.name));
  target = std::move(*value);
  return {};
}

template <class To, class T>
Result<void> set(To &target, T value) {
  target = std::move(value);
  return {};
}

Result<void> add(std::vector<string> &list, string_view value) {
  list.emplace_back(value);
  return {};
}

// For a value that several options set: all that are given must agree. `by` is the name of the first that was.
template <class T>
Result<void> choose(T &target, string &by, Given given, std::type_identity_t<Result<T>> value) {
  if (!value) return fail(std::move(value).error().within(given.name));
  if (!by.empty() && target != *value)
    return fail(ErrorKind::usage, fmt::format("{} and {} contradict each other", by, given.name));
  target = *value;
  by = given.name;
  return {};
}

Result<void> set_order(core::RunControl &control, Given given) {
  auto choice = parse_order(given.value);
  if (!choice) return fail(std::move(choice).error().within(given.name));
  control.order = choice->order;
  control.seed = choice->seed;
  return {};
}

// A number of workers, or empty for "auto".
Result<std::optional<int>> parse_parallel(string_view text) {
  if (text == "auto") return std::nullopt;
  auto number = parse_number<int>(text, 1, most_workers);
  if (!number) return fail(ErrorKind::usage, number.error().message + ", nor auto");
  return *number;
}

Result<string> parse_user(string_view text) {
  if (const auto wrong = core::wrong_with_user(text))
    return fail(ErrorKind::usage, fmt::format("{} is not a user name: {}", quoted(text), *wrong));
  return string(text);
}

Result<std::uint16_t> parse_port(string_view text) {
  const auto port = core::parse_port(text);
  if (!port)
    return fail(ErrorKind::usage,
                fmt::format("{} is not a port: a number from 1 to 65535 is", quoted(text)));
  return *port;
}

Result<HostKeyPolicy> parse_host_key(string_view text) {
  return parse_word<HostKeyPolicy>(text, {{"strict", HostKeyPolicy::strict},
                                          {"accept-new", HostKeyPolicy::accept_new},
                                          {"off", HostKeyPolicy::off}});
}

Result<sandbox::Mode> parse_sandbox(string_view text) {
  return parse_word<sandbox::Mode>(text, {{"auto", sandbox::Mode::automatic},
                                          {"require", sandbox::Mode::require},
                                          {"off", sandbox::Mode::off}});
}

Result<OutputForm> parse_output(string_view text) {
  return parse_word<OutputForm>(text, {{"block", OutputForm::block},
                                       {"line", OutputForm::line},
                                       {"merge", OutputForm::merge},
                                       {"diff", OutputForm::diff},
                                       {"json", OutputForm::json},
                                       {"none", OutputForm::none}});
}

Result<core::TransferMethod> parse_method(string_view text) {
  return parse_word<core::TransferMethod>(text, {{"auto", core::TransferMethod::automatic},
                                                 {"sftp", core::TransferMethod::sftp},
                                                 {"scp", core::TransferMethod::scp}});
}

Result<When> parse_when(string_view text) {
  return parse_word<When>(
      text, {{"auto", When::automatic}, {"always", When::always}, {"never", When::never}});
}

// Two forms can be had together: every line while it comes, and merged at the end.
Result<void> choose_output(Draft &draft, Given given, Result<OutputForm> form) {
  const bool both = form && !draft.output_by.empty() &&
                    ((draft.output == OutputForm::line && *form == OutputForm::merge) ||
                     (draft.output == OutputForm::merge && *form == OutputForm::line));
  if (both) {
    draft.output = OutputForm::line;
    draft.merges_too = true;
    return {};
  }
  if (draft.merges_too && form && *form == OutputForm::merge) return {};
  draft.output_is_chosen = true;
  return choose(draft.output, draft.output_by, given, std::move(form));
}

constexpr auto once = Times::once;
constexpr auto any = Times::any;
constexpr auto exec = TakenBy::exec;
constexpr auto put = TakenBy::put;
constexpr auto get = TakenBy::get;
constexpr auto hosts = TakenBy::hosts;
constexpr auto trust = TakenBy::trust;
constexpr auto report = TakenBy::report;
constexpr auto transfer = put | get;
constexpr auto logs_in = exec | transfer;
constexpr auto contact = logs_in | trust;
constexpr auto every = contact | hosts;
constexpr auto shows = logs_in | report;

// clang-format off
const OptionRow table[] = {
  // --- which hosts ---------------------------------------------------------------------------------------------------
  {Heading::selection, every, any, "group,g", "", "LIST", "groups of the inventory",
   [](Draft &d, Given g) { return add(d.selection.groups, g.value); }},
  {Heading::selection, every, any, "host,H", "", "LIST", "host patterns: 'web[01-20]', user@host:port",
   [](Draft &d, Given g) { return add(d.selection.hosts, g.value); }},
  {Heading::selection, every, once, "all,a", "", "", "every host of the inventory",
   [](Draft &d, Given) { return set(d.selection.all, true); }},
  {Heading::selection, every, any, "exclude,x", "", "LIST", "take these out again (patterns, @group)",
   [](Draft &d, Given g) { return add(d.selection.excluded, g.value); }},
  {Heading::selection, every, once, "inventory,i", "", "FILE", "the inventory (default: see fanout(1))",
   [](Draft &d, Given g) { return set(d.selection.inventory, g.value); }},
  {Heading::selection, every, any, "hosts-file", "", "FILE", "hosts or patterns, one a line; - is stdin",
   [](Draft &d, Given g) { return add(d.selection.hosts_files, g.value); }},
  {Heading::selection, every, once, "pick", "", "N", "a random sample of N hosts",
   [](Draft &d, Given g) { return set(d.selection.pick, g, parse_number<std::uint32_t>(g.value, 1, most_hosts)); }},
  {Heading::selection, every, once, "expect-hosts", "", "N", "refuse a selection of another size",
   [](Draft &d, Given g) { return set(d.selection.expected_hosts, g, parse_number<std::uint32_t>(g.value, 1, most_hosts)); }},
  {Heading::selection, every, once, "max-hosts", "", "N", "refuse a larger selection",
   [](Draft &d, Given g) { return set(d.selection.max_hosts, g, parse_number<std::uint32_t>(g.value, 1, most_hosts)); }},

  {Heading::selection, logs_in | hosts, once, "rerun", "", "WHAT:JOURNAL", "failed, unreached, unfinished or not-ok hosts",
   [](Draft &d, Given g) { return set(d.selection.rerun, g, parse_rerun(g.value)); }},
  {Heading::selection, logs_in | hosts, once, "shard", "", "K/N", "part K of N; auto, auto/N: see fanout(1)",
   [](Draft &d, Given g) { return set(d.selection.shard, g, parse_shard(g.value)); }},

  // --- what is copied, and how ---------------------------------------------------------------------------------------
  {Heading::transfer, transfer, once, "recursive,r", "", "", "directories with all that is in them",
   [](Draft &d, Given) { return set(d.task.transfer.recursive, true); }},
  {Heading::transfer, transfer, once, "preserve,p", "", "", "with the times and modes of the source",
   [](Draft &d, Given) { return set(d.task.transfer.preserve, true); }},
  {Heading::transfer, put, once, "chmod", "", "MODE", "of the files that are written: 644, 0755",
   [](Draft &d, Given g) { return set(d.task.transfer.mode, g, parse_mode(g.value)); }},
  {Heading::transfer, transfer, once, "method", "", "METHOD", "auto, sftp or scp (default auto)",
   [](Draft &d, Given g) { return set(d.task.transfer.method, g, parse_method(g.value)); }},
  {Heading::transfer, transfer, once, "verify", "", "", "compare SHA-256 after the copy",
   [](Draft &d, Given) { return set(d.task.transfer.verify, true); }},
  {Heading::transfer, transfer, once, "update", "", "", "not what has the same size and time there",
   [](Draft &d, Given) { return set(d.task.transfer.update, true); }},
  {Heading::transfer, transfer, once, "checksum", "", "", "not what has the same content there",
   [](Draft &d, Given) { return set(d.task.transfer.checksum, true); }},
  {Heading::transfer, transfer, once, "resume", "", "", "go on where a copy that failed has ended",
   [](Draft &d, Given) { return set(d.task.transfer.resume, true); }},
  {Heading::transfer, transfer, once, "limit-rate", "", "SIZE", "bytes per second for each host: 512K, 10M",
   [](Draft &d, Given g) { return set(d.task.transfer.limit_bytes_per_second, g, parse_size(g.value)); }},
  {Heading::transfer, transfer, once, "then", "", "COMMAND", "run it there after a copy that is ok",
   [](Draft &d, Given g) { return set(d.task.transfer.then, g.value); }},
  {Heading::transfer, get, once, "manifest", "", "FILE", "list what was fetched, as JSON Lines",
   [](Draft &d, Given g) { return set(d.manifest, string(g.value)); }},

  // --- the run -------------------------------------------------------------------------------------------------------
  {Heading::run, contact, once, "parallel,f", "--fanout", "N", "hosts at once, or auto (default 64; also --fanout)",
   [](Draft &d, Given g) { return set(d.parallel, g, parse_parallel(g.value)); }},
  {Heading::run, contact, once, "connect-timeout", "", "T", "until logged in (default 10s; 0 is none)",
   [](Draft &d, Given g) { return set(d.overrides.connect_timeout, g, core::parse_duration(g.value)); }},
  {Heading::run, exec, once, "timeout,t", "", "T", "for the command: 500ms, 10s, 5m (default none)",
   [](Draft &d, Given g) { return set(d.overrides.timeout, g, core::parse_duration(g.value)); }},
  {Heading::run, transfer, once, "timeout,t", "", "T", "for the transfer: 10s, 5m, 2h (default none)",
   [](Draft &d, Given g) { return set(d.overrides.timeout, g, core::parse_duration(g.value)); }},
  {Heading::run, exec, once, "stall-timeout", "", "T", "without a byte (default none)",
   [](Draft &d, Given g) { return set(d.task.stall_timeout, g, core::parse_duration(g.value)); }},
  {Heading::run, transfer, once, "stall-timeout", "", "T", "without a byte (default 60s; 0 is none)",
   [](Draft &d, Given g) { return set(d.task.stall_timeout, g, core::parse_duration(g.value)); }},
  {Heading::run, exec, once, "exit", "", "RULE", "max: the largest remote status instead of 5",
   [](Draft &d, Given g) {
     return set(d.exit_rule, g,
                parse_word<ExitRule>(g.value, {{"class", ExitRule::by_class}, {"max", ExitRule::largest_status}}));
   }},
  {Heading::run, contact, once, "sandbox", "", "MODE", "auto, require or off (default auto)",
   [](Draft &d, Given g) { return set(d.sandbox, g, parse_sandbox(g.value)); }},

  {Heading::run, trust, once, "yes", "", "", "record without asking",
   [](Draft &d, Given) { return set(d.assume_yes, true); }},

  // --- how the run goes over its hosts -------------------------------------------------------------------------------
  {Heading::control, logs_in, once, "order", "", "ORDER", "fifo (default), lifo, priority or random[:SEED]",
   [](Draft &d, Given g) { return set_order(d.control, g); }},
  {Heading::control, logs_in, once, "batches", "", "LIST", "sizes, as 1,10%,50%; the last repeats",
   [](Draft &d, Given g) { return set(d.control.batches, g, parse_batches(g.value)); }},
  {Heading::control, logs_in, once, "pause-between", "", "T", "wait between two batches (default 0)",
   [](Draft &d, Given g) { return set(d.control.pause_between, g, core::parse_duration(g.value)); }},
  {Heading::control, logs_in, once, "gate", "", "CMD", "run here between two; start no more if it fails",
   [](Draft &d, Given g) { return set(d.control.gate, string(g.value)); }},
  {Heading::control, logs_in, once, "max-fail", "", "N|N%", "start no more once so many have failed",
   [](Draft &d, Given g) { return set(d.control.max_fail, g, parse_quantity(g.value)); }},
  {Heading::control, logs_in, once, "on-halt", "", "WHAT", "drain (default) or kill what runs then",
   [](Draft &d, Given g) {
     return set(d.control.on_halt, g,
                parse_word<core::OnHalt>(g.value, {{"drain", core::OnHalt::drain}, {"kill", core::OnHalt::kill}}));
   }},
  {Heading::control, logs_in, once, "ok-if", "", "N%", "exit 0 if so many succeeded (default 100%)",
   [](Draft &d, Given g) { return set(d.control.ok_if, g, parse_share(g.value)); }},
  {Heading::control, logs_in, once, "start-rate", "", "N", "hosts started per second (default no limit)",
   [](Draft &d, Given g) {
     return set(d.control.start_rate, g, parse_number<std::uint32_t>(g.value, 1, most_starts_per_second));
   }},
  {Heading::control, logs_in, once, "retries", "", "N", "of a connection that failed (default 0)",
   [](Draft &d, Given g) { return set(d.control.retries, g, parse_number<std::uint32_t>(g.value, 0, most_retries)); }},
  {Heading::control, logs_in, once, "deadline", "", "T", "for the whole run (default none)",
   [](Draft &d, Given g) { return set(d.control.deadline, g, core::parse_duration(g.value)); }},
  {Heading::control, logs_in, once, "dry-run", "", "", "print the plan, contact nobody",
   [](Draft &d, Given) { return set(d.dry_run, true); }},
  {Heading::control, logs_in, once, "journal", "", "FILE", "record the run there, for --rerun",
   [](Draft &d, Given g) { return set(d.journal, string(g.value)); }},

  // --- login ---------------------------------------------------------------------------------------------------------
  {Heading::login, logs_in | hosts, once, "user,u", "-l", "USER", "remote user (also -l)",
   [](Draft &d, Given g) { return set(d.overrides.user, g, parse_user(g.value)); }},
  {Heading::login, every, once, "port,P", "", "PORT", "remote port (default 22)",
   [](Draft &d, Given g) { return set(d.overrides.port, g, parse_port(g.value)); }},
  {Heading::login, logs_in, any, "identity,k", "", "FILE", "private key; repeatable",
   [](Draft &d, Given g) { return add(d.overrides.identities, g.value); }},
  {Heading::login, logs_in, once, "ask-pass", "", "", "ask for a password, once, on the terminal",
   [](Draft &d, Given) { return set(d.ask_pass, true); }},
  {Heading::login, logs_in, once, "agent", "", "yes|no", "use the keys of ssh-agent (default yes)",
   [](Draft &d, Given g) { return set(d.use_agent, g, parse_word<bool>(g.value, {{"yes", true}, {"no", false}})); }},
  {Heading::login, logs_in, once, "host-key", "", "POLICY", "strict, accept-new or off (default strict)",
   [](Draft &d, Given g) { return set(d.overrides.host_key, g, parse_host_key(g.value)); }},
  {Heading::login, logs_in, once, "accept-new-with-password", "", "", "let hosts that nobody knows have one",
   [](Draft &d, Given) { return set(d.accept_new_with_password, true); }},
  {Heading::login, logs_in, once, "max-auth-fail", "", "N", "hosts that may refuse a password (default 3)",
   [](Draft &d, Given g) { return set(d.control.max_auth_fail, g, parse_number<std::uint32_t>(g.value, 0, most_hosts)); }},
  {Heading::login, contact, any, "known-hosts", "", "FILE", "instead of the usual files; repeatable",
   [](Draft &d, Given g) { return add(d.known_hosts, g.value); }},
  {Heading::login, contact, once, ",4", "", "", "IPv4 addresses only",
   [](Draft &d, Given g) { return choose(d.family, d.family_by, g, AddressFamily::ipv4); }},
  {Heading::login, contact, once, ",6", "", "", "IPv6 addresses only",
   [](Draft &d, Given g) { return choose(d.family, d.family_by, g, AddressFamily::ipv6); }},

  // --- output --------------------------------------------------------------------------------------------------------
  {Heading::output, logs_in, once, "output", "", "FORM", "block (default), line, merge, diff, json or none",
   [](Draft &d, Given g) { return choose_output(d, g, parse_output(g.value)); }},
  {Heading::output, report, once, "output", "", "FORM", "none (default), block, line, merge, diff or json",
   [](Draft &d, Given g) { return choose_output(d, g, parse_output(g.value)); }},
  {Heading::output, shows, once, ",L", "", "", "--output line; with -b: and merged at the end",
   [](Draft &d, Given g) { return choose_output(d, g, OutputForm::line); }},
  {Heading::output, shows, once, ",b", "", "", "--output merge: what is the same once",
   [](Draft &d, Given g) { return choose_output(d, g, OutputForm::merge); }},
  {Heading::output, shows, once, "json", "", "", "--output json",
   [](Draft &d, Given g) { return choose_output(d, g, OutputForm::json); }},
  {Heading::output, shows, once, ",q", "", "", "--output none",
   [](Draft &d, Given g) { return choose_output(d, g, OutputForm::none); }},
  {Heading::output, logs_in, once, "live", "", "", "a table of all hosts, and keys to steer the run",
   [](Draft &d, Given) { return set(d.live, true); }},
  {Heading::output, shows, once, "outdir", "", "DIR", "besides: DIR/HOST.out, DIR/HOST.err",
   [](Draft &d, Given g) { return set(d.outdir, string(g.value)); }},
  {Heading::output, shows, once, "expect-same", "", "", "exit 6 if outputs differ, and say whose",
   [](Draft &d, Given) { return set(d.expect_same, true); }},
  {Heading::output, shows, once, "diff-against", "", "WHAT", "a host or a file, instead of the most frequent",
   [](Draft &d, Given g) { return set(d.diff_against, string(g.value)); }},
  {Heading::output, shows, once, "mask", "", "LIST", "compare without: host, ip, number",
   [](Draft &d, Given g) { return set(d.masking, g, parse_masking(g.value)); }},
  {Heading::output, shows, once, "sorted", "", "", "blocks in the order of the selection",
   [](Draft &d, Given) { return set(d.sorted, true); }},
  {Heading::output, shows, once, "no-header", "", "", "blocks without their first line",
   [](Draft &d, Given) { return set(d.headers, false); }},
  {Heading::output, shows, once, "raw", "", "", "control characters reach the terminal",
   [](Draft &d, Given) { return set(d.raw, true); }},
  {Heading::output, shows, once, "max-output", "", "SIZE", "kept per host (default 64M; 0 is no limit)",
   [](Draft &d, Given g) { return set(d.task.max_output_bytes, g, parse_size(g.value)); }},
  {Heading::output, shows, once, "color", "", "WHEN", "auto, always or never (default auto)",
   [](Draft &d, Given g) { return set(d.color, g, parse_when(g.value)); }},
  {Heading::output, logs_in, once, "progress", "", "WHEN", "auto, always or never (default auto)",
   [](Draft &d, Given g) { return set(d.progress, g, parse_when(g.value)); }},
  {Heading::output, report, once, "html", "", "FILE", "write a page about the run",
   [](Draft &d, Given g) { return set(d.html, string(g.value)); }},
  {Heading::output, contact, once, ",v", "", "", "more about the connections; -vv: still more",
   [](Draft &d, Given) { return set(d.verbosity, std::min(d.verbosity + 1, 2)); }},

  // --- the command ---------------------------------------------------------------------------------------------------
  {Heading::command, exec, once, "cmd", "", "COMMAND", "another way to give COMMAND",
   [](Draft &d, Given g) { return set(d.task.command, g.value); }},

  // --- hosts ---------------------------------------------------------------------------------------------------------
  {Heading::listing, hosts, once, "fold", "", "", "one line, names folded (default)",
   [](Draft &d, Given g) { return choose(d.listing, d.listing_by, g, ListingForm::fold); }},
  {Heading::listing, hosts, once, "expand", "", "", "one name a line",
   [](Draft &d, Given g) { return choose(d.listing, d.listing_by, g, ListingForm::expand); }},
  {Heading::listing, hosts, once, "json", "", "", "one JSON object a line",
   [](Draft &d, Given g) { return choose(d.listing, d.listing_by, g, ListingForm::json); }},
  {Heading::listing, hosts, once, "effective", "", "", "each host with the settings it would get",
   [](Draft &d, Given g) { return choose(d.listing, d.listing_by, g, ListingForm::effective); }},

  {Heading::command, every | report, once, "help,h", "", "", "this text",
   [](Draft &d, Given) { return set(d.help, true); }},
};
// clang-format on

}  // namespace

std::span<const OptionRow> option_table() { return table; }

namespace {

bool is_called(const OptionRow &row, string_view name) {
  return !name.empty() && (name == name_of(row) || name == letter_of(row) || name == row.alias);
}

template <class Condition>
const OptionRow *find_row(Condition condition) {
  const auto *const found = std::find_if(std::begin(table), std::end(table), condition);
  return found == std::end(table) ? nullptr : found;
}

}  // namespace

const OptionRow *find_option(Command command, string_view name) {
  return find_row([command, name](const OptionRow &row) {
    return takes(command, row) && is_called(row, name);
  });
}

bool takes(Command command, const OptionRow &row) {
  const auto takes_it = [&row](TakenBy taker) { return (row.taken_by | taker) == row.taken_by; };
  switch (command) {
    case Command::exec: return takes_it(TakenBy::exec);
    case Command::put: return takes_it(TakenBy::put);
    case Command::get: return takes_it(TakenBy::get);
    case Command::hosts: return takes_it(TakenBy::hosts);
    case Command::trust: return takes_it(TakenBy::trust);
    case Command::report: return takes_it(TakenBy::report);
  }
  return false;
}

std::string name_of(const OptionRow &row) {
  const string_view name = row.names.substr(0, row.names.find(','));
  return name.empty() ? letter_of(row) : "--" + string(name);
}

std::string letter_of(const OptionRow &row) {
  const auto comma = row.names.find(',');
  return comma == string_view::npos ? "" : "-" + string(row.names.substr(comma + 1));
}

}  // namespace fanout::cli
