// Content of a file on its way to the disk: holes stay holes, and it is hashed as it passes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "fanout/core/result.hpp"
#include "fanout/files/folder.hpp"
#include "fanout/files/sha256.hpp"

namespace fanout::worker {

// What of `bytes`, which are at `offset` of a file, is not zeros: the first run, as offset and length within `bytes`; a
// length of 0 when all are zeros. Runs begin and end at multiples of 4 KiB of the file, which is what a hole is made of.
struct DataRun {
  std::size_t begin = 0;
  std::size_t length = 0;
};
DataRun next_data(std::string_view bytes, std::uint64_t offset, std::size_t from);

class Arrival {
public:
  // `file` is borrowed; none when the bytes are only hashed.
  Arrival(files::Incoming *file, bool hash) : file_(file) {
    if (hash) digest_.emplace();
  }

  // Bytes come in their order.
  core::Result<void> take(std::string_view bytes);
  // What is there already, the first `size` bytes of the file, counts as if it had come.
  core::Result<void> take_part(std::uint64_t size);

  [[nodiscard]] std::uint64_t size() const { return size_; }
  // 32 raw bytes, or nothing when it was not asked for. To be called once.
  std::string finish() { return digest_ ? digest_->finish() : std::string(); }

private:
  files::Incoming *file_;
  std::optional<files::Sha256> digest_;
  std::uint64_t size_ = 0;
};

}  // namespace fanout::worker
