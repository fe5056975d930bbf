// Which hosts a command line asks for, before any inventory has been read.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace fanout::core {

struct Selection {
  std::vector<std::string> groups;       // -g, each a LIST as typed
  std::vector<std::string> hosts;        // -H, each a LIST of patterns as typed
  std::vector<std::string> excluded;     // -x
  std::vector<std::string> hosts_files;  // --hosts-file; "-" is standard input
  bool all = false;                      // -a
  std::optional<std::string> inventory;  // -i; otherwise the first default that exists
  std::optional<std::size_t> pick;
  std::optional<std::size_t> expected_hosts;
  std::optional<std::size_t> max_hosts;
};

}  // namespace fanout::core
