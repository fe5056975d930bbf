// Which hosts a run is about, and what is known of each: the inventory, the options of the command line, hosts files.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "fanout/core/host.hpp"
#include "fanout/core/result.hpp"
#include "fanout/core/selection.hpp"
#include "fanout/inventory/inventory.hpp"
#include "fanout/inventory/pattern.hpp"
#include "fanout/inventory/shard.hpp"

namespace fanout::inventory {

// Where a selection gets what is neither in the inventory nor on the command line.
struct SelectionSources {
  std::string current_user;  // the user name where nothing else names one
  std::string home;          // for ~/ in `identity`; empty: left as it is
  // A number from 0 to below `below`, all equally likely, for --pick. If there is none, a generator that
  // std::random_device has seeded.
  std::function<std::uint64_t(std::uint64_t below)> random;
  // The text of a hosts file, "-" for standard input; read_hosts_file() if there is none.
  std::function<core::Result<std::string>(const std::string &path)> read_file;
  // The hosts that --rerun takes from a journal, in its order; errors are ErrorKind::usage. Without it there is no --rerun.
  std::function<core::Result<std::vector<core::NamedHost>>(const core::RerunOf &rerun)> rerun;
  // For --shard auto; without it no variable is set.
  Environment environment;
};

// One selected host, before its settings are merged.
struct Choice {
  Target target;  // user and port only as far as the command line or a hosts file says them
  std::optional<std::uint32_t> host;  // its number in the inventory, if it is there
};

// Which hosts, each once. Order: -H, --hosts-file, -g, --all, each in order of mention, or with --rerun that of the journal,
// of which these then leave what they name; then -x takes away, --pick draws (keeping the order), --expect-hosts and
// --max-hosts check, --shard leaves one share. Only a share can be empty.
//
// A host is its name. A port makes another name of it (127.0.0.1:2201), unless it is the port that the host has anyway.
// Named as two different users, it is an error. A name in -x (or after `!`) that neither the inventory nor the
// selection has is an error, because what was to be spared would not be. All errors are ErrorKind::usage.
// Reads hosts files, and so may block on standard input.
core::Result<std::vector<Choice>> choose(const Inventory &inventory,
                                         const core::Selection &selection,
                                         const core::HostSettings &overrides,
                                         const SelectionSources &sources);

// Merges the settings of each. Strongest first: user and port written with the host on the command line or in a hosts file,
// `overrides` (the options -u, -P, ...), the host's section, its groups (the later in the file first), [defaults]. What none
// of them says is left out of Host::settings, so that ssh_config can still say it, while Host::address, port and user have
// their built-in values then: the name, 22, the current user.
std::vector<core::Host> resolve(const Inventory &inventory, const std::vector<Choice> &choices,
                                const core::HostSettings &overrides,
                                const SelectionSources &sources);

// Both.
core::Result<std::vector<core::Host>> select(const Inventory &inventory,
                                             const core::Selection &selection,
                                             const core::HostSettings &overrides,
                                             const SelectionSources &sources);

// One setting of a host, where its value was found, and for people who look for a mistake.
struct Setting {
  std::string key;     // of hosts.ini
  std::string value;   // as it would be written there; a password is ***
  std::string origin;  // "command line", "hosts.ini:7 [web]", "built in"
};
struct Explanation {
  std::string name;
  std::vector<Setting> settings;
};
std::vector<Explanation> explain(const Inventory &inventory, const std::vector<Choice> &choices,
                                 const core::HostSettings &overrides,
                                 const SelectionSources &sources);

// At most 64 MiB of a regular file or a FIFO, whose writer is waited for, or of standard input for "-".
core::Result<std::string> read_hosts_file(const std::string &path);

}  // namespace fanout::inventory
