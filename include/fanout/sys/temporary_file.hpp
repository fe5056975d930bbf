// A file without a name, for what does not fit in memory.
#pragma once

#include "fanout/core/result.hpp"
#include "fanout/sys/fd.hpp"

namespace fanout::sys {

// Read and write, mode 0600, in $TMPDIR or /tmp: O_TMPFILE, or an exclusive name unlinked at once where the file system
// has no O_TMPFILE. Gone when closed, whatever kills the process.
core::Result<UniqueFd> make_temporary_file();

}  // namespace fanout::sys
