// The second half of parsing: all options have been met, each by itself.
#pragma once

#include "command_line.hpp"
#include "fanout/core/result.hpp"
#include "option_table.hpp"

namespace fanout::cli {

// Checks what the options are together and takes the words of the command line over into the draft: COMMAND, or the
// paths of a copy. ErrorKind::usage, as parse().
core::Result<void> agree(Draft &draft, const CommandLine &line);

}  // namespace fanout::cli
