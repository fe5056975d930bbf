#include "attributes.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>

#include "place.hpp"

namespace fanout::files {

using core::fail;
using core::Result;

namespace {

constexpr std::uint32_t permissions = 0777;

}  // namespace

Result<void> set_mode(int fd, std::uint32_t mode, std::string_view shown) {
  if (::fchmod(fd, mode & permissions) != 0)
    return fail(path_error("set the mode of", shown, errno));
  return {};
}

Result<void> set_time(int fd, std::int64_t mtime, std::string_view shown) {
  const std::array<timespec, 2> times = {{{0, UTIME_OMIT}, {mtime, 0}}};
  if (::futimens(fd, times.data()) != 0) return fail(path_error("set the time of", shown, errno));
  return {};
}

}  // namespace fanout::files
