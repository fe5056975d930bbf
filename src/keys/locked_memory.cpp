// Not mlockall(2): with the program, its libraries and the stacks of threads that is more than an ordinary limit of 8 MiB, and
// with MCL_FUTURE malloc(3) would fail at the limit instead of going on unlocked. The heap is where keys, passphrases and
// passwords are; what passes over a stack is wiped or overwritten soon.
#include "locked_memory.hpp"

#include <malloc.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>
#include <new>
#include <string_view>

#include <fmt/format.h>

#include "fanout/core/result.hpp"
#include "fanout/sys/io.hpp"

namespace fanout::keys {

namespace {

constexpr std::size_t spare_bytes = 512 * 1024;
constexpr std::size_t max_maps_bytes = 1 << 20;

// The kernel tells where the heap begins only here; it ends at the break. 0 when there is none, as with the allocators of
// sanitizers.
std::uintptr_t heap_begin() {
  const core::Result<std::string> maps = sys::read_file("/proc/self/maps", max_maps_bytes);
  if (!maps) return 0;
  const std::size_t name = maps->find("[heap]");
  if (name == std::string::npos) return 0;
  const std::size_t line = maps->rfind('\n', name) + 1;  // npos + 1 is the first line
  std::uintptr_t begin = 0;
  std::from_chars(maps->data() + line, maps->data() + name, begin, 16);
  return begin;
}

// As much as may be locked: the hard limit, which the soft one is raised to.
std::size_t lock_limit_bytes() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_MEMLOCK, &limit) != 0) return 0;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_MEMLOCK, &limit);
  return limit.rlim_cur == RLIM_INFINITY ? std::numeric_limits<std::size_t>::max()
                                         : static_cast<std::size_t>(limit.rlim_cur);
}

}  // namespace

void keep_memory_together() {
  ::mallopt(M_ARENA_MAX, 1);
  ::mallopt(M_MMAP_MAX, 0);
  ::mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
}

std::string lock_memory() {
  // By name: a pair of new and delete expressions the compiler may leave out.
  ::operator delete(::operator new(spare_bytes));
  const std::uintptr_t begin = heap_begin();
  if (begin == 0) return {};
  const auto size = reinterpret_cast<std::uintptr_t>(::sbrk(0)) - begin;
  auto *heap = reinterpret_cast<void *>(begin);
  ::madvise(heap, size, MADV_DONTDUMP);
  const std::size_t limit = lock_limit_bytes();  // does not bind root
  if (::mlock(heap, size) == 0) return {};
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  std::size_t lockable = std::min<std::size_t>(size, limit) / page * page;
  if (lockable > 0 && ::mlock(heap, lockable) != 0) lockable = 0;
  return fmt::format(
      "the memory of the key holder can be swapped out: {} of {} KiB are locked "
      "(ulimit -l)",
      lockable >> 10, size >> 10);
}

}  // namespace fanout::keys
