// A process of root that has lost all capabilities is the owner of root's files, but no more: it cannot raise limits,
// keep a set-user-id bit on a file that it writes (CAP_FSETID), make devices, or enter where root is only let in because
// it is root.
#include "capabilities.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace fanout::sandbox {

using core::ErrorKind;
using core::fail;
using core::Result;
using core::system_error;

Result<void> keep_capabilities(std::uint64_t kept) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets{};
  if (::syscall(SYS_capget, &header, sets.data()) != 0)
    return fail(system_error(ErrorKind::local, "capget", errno));
  for (std::size_t i = 0; i < sets.size(); ++i) {
    const auto part = static_cast<std::uint32_t>(kept >> (32 * i));
    sets[i].permitted &= part;
    sets[i].effective &= part;
    sets[i].inheritable = 0;
  }
  if (::syscall(SYS_capset, &header, sets.data()) != 0)
    return fail(system_error(ErrorKind::local, "capset", errno));
  return {};
}

}  // namespace fanout::sandbox
