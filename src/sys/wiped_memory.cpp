// A string that grows leaves its earlier copies in freed memory, and a parser leaves many. Nobody can wipe those but the
// allocator. These replace the operators of the whole program; libraries in C have malloc(3) to themselves.

#include "fanout/sys/wiped_memory.hpp"

#include <malloc.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <new>

namespace {

int wiping =
    0;  // how many WipeFreedMemory live; in a namespace, because operator delete has no object to ask

void release(void *block) noexcept {
  if (wiping > 0 && block != nullptr) explicit_bzero(block, ::malloc_usable_size(block));
  std::free(block);
}

}  // namespace

// The forms for arrays, and those that do not throw, call these.
void *operator new(std::size_t size) {
  for (;;) {
    if (void *block = std::malloc(size > 0 ? size : 1)) return block;
    const std::new_handler handler = std::get_new_handler();
    if (handler == nullptr) throw std::bad_alloc();
    handler();
  }
}

void operator delete(void *block) noexcept { release(block); }
void operator delete(void *block, std::size_t) noexcept { release(block); }

namespace fanout::sys {

WipeFreedMemory::WipeFreedMemory() { ++wiping; }
WipeFreedMemory::~WipeFreedMemory() { --wiping; }

[[gnu::noinline]] void wipe_unused_stack() {
  char unused[512 * 1024];
  explicit_bzero(unused, sizeof unused);
}

}  // namespace fanout::sys
