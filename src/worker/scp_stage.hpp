// One run of `scp -t`: files of a portion into the staging folder of the host, where they have numbers for names.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "fanout/core/result.hpp"
#include "fanout/files/source.hpp"
#include "transfer.hpp"

namespace fanout::worker {

struct StagedFile {
  files::Entry entry;
  std::string path;  // where it goes
  struct Existing {
    std::uint32_t mode = 0;
    std::uint32_t user = 0;
    std::uint32_t group = 0;
    std::uint64_t size = 0;
  };
  std::optional<Existing> existing;  // the file that it replaces
  bool settled = false;              // it has failed, or there is nothing left to do
};

// Makes `staging` and sends every file that is not settled; its name there is its index. What fails of one file is told to
// Transfer::fail(), and settles it. Afterwards the others are whole and flushed. False when the stream had to be given up
// because a source has changed (that file is settled): then `staging` is to be removed and the rest sent again. An error is
// one that ends the transfer.
core::Result<bool> send_by_scp(Transfer &transfer, const files::Source &source,
                               std::vector<StagedFile> &files, const std::string &staging);

}  // namespace fanout::worker
