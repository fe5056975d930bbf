// What a server says that a directory has in it is checked here, name by name, whoever reads the directory. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "fanout/core/result.hpp"

namespace fanout::worker {

inline constexpr std::size_t max_entries_of_directory = 1'000'000;

// Of one directory, while it is read.
class ListingCheck {
public:
  // A part of the listing has come, of so many entries. The error says why the rest is not to be read: it does not end.
  core::Result<void> part(std::string_view directory, std::size_t entries);
  // What is wrong with an entry of this name, ErrorKind::protocol; nothing for one that may be fetched. A name that was there
  // before is wrong: the second would replace the first.
  std::optional<core::Error> fault_of(std::string_view directory, std::string_view name);

  [[nodiscard]] std::size_t names() const { return seen_count_; }

private:
  bool insert(std::uint64_t hash);
  void grow();

  // Keyed hashes of names, open addressing, half empty at least, 0 is an empty place: a million names are 16 MiB. Two names of one hash would be a
  // file refused, never one that replaces another.
  std::vector<std::uint64_t> seen_;
  std::size_t seen_count_ = 0;
  std::size_t entries_ = 0;
  int empty_parts_ = 0;
  int faults_ = 0;
};

}  // namespace fanout::worker
