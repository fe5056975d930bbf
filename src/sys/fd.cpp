#include "fanout/sys/fd.hpp"

#include <unistd.h>

namespace fanout::sys {

void UniqueFd::close() {
  // Linux frees the descriptor even when close(2) says EINTR: repeating it could close a stranger's.
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

}  // namespace fanout::sys
