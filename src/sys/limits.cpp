#include "fanout/sys/limits.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <limits>

#include "fanout/sys/io.hpp"

namespace fanout::sys {

std::uint64_t open_file_limit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

std::uint64_t raise_open_file_limit(std::uint64_t wanted) {
  const std::uint64_t possible = possible_open_files();
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted) return limit.rlim_cur;
  limit.rlim_cur = std::min<rlim_t>(wanted, possible);
  ::setrlimit(RLIMIT_NOFILE, &limit);
  return open_file_limit();
}

// Tried and not asked for: root of a container has the capability by name, and the kernel refuses all the same.
std::uint64_t possible_open_files() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  const auto text = read_file("/proc/sys/fs/nr_open", 64);
  const rlim_t most = text ? std::strtoull(text->c_str(), nullptr, 10) : 0;
  const rlimit raised{limit.rlim_cur, most};
  if (most > limit.rlim_max && ::setrlimit(RLIMIT_NOFILE, &raised) == 0) return most;
  return limit.rlim_max;
}

std::uint64_t process_limit() {
  rlimit limit{};
  constexpr std::uint64_t unlimited = std::numeric_limits<std::uint64_t>::max();
  if (::geteuid() == 0 || ::getrlimit(RLIMIT_NPROC, &limit) != 0) return unlimited;
  return limit.rlim_cur == RLIM_INFINITY ? unlimited : limit.rlim_cur;
}

}  // namespace fanout::sys
