// What has become of the files of a get: counts, the list for --manifest, and the cause of the host's record.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "fanout/core/error.hpp"
#include "fanout/core/transfer.hpp"
#include "transfer.hpp"

namespace fanout::worker {

class Fetched {
public:
  explicit Fetched(Transfer &transfer) : transfer_(transfer) {}

  // A file is whole in its place; `unchanged` when it was before. Tells the parent if it wants to know.
  void stands(core::FetchedFile file, bool unchanged);
  // A file or a folder that could not be fetched, or a name that is none. Nothing once the connection is broken: that is
  // the reason then.
  void failed(core::Error error);
  // This machine has refused one file after the other, so the rest is not asked for.
  [[nodiscard]] bool is_hopeless() const;

  // Gives what has failed to the transfer, as one sentence.
  void conclude();

private:
  Transfer &transfer_;
  std::optional<core::Error> first_;
  std::uint64_t failures_ = 0;
  int local_failures_ = 0;  // one after the other
};

}  // namespace fanout::worker
