// Many small files in one stream: members of the pack, taken apart by the host's tar.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "fanout/core/result.hpp"
#include "fanout/files/source.hpp"
#include "transfer.hpp"

namespace fanout::worker {

// A run of members in the pack, and how much of it is content.
struct PackRange {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  std::uint64_t content_bytes = 0;
};

// Runs tar in `folder` of the host, which exists, is ours alone and is empty, and feeds it the ranges and an end of archive.
// Afterwards the files stand there under their numbers and are flushed (sync). With `exact` they have the modes and times
// of the archive, else the modes less the umask and the time of day. Owners are those of the login. ErrorKind::remote when
// there is no tar, or it fails: then some of them may be there.
core::Result<void> unpack(Transfer &transfer, const files::Source &source,
                          const std::string &folder, const std::vector<PackRange> &ranges,
                          bool exact);

}  // namespace fanout::worker
