// An inventory with its names looked up: hosts and groups are numbers here.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "fanout/core/host.hpp"
#include "name_table.hpp"

namespace fanout::inventory {

struct Group {
  int line = 0;
  bool has_settings = false;
  core::HostSettings settings;
  std::string origin;           // "hosts.ini:7 [web]", for people who ask where a value comes from
  std::vector<NameId> members;  // directly or through other groups; in order of first mention
};

// What the inventory says of one host alone: its section, and a user or port that its name was mentioned with.
struct OwnSettings {
  core::HostSettings settings;
  std::string origin;
};

struct InventoryData {
  std::string file;
  core::HostSettings defaults;
  std::string defaults_origin;
  bool has_defaults = false;

  NameTable names;            // of hosts, and of names that turned out to be no host
  std::vector<bool> is_host;  // by number
  std::vector<NameId> hosts;  // all of them, in the order of the file
  std::vector<std::uint32_t>
      own_index;  // by number; 0 is none, else the position in `own` plus one
  std::vector<OwnSettings> own;

  NameTable group_names;
  std::vector<Group> groups;  // by number, in the order of the file

  // The groups of host h are groups_of_hosts[group_starts[h]] to before [group_starts[h + 1]], in the order of the file.
  std::vector<std::uint32_t> group_starts;
  std::vector<std::uint32_t> groups_of_hosts;

  int password_line = 0;
  int command_line = 0;

  [[nodiscard]] std::optional<NameId> find_host(std::string_view name) const {
    const auto id = names.find(name);
    return id && is_host[*id] ? id : std::nullopt;
  }
  [[nodiscard]] const OwnSettings *own_settings(NameId host) const {
    return own_index[host] == 0 ? nullptr : &own[own_index[host] - 1];
  }
  [[nodiscard]] std::span<const std::uint32_t> groups_of(NameId host) const {
    return std::span(groups_of_hosts)
        .subspan(group_starts[host], group_starts[host + 1] - group_starts[host]);
  }
};

}  // namespace fanout::inventory
