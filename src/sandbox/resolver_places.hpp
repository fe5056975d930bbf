// The files and folders that name resolution reads, and nothing else of this machine.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "fanout/core/result.hpp"
#include "landlock.hpp"

namespace fanout::sandbox {

struct Place {
  std::string path;
  mode_t type;  // S_IFDIR and so on
};

// Those that exist here, each once, and the files that the resolver's environment names. Not for several threads.
std::vector<Place> resolver_places();

// Lets them be read. One that has gone since, or become another thing, is skipped.
core::Result<void> allow_reading(Ruleset &ruleset, const std::vector<Place> &places);

}  // namespace fanout::sandbox
