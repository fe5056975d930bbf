#include "fanout/sys/heap.hpp"

#include <malloc.h>

#include <cstddef>

namespace fanout::sys {

namespace {

constexpr int mapped_from_bytes = 64 * 1024;
// Stays at the end of the heap, so that a child does not have to ask for more at once. Costs nothing until it is used.
constexpr std::size_t spare_bytes = 256 * 1024;

// What is freed at the end of the heap is kept up to so much. The packets of a full window come and go there, and giving
// their pages back each time is a third of what receiving them costs.
constexpr int kept_bytes = 4 << 20;

}  // namespace

void settle_heap() {
  ::mallopt(M_TRIM_THRESHOLD, kept_bytes);
  ::mallopt(M_MMAP_THRESHOLD, mapped_from_bytes);
  ::malloc_trim(spare_bytes);
}

void reuse_large_blocks() { ::mallopt(M_MMAP_THRESHOLD, kept_bytes); }

}  // namespace fanout::sys
