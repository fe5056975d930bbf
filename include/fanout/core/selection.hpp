// Which hosts a command line asks for, before any inventory has been read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace fanout::core {

// Which hosts of an earlier run: --rerun.
enum class Rerun : std::uint8_t { failed, unreached, unfinished, not_ok };
struct RerunOf {
  Rerun what = Rerun::not_ok;
  std::string journal;  // file name
};

// A host as an earlier run knew it. No pattern: the name means itself.
struct NamedHost {
  std::string name;
  std::string user;
  std::string address;
  std::uint16_t port = 22;
};

// --shard: this process takes every `count`th host, beginning with number `index`, from 1. What is 0 is said by the
// environment.
struct Shard {
  std::uint32_t index = 0;
  std::uint32_t count = 0;
};

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
  // By itself it is the selection; with -g, -H, -a or --hosts-file it leaves of that what it names.
  std::optional<RerunOf> rerun;
  std::optional<Shard> shard;  // after everything else
};

}  // namespace fanout::core
