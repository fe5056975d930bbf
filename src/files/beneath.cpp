// RESOLVE_BENEATH stops every way out, also that of a folder which is renamed while it is walked; RESOLVE_NO_SYMLINKS
// stops links that stay inside as well, because what a tree here has for links is not the server's concern.
#include "beneath.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace fanout::files {

sys::UniqueFd open_beneath(int folder, const std::string &path, std::uint64_t flags,
                           std::uint64_t mode) {
  open_how how{};
  how.flags = flags | O_CLOEXEC;
  how.mode = mode;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  long fd = -1;
  do fd = ::syscall(SYS_openat2, folder, path.c_str(), &how, sizeof how);
  while (fd < 0 && errno == EINTR);
  return sys::UniqueFd::adopt(static_cast<int>(fd));
}

int status_of(int fd, struct stat &status) {
  return static_cast<int>(::syscall(SYS_fstat, fd, &status));
}

}  // namespace fanout::files
