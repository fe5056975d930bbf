#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "fanout/sys/process.hpp"

namespace fanout::sys {

using core::ErrorKind;
using core::fail;
using core::Result;
using core::system_error;

Result<void> null_standard_descriptors() {
  const UniqueFd null = UniqueFd::adopt(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null) return fail(system_error(ErrorKind::local, "open /dev/null", errno));
  for (int fd = 0; fd <= 2; ++fd)
    if (::dup2(null.get(), fd) < 0) return fail(system_error(ErrorKind::local, "dup2", errno));
  return {};
}

Result<void> open_missing_standard_descriptors() {
  for (int fd = 0; fd <= 2; ++fd) {
    if (::fcntl(fd, F_GETFD) >= 0) continue;
    // The lowest free number is fd itself. Opened without O_CLOEXEC: it stands for a standard descriptor. For the wrong
    // direction: whoever closed it wanted neither our input nor our output, and a write must not look like a success.
    const int opened = ::open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
    if (opened < 0) return fail(system_error(ErrorKind::local, "open /dev/null", errno));
  }
  return {};
}

void close_all_but(std::initializer_list<int> keep) {
  std::vector<int> kept(keep);
  std::sort(kept.begin(), kept.end());
  unsigned first = 3;
  for (const int fd : kept) {
    if (fd < 3) continue;
    if (static_cast<unsigned>(fd) > first) ::close_range(first, static_cast<unsigned>(fd) - 1, 0);
    first = static_cast<unsigned>(fd) + 1;
  }
  ::close_range(first, ~0U, 0);
}

}  // namespace fanout::sys
