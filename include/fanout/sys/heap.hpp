// The heap of a process from which many are forked.
#pragma once

namespace fanout::sys {

// Call when what is the same for all children has been made. Joins the free blocks, which the first large allocation of
// every child would do again, touching and so copying most pages of the heap; gives back what is free; and has blocks of
// 64 KiB or more mapped (mallopt(3), M_MMAP_THRESHOLD), so that a child has only those of their pages that it uses.
void settle_heap();

}  // namespace fanout::sys
