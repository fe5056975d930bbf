// Files with holes.
#pragma once

#include <cstdint>

#include "fanout/files/source.hpp"

namespace fanout::files {

// The run of data, or the hole, that `offset` is in: lseek(2), SEEK_DATA and SEEK_HOLE. All is data where the file
// system does not say.
Content::Run find_run(int fd, std::uint64_t offset, std::uint64_t size);

}  // namespace fanout::files
