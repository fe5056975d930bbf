// A host as everybody sees it after the inventory and the command line have been merged.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fanout/core/secret.hpp"

namespace fanout::core {

// Index of a host in the selection of this run: its identity towards pool, plan and report.
using HostIndex = std::uint32_t;

enum class HostKeyPolicy : std::uint8_t { strict, accept_new, off };

// What one source (the command line, a host section, a group, [defaults]) says of a host; what it leaves out a weaker
// source may fill in.
struct HostSettings {
  std::optional<std::string> address;
  std::optional<std::uint16_t> port;
  std::optional<std::string> user;
  std::optional<Secret> password;
  std::optional<std::string> password_command;
  std::vector<std::string> identities;  // key files, in the order in which they are tried
  std::optional<HostKeyPolicy> host_key;
  std::optional<std::string> jump;
  std::optional<int> priority;
  std::optional<std::chrono::milliseconds> connect_timeout;
  std::optional<std::chrono::milliseconds> timeout;
  std::optional<std::string> sudo;
  std::optional<std::string> sudo_password_command;
  std::map<std::string, std::string> env;
  std::vector<std::string> tags;

  // Takes over from `weaker` whatever is not set here; env is merged by name, tags are united.
  void fill_from(const HostSettings &weaker);
};

struct Host {
  std::string name;     // what the user calls it, and what every report prints
  std::string address;  // what is resolved and connected to
  std::uint16_t port = 22;
  std::string user;
  HostSettings settings;  // merged; address, port and user above are its resolved values
  std::vector<std::string>
      groups;  // inventory groups that it is a member of, directly or through others
};

}  // namespace fanout::core
