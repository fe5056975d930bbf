// For the time in which secrets pass through code that knows nothing of them: readers of configuration, other libraries.
#pragma once

namespace fanout::sys {

// While one of these lives, every block that operator delete is given is overwritten first. Not for threads.
class WipeFreedMemory {
public:
  WipeFreedMemory();
  ~WipeFreedMemory();
  WipeFreedMemory(const WipeFreedMemory &) = delete;
  WipeFreedMemory &operator=(const WipeFreedMemory &) = delete;
};

// Overwrites what functions that have returned left on the stack, half a megabyte deep.
void wipe_unused_stack();

}  // namespace fanout::sys
