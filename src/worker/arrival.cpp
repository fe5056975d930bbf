#include "arrival.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

namespace fanout::worker {

using core::Result;

namespace {

constexpr std::size_t block_bytes = 4096;
constexpr std::size_t part_bytes = 256 * 1024;

bool all_zeros(std::string_view bytes) {
  // What is compared with itself, one byte on, is all one byte.
  return bytes.front() == '\0' &&
         std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0;
}

}  // namespace

DataRun next_data(std::string_view bytes, std::uint64_t offset, std::size_t from) {
  DataRun run{from, 0};
  for (std::size_t at = from; at < bytes.size();) {
    const std::size_t to_boundary = block_bytes - (offset + at) % block_bytes;
    const std::size_t end = std::min(at + to_boundary, bytes.size());
    const bool hole = all_zeros(bytes.substr(at, end - at));
    if (!hole) {
      if (run.length == 0) run.begin = at;
      run.length = end - run.begin;
    } else if (run.length > 0) {
      break;
    }
    at = end;
  }
  return run;
}

Result<void> Arrival::take(std::string_view bytes) {
  if (digest_) digest_->add(bytes);
  for (std::size_t at = 0; file_ != nullptr && at < bytes.size();) {
    const DataRun run = next_data(bytes, size_, at);
    if (run.length == 0) break;
    TRY(file_->write(bytes.substr(run.begin, run.length), size_ + run.begin));
    at = run.begin + run.length;
  }
  size_ += bytes.size();
  return {};
}

Result<void> Arrival::take_part(std::uint64_t size) {
  std::vector<char> buffer(part_bytes);
  while (digest_ && size_ < size) {
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(part_bytes, size - size_));
    TRY(file_->read(buffer.data(), count, size_));
    digest_->add({buffer.data(), count});
    size_ += count;
  }
  size_ = size;
  return {};
}

}  // namespace fanout::worker
