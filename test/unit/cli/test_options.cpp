// Every option, and what it does to the value: it is parsed without the option and with it, and what is expected
// must be false first and true then.
#include <chrono>
#include <functional>
#include <set>

#include "../../../src/cli/option_table.hpp"
#include "parsing.hpp"

using namespace fanout;
using namespace std::chrono_literals;
using cli::Options;
using test::Words;

namespace {

struct Effect {
  std::string option;  // its name in the table
  Words words;
  std::function<bool(const Options &)> expected;
};

using Strings = std::vector<std::string>;

const std::vector<Effect> effects_for_every = {
    {"--group", {"-g", "db"}, [](const Options &o) { return o.selection.groups == Strings{"db"}; }},
    {"--group",
     {"--group", "db,web", "-gedge"},
     [](const Options &o) {
       return o.selection.groups == Strings{"db,web", "edge"};
     }},
    {"--host",
     {"-H", "web[01-20]"},
     [](const Options &o) {
       return o.selection.hosts == Strings{"h", "web[01-20]"};
     }},
    {"--host",
     {"--host=a,b", "--host", "c"},
     [](const Options &o) {
       return o.selection.hosts == Strings{"h", "a,b", "c"};
     }},
    {"--all", {"-a"}, [](const Options &o) { return o.selection.all; }},
    {"--all", {"--all"}, [](const Options &o) { return o.selection.all; }},
    {"--exclude",
     {"-x", "web07", "--exclude", "@edge"},
     [](const Options &o) {
       return o.selection.excluded == Strings{"web07", "@edge"};
     }},
    {"--inventory",
     {"-i", "./list"},
     [](const Options &o) { return o.selection.inventory == "./list"; }},
    {"--inventory",
     {"--inventory=./list"},
     [](const Options &o) { return o.selection.inventory == "./list"; }},
    {"--hosts-file",
     {"--hosts-file", "a.txt", "--hosts-file", "-"},
     [](const Options &o) {
       return o.selection.hosts_files == Strings{"a.txt", "-"};
     }},
    {"--pick", {"--pick", "3"}, [](const Options &o) { return o.selection.pick == 3U; }},
    {"--expect-hosts",
     {"--expect-hosts", "20"},
     [](const Options &o) { return o.selection.expected_hosts == 20U; }},
    {"--max-hosts",
     {"--max-hosts", "1000000"},
     [](const Options &o) { return o.selection.max_hosts == 1000000U; }},
};

// Of all that log in, and of hosts.
const std::vector<Effect> effects_for_shares = {
    {"--rerun",
     {"--rerun", "failed:run.jsonl"},
     [](const Options &o) {
       return o.selection.rerun && o.selection.rerun->what == core::Rerun::failed &&
              o.selection.rerun->journal == "run.jsonl";
     }},
    {"--shard",
     {"--shard", "2/8"},
     [](const Options &o) {
       return o.selection.shard && o.selection.shard->index == 2 && o.selection.shard->count == 8;
     }},
};

// Of all that log in.
const std::vector<Effect> effects_for_control = {
    {"--order",
     {"--order", "lifo"},
     [](const Options &o) { return o.control.order == core::Order::lifo; }},
    {"--order",
     {"--order", "random:7"},
     [](const Options &o) {
       return o.control.order == core::Order::random && o.control.seed == 7U;
     }},
    {"--batches",
     {"--batches", "1,10%"},
     [](const Options &o) {
       return o.control.batches.size() == 2 && o.control.batches[0].number == 1 &&
              !o.control.batches[0].is_share && o.control.batches[1].number == 1000 &&
              o.control.batches[1].is_share;
     }},
    {"--pause-between",
     {"--batches", "1", "--pause-between", "30s"},
     [](const Options &o) { return o.control.pause_between == 30s; }},
    {"--gate",
     {"--batches", "1", "--gate", "./healthy --all"},
     [](const Options &o) { return o.control.gate == "./healthy --all"; }},
    {"--max-fail",
     {"--max-fail", "5"},
     [](const Options &o) {
       return o.control.max_fail && o.control.max_fail->number == 5 &&
              !o.control.max_fail->is_share;
     }},
    {"--max-fail",
     {"--max-fail", "2.5%"},
     [](const Options &o) {
       return o.control.max_fail && o.control.max_fail->number == 250 &&
              o.control.max_fail->is_share;
     }},
    {"--on-halt",
     {"--max-fail", "1", "--on-halt", "kill"},
     [](const Options &o) { return o.control.on_halt == core::OnHalt::kill; }},
    {"--ok-if", {"--ok-if", "99.5%"}, [](const Options &o) { return o.control.ok_if == 9950; }},
    {"--ok-if", {"--ok-if", "0%"}, [](const Options &o) { return o.control.ok_if == 0; }},
    {"--start-rate",
     {"--start-rate", "100000"},
     [](const Options &o) { return o.control.start_rate == 100'000; }},
    {"--retries", {"--retries", "100"}, [](const Options &o) { return o.control.retries == 100; }},
    {"--deadline",
     {"--deadline", "10m"},
     [](const Options &o) { return o.control.deadline == 10min; }},
    {"--dry-run", {"--dry-run"}, [](const Options &o) { return o.dry_run; }},
    {"--journal",
     {"--journal", "run.jsonl"},
     [](const Options &o) { return o.journal == "run.jsonl"; }},
    {"--max-auth-fail",
     {"--max-auth-fail", "0"},
     [](const Options &o) { return o.control.max_auth_fail == 0; }},
};

const std::vector<Effect> effects_for_exec = {
    {"--stall-timeout",
     {"--stall-timeout", "90"},
     [](const Options &o) { return o.task.stall_timeout == 90s; }},
    {"--parallel", {"-f", "8"}, [](const Options &o) { return o.parallel == 8; }},
    {"--parallel", {"--parallel=100000"}, [](const Options &o) { return o.parallel == 100000; }},
    {"--parallel", {"--fanout", "1"}, [](const Options &o) { return o.parallel == 1; }},
    {"--parallel", {"-f", "auto"}, [](const Options &o) { return !o.parallel; }},
    {"--connect-timeout",
     {"--connect-timeout", "500ms"},
     [](const Options &o) { return o.overrides.connect_timeout == 500ms; }},
    {"--connect-timeout",
     {"--connect-timeout", "0"},
     [](const Options &o) { return o.overrides.connect_timeout == 0ms; }},
    {"--timeout", {"-t", "5m"}, [](const Options &o) { return o.overrides.timeout == 5min; }},
    {"--timeout", {"--timeout", "90"}, [](const Options &o) { return o.overrides.timeout == 90s; }},
    {"--exit",
     {"--exit", "max"},
     [](const Options &o) { return o.exit_rule == cli::ExitRule::largest_status; }},
    {"--user", {"-u", "deploy"}, [](const Options &o) { return o.overrides.user == "deploy"; }},
    {"--user", {"--user", "deploy"}, [](const Options &o) { return o.overrides.user == "deploy"; }},
    {"--user", {"-l", "deploy"}, [](const Options &o) { return o.overrides.user == "deploy"; }},
    {"--user", {"-ldeploy"}, [](const Options &o) { return o.overrides.user == "deploy"; }},
    {"--port", {"-P", "2222"}, [](const Options &o) { return o.overrides.port == 2222; }},
    {"--port", {"--port", "65535"}, [](const Options &o) { return o.overrides.port == 65535; }},
    {"--identity",
     {"-k", "a", "--identity", "b"},
     [](const Options &o) {
       return o.overrides.identities == Strings{"a", "b"};
     }},
    {"--ask-pass", {"--ask-pass"}, [](const Options &o) { return o.ask_pass; }},
    {"--agent", {"--agent", "no"}, [](const Options &o) { return !o.use_agent; }},
    {"--host-key",
     {"--host-key", "strict"},
     [](const Options &o) { return o.overrides.host_key == core::HostKeyPolicy::strict; }},
    {"--host-key",
     {"--host-key", "accept-new"},
     [](const Options &o) { return o.overrides.host_key == core::HostKeyPolicy::accept_new; }},
    {"--host-key",
     {"--host-key", "off"},
     [](const Options &o) { return o.overrides.host_key == core::HostKeyPolicy::off; }},
    {"--accept-new-with-password",
     {"--accept-new-with-password"},
     [](const Options &o) { return o.accept_new_with_password; }},
    {"--sandbox",
     {"--sandbox", "require"},
     [](const Options &o) { return o.sandbox == sandbox::Mode::require; }},
    {"--sandbox",
     {"--sandbox=off"},
     [](const Options &o) { return o.sandbox == sandbox::Mode::off; }},
    {"--known-hosts",
     {"--known-hosts", "a", "--known-hosts", "b"},
     [](const Options &o) {
       return o.known_hosts == Strings{"a", "b"};
     }},
    {"-4", {"-4"}, [](const Options &o) { return o.family == cli::AddressFamily::ipv4; }},
    {"-6", {"-6"}, [](const Options &o) { return o.family == cli::AddressFamily::ipv6; }},
    {"--output",
     {"--output", "line"},
     [](const Options &o) { return o.output == cli::OutputForm::line; }},
    {"--output",
     {"--output", "none"},
     [](const Options &o) { return o.output == cli::OutputForm::none; }},
    {"-L", {"-L"}, [](const Options &o) { return o.output == cli::OutputForm::line; }},
    {"-L",
     {"-L", "--output", "line"},
     [](const Options &o) { return o.output == cli::OutputForm::line; }},
    {"-q", {"-q"}, [](const Options &o) { return o.output == cli::OutputForm::none; }},
    {"--json", {"--json"}, [](const Options &o) { return o.output == cli::OutputForm::json; }},
    {"--output",
     {"--output", "json"},
     [](const Options &o) { return o.output == cli::OutputForm::json; }},
    {"--no-header", {"--no-header"}, [](const Options &o) { return !o.headers; }},
    {"--raw", {"--raw"}, [](const Options &o) { return o.raw; }},
    {"--max-output",
     {"--max-output", "1G"},
     [](const Options &o) { return o.task.max_output_bytes == 1ULL << 30; }},
    {"--max-output",
     {"--max-output", "512k"},
     [](const Options &o) { return o.task.max_output_bytes == 512ULL << 10; }},
    {"--max-output",
     {"--max-output", "2M"},
     [](const Options &o) { return o.task.max_output_bytes == 2ULL << 20; }},
    {"--max-output",
     {"--max-output", "1000"},
     [](const Options &o) { return o.task.max_output_bytes == 1000; }},
    {"--max-output",
     {"--max-output", "0"},
     [](const Options &o) { return o.task.max_output_bytes == 0; }},
    {"-v", {"-v"}, [](const Options &o) { return o.verbosity == 1; }},
    {"-v", {"-vv"}, [](const Options &o) { return o.verbosity == 2; }},
    {"-v", {"-v", "-v"}, [](const Options &o) { return o.verbosity == 2; }},
    {"-v", {"-vvvv"}, [](const Options &o) { return o.verbosity == 2; }},
};

// Of what is shown of a run, while it goes on or later.
const std::vector<Effect> effects_for_shows = {
    {"--output",
     {"--output", "merge"},
     [](const Options &o) { return o.output == cli::OutputForm::merge; }},
    {"--output",
     {"--output", "diff"},
     [](const Options &o) { return o.output == cli::OutputForm::diff && o.output_is_chosen; }},
    {"-b", {"-b"}, [](const Options &o) { return o.output == cli::OutputForm::merge; }},
    {"-b", {"-b"}, [](const Options &o) { return !o.merges_too && o.output_is_chosen; }},
    {"-b",
     {"-L", "-b"},
     [](const Options &o) { return o.output == cli::OutputForm::line && o.merges_too; }},
    {"-b",
     {"-bL"},
     [](const Options &o) { return o.output == cli::OutputForm::line && o.merges_too; }},
    {"-L", {"-L"}, [](const Options &o) { return o.output == cli::OutputForm::line; }},
    {"-q", {"-q"}, [](const Options &o) { return o.output_is_chosen; }},
    {"--json", {"--json"}, [](const Options &o) { return o.output == cli::OutputForm::json; }},
    {"--outdir", {"--outdir", "results"}, [](const Options &o) { return o.outdir == "results"; }},
    {"--expect-same", {"--expect-same"}, [](const Options &o) { return o.expect_same; }},
    {"--diff-against",
     {"--diff-against", "web01", "--output", "diff"},
     [](const Options &o) { return o.diff_against == "web01"; }},
    {"--diff-against",
     {"--diff-against", "./expected", "--expect-same", "-q"},
     [](const Options &o) { return o.diff_against == "./expected"; }},
    {"--mask",
     {"-b", "--mask", "host,ip"},
     [](const Options &o) { return o.masking.host && o.masking.ip && !o.masking.number; }},
    {"--mask",
     {"--expect-same", "--mask", "number"},
     [](const Options &o) { return o.masking.number && !o.masking.host && !o.masking.ip; }},
    {"--sorted", {"--output", "block", "--sorted"}, [](const Options &o) { return o.sorted; }},
    {"--sorted", {"--json", "--sorted"}, [](const Options &o) { return o.sorted; }},
    {"--no-header", {"-b", "--no-header"}, [](const Options &o) { return !o.headers; }},
    {"--raw", {"-b", "--raw"}, [](const Options &o) { return o.raw; }},
    {"--max-output",
     {"--max-output", "1G", "-b"},
     [](const Options &o) { return o.task.max_output_bytes == 1ULL << 30; }},
    {"--color",
     {"--color", "always"},
     [](const Options &o) { return o.color == cli::When::always; }},
    {"--color", {"--color=never"}, [](const Options &o) { return o.color == cli::When::never; }},
};

const std::vector<Effect> effects_for_live = {
    {"--live", {"--live"}, [](const Options &o) { return o.live && !o.output_is_chosen; }},
    {"--progress",
     {"--progress", "never"},
     [](const Options &o) { return o.progress == cli::When::never; }},
};

const std::vector<Effect> effects_for_report = {
    {"--html", {"--html", "page.html"}, [](const Options &o) { return o.html == "page.html"; }},
};

const std::vector<Effect> effects_for_hosts = {
    {"--expand",
     {"--expand"},
     [](const Options &o) { return o.listing == cli::ListingForm::expand; }},
    {"--json", {"--json"}, [](const Options &o) { return o.listing == cli::ListingForm::json; }},
    {"--effective",
     {"--effective"},
     [](const Options &o) { return o.listing == cli::ListingForm::effective; }},
    {"--user",
     {"--json", "-u", "root"},
     [](const Options &o) { return o.overrides.user == "root"; }},
    {"--port",
     {"--effective", "-P", "2222"},
     [](const Options &o) { return o.overrides.port == 2222; }},
};

const std::vector<Effect> effects_for_trust = {
    {"--yes", {"--yes"}, [](const Options &o) { return o.assume_yes; }},
    {"--parallel", {"-f", "8"}, [](const Options &o) { return o.parallel == 8; }},
    {"--connect-timeout",
     {"--connect-timeout", "3s"},
     [](const Options &o) { return o.overrides.connect_timeout == 3s; }},
    {"--sandbox",
     {"--sandbox", "require"},
     [](const Options &o) { return o.sandbox == sandbox::Mode::require; }},
    {"--port", {"-P", "2222"}, [](const Options &o) { return o.overrides.port == 2222; }},
    {"--known-hosts",
     {"--known-hosts", "a", "--known-hosts", "b"},
     [](const Options &o) {
       return o.known_hosts == Strings{"a", "b"};
     }},
    {"-4", {"-4"}, [](const Options &o) { return o.family == cli::AddressFamily::ipv4; }},
    {"-6", {"-6"}, [](const Options &o) { return o.family == cli::AddressFamily::ipv6; }},
    {"-v", {"-v"}, [](const Options &o) { return o.verbosity == 1; }},
};

const std::vector<Effect> effects_for_transfers = {
    {"--recursive", {"-r"}, [](const Options &o) { return o.task.transfer.recursive; }},
    {"--recursive", {"--recursive"}, [](const Options &o) { return o.task.transfer.recursive; }},
    {"--preserve", {"-p"}, [](const Options &o) { return o.task.transfer.preserve; }},
    {"--preserve", {"--preserve"}, [](const Options &o) { return o.task.transfer.preserve; }},
    {"--method",
     {"--method", "sftp"},
     [](const Options &o) { return o.task.transfer.method == core::TransferMethod::sftp; }},
    {"--method",
     {"--method=scp"},
     [](const Options &o) { return o.task.transfer.method == core::TransferMethod::scp; }},
    {"--verify", {"--verify"}, [](const Options &o) { return o.task.transfer.verify; }},
    {"--update", {"--update"}, [](const Options &o) { return o.task.transfer.update; }},
    {"--checksum", {"--checksum"}, [](const Options &o) { return o.task.transfer.checksum; }},
    {"--resume", {"--resume"}, [](const Options &o) { return o.task.transfer.resume; }},
    {"--limit-rate",
     {"--limit-rate", "10M"},
     [](const Options &o) { return o.task.transfer.limit_bytes_per_second == 10U << 20; }},
    {"--then",
     {"--then", "systemctl reload {host}"},
     [](const Options &o) { return o.task.transfer.then == "systemctl reload {host}"; }},
    {"--timeout", {"-t", "5m"}, [](const Options &o) { return o.overrides.timeout == 5min; }},
    {"--stall-timeout",
     {"--stall-timeout", "0"},
     [](const Options &o) { return o.task.stall_timeout == 0s; }},
    {"--json", {"--json"}, [](const Options &o) { return o.output == cli::OutputForm::json; }},
    {"--json", {"--json"}, [](const Options &o) { return o.task.transfer.hash; }},
    {"--progress",
     {"--progress", "never"},
     [](const Options &o) { return o.progress == cli::When::never; }},
    {"--progress",
     {"--progress", "always"},
     [](const Options &o) { return o.progress == cli::When::always; }},
    {"-v", {"-v"}, [](const Options &o) { return o.verbosity == 1 && o.task.transfer.hash; }},
    {"-L", {"-L"}, [](const Options &o) { return o.output == cli::OutputForm::line; }},
    {"--no-header", {"--no-header"}, [](const Options &o) { return !o.headers; }},
    {"--raw", {"--raw", "--then", "x"}, [](const Options &o) { return o.raw; }},
    {"--max-output",
     {"--max-output", "1K", "--then", "x"},
     [](const Options &o) { return o.task.max_output_bytes == 1024; }},
};

const std::vector<Effect> effects_for_put = {
    {"--chmod", {"--chmod", "644"}, [](const Options &o) { return o.task.transfer.mode == 0644U; }},
    {"--chmod",
     {"--chmod", "07777"},
     [](const Options &o) { return o.task.transfer.mode == 07777U; }},
    {"--chmod", {"--chmod", "0"}, [](const Options &o) { return o.task.transfer.mode == 0U; }},
};

const std::vector<Effect> effects_for_get = {
    {"--manifest",
     {"--manifest", "list.jsonl"},
     [](const Options &o) { return o.manifest == "list.jsonl" && o.task.transfer.hash; }},
};

void check_effect(const Effect &effect, Words before, const Words &after) {
  INFO(effect.option << " as " << effect.words.front());
  Words plain = before;
  plain.insert(plain.end(), after.begin(), after.end());
  CHECK_FALSE(effect.expected(test::options_of(plain)));
  before.insert(before.end(), effect.words.begin(), effect.words.end());
  before.insert(before.end(), after.begin(), after.end());
  CHECK(effect.expected(test::options_of(before)));
}

}  // namespace

TEST_CASE("options: each option of exec has its effect", "[cli]") {
  for (const auto *list : {&effects_for_every, &effects_for_shares, &effects_for_control,
                           &effects_for_exec, &effects_for_shows, &effects_for_live})
    for (const Effect &effect : *list) check_effect(effect, {"exec", "-H", "h"}, {"uptime"});
}

TEST_CASE("options: each option of report has its effect, and it takes no other", "[cli]") {
  std::set<std::string> tested{"--help"};
  for (const auto *list : {&effects_for_shows, &effects_for_report})
    for (const Effect &effect : *list) {
      check_effect(effect, {"report"}, {"run.jsonl"});
      tested.insert(effect.option);
    }
  std::set<std::string> taken;
  for (const cli::OptionRow &row : cli::option_table())
    if (cli::takes(cli::Command::report, row)) taken.insert(cli::name_of(row));
  CHECK(tested == taken);
}

TEST_CASE("options: report reads journals, and options may follow them", "[cli]") {
  const Options options = test::options_of({"report", "a", "-b", "b", "--", "--html"});
  CHECK(options.command == cli::Command::report);
  CHECK(options.journals == Strings{"a", "b", "--html"});
  CHECK(options.output == cli::OutputForm::merge);
  CHECK_FALSE(options.html);
  CHECK(test::options_of({"report", "a"}).output == cli::OutputForm::none);
  CHECK(test::options_of({"report", "a", "--html", "page"}).html == "page");
}

TEST_CASE("options: each option of put and get has its effect", "[cli]") {
  for (const char *command : {"put", "get"})
    for (const auto *list :
         {&effects_for_every, &effects_for_shares, &effects_for_control, &effects_for_transfers})
      for (const Effect &effect : *list)
        check_effect(effect, {command, "-H", "h"}, {"one", "other"});
  for (const Effect &effect : effects_for_put)
    check_effect(effect, {"put", "-H", "h"}, {"one", "other"});
  for (const Effect &effect : effects_for_get)
    check_effect(effect, {"get", "-H", "h"}, {"one", "other"});
}

TEST_CASE("options: the last path is where to, the others are what", "[cli]") {
  const Options put = test::options_of({"put", "-a", "x", "./-r", "/srv/"});
  CHECK(put.command == cli::Command::put);
  CHECK(put.from == Strings{"x", "./-r"});
  CHECK(put.to == "/srv/");
  const Options get = test::options_of({"get", "-a", "--", "/var/log/*", "-r", "-"});
  CHECK(get.command == cli::Command::get);
  CHECK(get.from == Strings{"/var/log/*", "-r"});
  CHECK(get.to == "-");
}

TEST_CASE("options: a copy has the documented defaults", "[cli]") {
  const Options options = test::options_of({"put", "-a", "x", "y"});
  CHECK(options.task.stall_timeout == 60s);
  CHECK(options.task.transfer.method == core::TransferMethod::automatic);
  CHECK_FALSE(options.task.transfer.mode);
  CHECK_FALSE(options.task.transfer.hash);
  CHECK(options.task.transfer.limit_bytes_per_second == 0);
  CHECK(options.progress == cli::When::automatic);
  CHECK_FALSE(options.manifest);
}

TEST_CASE("options: who contacts hosts", "[cli]") {
  const auto contacts = [](const char *command) {
    const char *const argv[] = {"fanout", command, nullptr};
    return cli::contacts_hosts(2, argv);
  };
  for (const char *command : {"exec", "put", "get", "trust"}) CHECK(contacts(command));
  for (const char *command : {"hosts", "report", "help", "--version", "-x"})
    CHECK_FALSE(contacts(command));
}

TEST_CASE("options: no command takes two options of one name", "[cli]") {
  for (const auto command : {cli::Command::exec, cli::Command::put, cli::Command::get,
                             cli::Command::hosts, cli::Command::trust, cli::Command::report}) {
    std::multiset<std::string> names;
    for (const cli::OptionRow &row : cli::option_table()) {
      if (!cli::takes(command, row)) continue;
      // One that has only a letter is called by it.
      for (const std::string &name :
           std::set{cli::name_of(row), cli::letter_of(row), std::string(row.alias)})
        if (!name.empty()) names.insert(name);
    }
    for (const std::string &name : names) {
      INFO(name);
      CHECK(names.count(name) == 1);
    }
  }
}

TEST_CASE("options: each option of hosts has its effect", "[cli]") {
  for (const auto *list : {&effects_for_every, &effects_for_shares, &effects_for_hosts})
    for (const Effect &effect : *list) check_effect(effect, {"hosts", "-H", "h"}, {});
}

TEST_CASE("options: each option of trust has its effect, and it takes no other", "[cli]") {
  std::set<std::string> tested{"--help"};
  for (const auto *list : {&effects_for_every, &effects_for_trust})
    for (const Effect &effect : *list) {
      check_effect(effect, {"trust", "-H", "h"}, {});
      tested.insert(effect.option);
    }
  std::set<std::string> taken;
  for (const cli::OptionRow &row : cli::option_table())
    if (cli::takes(cli::Command::trust, row)) taken.insert(cli::name_of(row));
  CHECK(tested == taken);
}

TEST_CASE("options: none is in the table without a test of its effect", "[cli]") {
  // These have cases of their own: --cmd and --help change what is parsed, --fold and words for the default confirm it.
  std::set<std::string> tested{"--cmd", "--help", "--fold"};
  for (const auto *list :
       {&effects_for_every, &effects_for_shares, &effects_for_control, &effects_for_exec,
        &effects_for_transfers, &effects_for_put, &effects_for_get, &effects_for_hosts,
        &effects_for_trust, &effects_for_shows, &effects_for_live, &effects_for_report})
    for (const Effect &effect : *list) tested.insert(effect.option);
  std::set<std::string> known;
  for (const cli::OptionRow &row : cli::option_table()) known.insert(cli::name_of(row));
  CHECK(tested == known);
}

TEST_CASE("options: what is not given has the documented default", "[cli]") {
  const Options options = test::options_of({"exec", "-a", "uptime"});
  CHECK(options.command == cli::Command::exec);
  CHECK(options.parallel == 64);
  CHECK(options.task.connect_timeout == 10s);
  CHECK(options.task.timeout == 0s);
  CHECK(options.task.stall_timeout == 0s);
  CHECK(options.task.max_output_bytes == 64ULL << 20);
  CHECK(options.output == cli::OutputForm::block);
  CHECK(options.exit_rule == cli::ExitRule::by_class);
  CHECK(options.family == cli::AddressFamily::any);
  CHECK(options.use_agent);
  CHECK_FALSE(options.ask_pass);
  CHECK_FALSE(options.accept_new_with_password);
  CHECK(options.sandbox == sandbox::Mode::automatic);
  CHECK_FALSE(options.output_is_chosen);
  CHECK_FALSE(options.merges_too);
  CHECK(options.headers);
  CHECK_FALSE(options.sorted);
  CHECK_FALSE(options.masking.any());
  CHECK_FALSE(options.expect_same);
  CHECK_FALSE(options.diff_against);
  CHECK_FALSE(options.outdir);
  CHECK(options.color == cli::When::automatic);
  CHECK(options.progress == cli::When::automatic);
  CHECK_FALSE(options.live);
  CHECK_FALSE(options.raw);
  CHECK(options.verbosity == 0);
  CHECK(options.known_hosts.empty());
  CHECK(test::options_of({"hosts", "-a"}).command == cli::Command::hosts);
  CHECK(test::options_of({"hosts", "-a"}).listing == cli::ListingForm::fold);
  CHECK(test::options_of({"trust", "-a"}).command == cli::Command::trust);
  CHECK_FALSE(test::options_of({"trust", "-a"}).assume_yes);
}

TEST_CASE("options: a run that nothing is said of goes over all hosts in their order", "[cli]") {
  const Options options = test::options_of({"exec", "-a", "uptime"});
  CHECK(options.control.order == core::Order::fifo);
  CHECK_FALSE(options.control.seed);
  CHECK(options.control.batches.empty());
  CHECK(options.control.gate.empty());
  CHECK(options.control.pause_between == 0s);
  CHECK_FALSE(options.control.max_fail);
  CHECK(options.control.on_halt == core::OnHalt::drain);
  CHECK(options.control.ok_if == core::whole_share);
  CHECK(options.control.start_rate == 0);
  CHECK(options.control.retries == 0);
  CHECK(options.control.deadline == 0s);
  CHECK(options.control.max_auth_fail == 3);
  CHECK_FALSE(options.dry_run);
  CHECK_FALSE(options.journal);
  CHECK_FALSE(options.selection.rerun);
  CHECK_FALSE(options.selection.shard);
}

TEST_CASE("options: an earlier run is a selection", "[cli]") {
  const Options options = test::options_of({"exec", "--rerun", "unfinished:a:b", "uptime"});
  CHECK_FALSE(options.selection.all);
  CHECK(options.selection.rerun->what == core::Rerun::unfinished);
  CHECK(options.selection.rerun->journal == "a:b");
  CHECK(test::options_of({"hosts", "--rerun", "not-ok:j", "-i", "x"}).selection.rerun);
}

TEST_CASE("options: the command line says nothing of a host unless an option does", "[cli]") {
  const core::HostSettings overrides = test::options_of({"exec", "-a", "uptime"}).overrides;
  CHECK_FALSE(overrides.user);
  CHECK_FALSE(overrides.port);
  CHECK_FALSE(overrides.host_key);
  CHECK_FALSE(overrides.connect_timeout);
  CHECK_FALSE(overrides.timeout);
  CHECK(overrides.identities.empty());
}

TEST_CASE("options: a default can be asked for by name", "[cli]") {
  const Options options = test::options_of({"exec", "-a", "--output", "block", "--exit", "class",
                                            "--agent", "yes", "--sandbox", "auto", "uptime"});
  CHECK(options.output == cli::OutputForm::block);
  CHECK(options.exit_rule == cli::ExitRule::by_class);
  CHECK(options.use_agent);
  CHECK(options.sandbox == sandbox::Mode::automatic);
  CHECK(test::options_of({"hosts", "-a", "--fold"}).listing == cli::ListingForm::fold);
}

TEST_CASE("options: what may be given once and what often", "[cli]") {
  for (const cli::OptionRow &row : cli::option_table()) {
    if (row.value.empty()) continue;
    const std::string name = cli::name_of(row);
    INFO(name);
    const char *const command = cli::takes(cli::Command::exec, row)  ? "exec"
                                : cli::takes(cli::Command::put, row) ? "put"
                                : cli::takes(cli::Command::get, row) ? "get"
                                                                     : "report";
    Words words{command, name, "1", name, "1", "one", "other"};
    if (words.front() != std::string("report")) words.insert(words.begin() + 1, "-a");
    const auto parsed = test::parse(words);
    const bool often = name == "--group" || name == "--host" || name == "--exclude" ||
                       name == "--hosts-file" || name == "--identity" || name == "--known-hosts";
    REQUIRE(parsed.has_value() == often);
    if (!often) CHECK(parsed.error().message == name + " is given twice");
  }
}
