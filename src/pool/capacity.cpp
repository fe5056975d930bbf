#include "fanout/pool/capacity.hpp"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <string_view>

#include <fmt/format.h>

#include "fanout/sys/io.hpp"
#include "fanout/sys/limits.hpp"

namespace fanout::pool {

namespace {

// MemAvailable of /proc/meminfo (proc(5)): free memory and what the page cache would give back. Everything when it is
// not there: a guess must not stop a run.
std::uint64_t available_memory_bytes() {
  constexpr std::string_view name = "MemAvailable:";
  const auto text = sys::read_file("/proc/meminfo", 64 * 1024);
  const std::size_t place = text ? text->find(name) : std::string::npos;
  if (place == std::string::npos) return std::numeric_limits<std::uint64_t>::max();
  return std::strtoull(text->c_str() + place + name.size(), nullptr, 10) * 1024;
}

}  // namespace

Resources measure_resources() {
  return {sys::possible_open_files(), sys::process_limit(), available_memory_bytes()};
}

Capacity capacity(const Resources &resources, std::size_t wanted, std::size_t hosts) {
  const std::uint64_t by_files = resources.open_files > files_besides
                                     ? (resources.open_files - files_besides) / files_per_worker
                                     : 0;
  const std::uint64_t by_processes =
      resources.processes > processes_besides ? resources.processes - processes_besides : 0;
  const std::uint64_t by_memory = resources.available_memory_bytes / memory_per_worker_bytes;
  const std::uint64_t least = std::min({by_files, by_processes, by_memory});
  const std::uint64_t possible = std::max<std::uint64_t>(1, least);

  Capacity result;
  const std::size_t asked = std::min(wanted == 0 ? hosts : wanted, std::max<std::size_t>(hosts, 1));
  result.workers = static_cast<std::size_t>(std::min<std::uint64_t>(asked, possible));
  if (result.workers == asked) return result;
  const std::uint64_t need = files_besides + files_per_worker * asked;
  std::string why;
  if (least == by_files)
    why = fmt::format("open files are limited to {} (ulimit -n {} is needed)", resources.open_files,
                      need);
  else if (least == by_processes)
    why = fmt::format("processes are limited to {} (ulimit -u)", resources.processes);
  else
    why = fmt::format("{} MiB of memory are free", resources.available_memory_bytes >> 20);
  result.note = fmt::format("{} instead of {} at once: {}", result.workers, asked, why);
  return result;
}

}  // namespace fanout::pool
