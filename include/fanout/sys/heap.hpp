// The heap of a process from which many are forked.
#pragma once

namespace fanout::sys {

// Call when what is the same for all children has been made. Joins the free blocks, which the first large allocation of
// every child would do again, touching and so copying most pages of the heap; gives back what is free; and has blocks of
// 64 KiB or more mapped (mallopt(3), M_MMAP_THRESHOLD), so that a child has only those of their pages that it uses. Of what
// a child frees it keeps some MiB (M_TRIM_THRESHOLD).
void settle_heap();

// In such a child, before it moves much data through large blocks: they come from the heap and stay there, instead of being
// mapped, cleared page by page and unmapped each time, which costs more than the encryption of what is in them.
void reuse_large_blocks();

}  // namespace fanout::sys
