// What the commands find around them: the user, the inventory, known_hosts, the selection.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "fanout/cli/options.hpp"
#include "fanout/console/output.hpp"
#include "fanout/core/deadline.hpp"
#include "fanout/core/host.hpp"
#include "fanout/core/result.hpp"
#include "fanout/inventory/inventory.hpp"
#include "fanout/inventory/selection.hpp"
#include "fanout/report/journal.hpp"
#include "fanout/ssh/dial.hpp"
#include "fanout/ssh/host_keys.hpp"

namespace fanout {

std::string variable(const char *name);  // of the environment; empty when it is not set

struct User {
  std::string name;
  std::string home;
};
User current_user();

core::Result<inventory::Inventory> load_inventory(const cli::Options &options, const User &user);

// What there is to say of a selection beside its hosts.
struct SelectionRemarks {
  std::vector<std::string> notes;            // for say(), also when the selection has failed
  std::string rerun_of;                      // the run that --rerun has picked hosts of; else empty
  report::JournalPlace rerun_place;          // where that was read
  std::vector<core::NamedHost> rerun_hosts;  // as they were then
  std::string share;                         // "3/16" with --shard; else empty
};

// `remarks` must outlive what is returned.
inventory::SelectionSources sources_for(const User &user, SelectionRemarks &remarks);

// The hosts that the command line means; none only if this is a share of --shard that has none. ErrorKind::usage for
// everything that makes contacting anybody a mistake. Runs the inventory if it is a program.
core::Result<std::vector<core::Host>> select_hosts(const cli::Options &options, const User &user,
                                                   SelectionRemarks &remarks);
inline core::Result<std::vector<core::Host>> select_hosts(const cli::Options &options,
                                                          const User &user) {
  SelectionRemarks remarks;
  return select_hosts(options, user, remarks);
}

// What a run does with keys that are not known yet.
enum class NewKeys : std::uint8_t {
  none,        // refuses them
  may_come,    // records those of hosts that are met for the first time, which may be none
  to_be_kept,  // is there to record them
};

// What can be wrong with the files of known hosts before any host is contacted: one of --known-hosts that is not a file
// to be read, for a slip in its name would make known hosts unknown, though the first may be missing where keys may be
// recorded; and where keys are to be kept, a first file that cannot be written, or made, or that keeps nothing, as the
// null device. Where they only may come, a file that cannot be written still serves the hosts that are known, and each
// new host gets its own error. ErrorKind::usage. As everywhere, root may write what others may not.
core::Result<void> check_known_hosts(const cli::Options &options, const User &user,
                                     NewKeys new_keys);

// Recording a key waits for other runs of ours at most so long; the worker's own deadline goes on meanwhile.
inline constexpr core::Milliseconds known_hosts_patience{5'000};

// Reads the files of --known-hosts, else the user's and the system's.
core::Result<ssh::HostKeys> load_host_keys(const cli::Options &options, const User &user);

// How many workers at once; makes room for their descriptors and tells the user when it is fewer than asked for.
std::size_t make_room_for_workers(const cli::Options &options, std::size_t hosts,
                                  console::Output &output);

ssh::AddressFamily family_of(const cli::Options &options);

// ssh looks a host up by what it connects to, not by an alias for it; whoever has ever called ssh has it there.
inline ssh::HostKeyQuery key_query(const core::Host &host) { return {host.address, host.port}; }

// "fanout: TEXT" on stderr, made safe.
void say(console::Output &output, const std::string &text);

// For a failure so early that nothing else of ours can be writing: without the console's lock, which may be what failed.
// Returns the exit code.
int give_up(const core::Error &error);

// An error before any host was contacted, in the form of all our messages; returns the exit code.
int report_error(console::Output &output, const core::Error &error);

}  // namespace fanout
