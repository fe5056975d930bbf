// What the command line asks for, validated: every value is in range and no two of them contradict each other.
//
// Made once by parse(), read by run.cpp. What is not in a member of its own is a noun of core: the hosts that are
// meant (Selection), what the command line says of each of them (HostSettings), what is done there (Task). Names of
// files, groups and hosts are as typed; whether they exist is found out by those who open them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "fanout/core/host.hpp"
#include "fanout/core/masking.hpp"
#include "fanout/core/run_control.hpp"
#include "fanout/core/selection.hpp"
#include "fanout/core/task.hpp"
#include "fanout/sandbox/confinement.hpp"

namespace fanout::cli {

enum class Command : std::uint8_t { exec, put, get, hosts, trust, report };

enum class OutputForm : std::uint8_t {
  block,  // per host, when it ends
  line,   // live, each line with the host's name before it
  merge,  // each output once, with the names of its hosts
  diff,   // the most frequent whole, of the others what differs
  json,   // one object a host
  none,
};

enum class When : std::uint8_t { automatic, always, never };

enum class ListingForm : std::uint8_t { fold, expand, json, effective };

enum class AddressFamily : std::uint8_t { any, ipv4, ipv6 };

enum class ExitRule : std::uint8_t {
  by_class,        // core::exit_code()
  largest_status,  // core::exit_code_max()
};

struct Options {
  Command command = Command::exec;
  core::Selection selection;
  // Only what was given: user, port, identities, host_key, connect_timeout and timeout. The strongest source of a
  // host's settings; what no source says comes from `task`, which keeps the built-in durations.
  core::HostSettings overrides;

  // exec; of these trust has parallel, known_hosts, family, sandbox and verbosity
  core::Task task;
  bool command_is_marked =
      false;  // by "--" before it or by --cmd: it cannot be a host name that went astray
  std::optional<int> parallel = 64;  // empty: as many as this machine allows
  core::RunControl control;
  bool dry_run = false;                // the plan is printed, and nobody contacted
  std::optional<std::string> journal;  // file name
  bool ask_pass = false;
  // A host that has a password, and whose policy for host keys would believe a stranger, may be contacted.
  bool accept_new_with_password = false;
  bool use_agent = true;
  std::vector<std::string> known_hosts;  // empty: the user's and the system's
  AddressFamily family = AddressFamily::any;
  sandbox::Mode sandbox = sandbox::Mode::automatic;
  OutputForm output = OutputForm::block;
  bool output_is_chosen = false;  // by the user
  bool merges_too = false;        // after OutputForm::line
  bool headers = true;            // of blocks and groups
  bool sorted = false;            // blocks and records in the order of the selection
  core::Masking masking;
  bool expect_same = false;
  std::optional<std::string> diff_against;  // a host or a file
  std::optional<std::string> outdir;
  bool raw = false;  // control characters reach a terminal unchanged
  When color = When::automatic;
  When progress = When::automatic;
  bool live = false;
  int verbosity = 0;  // 0 to 2
  ExitRule exit_rule = ExitRule::by_class;

  // put and get: LOCALs and REMOTE, or REMOTEs and LOCALDIR, as typed; what is to be done with them is task.transfer
  std::vector<std::string> from;
  std::string to;
  std::optional<std::string> manifest;  // get: a file for the list of what was fetched

  // trust
  bool assume_yes = false;  // keys are recorded without a question

  // report; of the above it has what begins with `output`, up to `color`
  std::vector<std::string> journals;
  std::optional<std::string> html;

  // hosts
  ListingForm listing = ListingForm::fold;
};

}  // namespace fanout::cli
