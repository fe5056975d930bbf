// How many workers this machine can carry at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace fanout::pool {

// What the system gives, as far as the pool needs to know.
struct Resources {
  std::uint64_t open_files = 0;  // what the limit can be raised to
  std::uint64_t processes = 0;   // of this user; UINT64_MAX when unlimited
  std::uint64_t available_memory_bytes = 0;
};

Resources measure_resources();

// Descriptors that one worker costs the parent (its link, or a pidfd when that has closed), and what everything else
// needs. A worker is one process; besides there are the parent, the spawner and the key holder, and what else of the user
// is running.
inline constexpr std::uint64_t files_per_worker = 1;
inline constexpr std::uint64_t files_besides = 64;
inline constexpr std::uint64_t processes_besides = 9;
inline constexpr std::uint64_t memory_per_worker_bytes = 1 << 20;

struct Capacity {
  std::size_t workers = 1;
  std::string note;  // one line when it is less than was asked for: why, and what would help
};

// Pure. `wanted` 0 means "auto": as many as there are hosts, or as fit.
Capacity capacity(const Resources &resources, std::size_t wanted, std::size_t hosts);

}  // namespace fanout::pool
