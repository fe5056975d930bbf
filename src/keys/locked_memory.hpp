// Where the key holder's secrets lie: in one heap that is neither swapped out nor written into a core file.
#pragma once

#include <string>

namespace fanout::keys {

// Before anything secret is there: from now on malloc(3) uses the program break alone, for all threads, and gives nothing
// back. For the whole process.
void keep_memory_together();

// Locks the heap as it is now, with half a megabyte for what is to come, as far as RLIMIT_MEMLOCK allows (mlock(2)), and
// takes it out of core files (madvise(2), MADV_DONTDUMP). May be called again when it has grown. Empty when all of it is
// locked, else a sentence for -v.
std::string lock_memory();

}  // namespace fanout::keys
