#include "fanout/sys/heap.hpp"

#include <malloc.h>

#include <cstddef>

namespace fanout::sys {

namespace {

constexpr int mapped_from_bytes = 64 * 1024;
// Stays at the end of the heap, so that a child does not have to ask for more at once. Costs nothing until it is used.
constexpr std::size_t spare_bytes = 256 * 1024;

}  // namespace

void settle_heap() {
  ::mallopt(M_MMAP_THRESHOLD, mapped_from_bytes);
  ::malloc_trim(spare_bytes);
}

}  // namespace fanout::sys
