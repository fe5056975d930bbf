#include "holes.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace fanout::files {

Content::Run find_run(int fd, std::uint64_t offset, std::uint64_t size) {
  const Content::Run all_data{false, size};
  if (offset >= size) return all_data;
  const off_t begin = ::lseek(fd, static_cast<off_t>(offset), SEEK_DATA);
  // No data from here to the end of the file.
  if (begin < 0) return errno == ENXIO ? Content::Run{true, size} : all_data;
  if (static_cast<std::uint64_t>(begin) > offset)
    return {true, std::min(static_cast<std::uint64_t>(begin), size)};
  const off_t end = ::lseek(fd, static_cast<off_t>(offset), SEEK_HOLE);
  if (end < 0 || static_cast<std::uint64_t>(end) <= offset) return all_data;
  return {false, std::min(static_cast<std::uint64_t>(end), size)};
}

}  // namespace fanout::files
