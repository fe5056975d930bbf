#include "fanout/sandbox/limits.hpp"

#include <sys/prctl.h>
#include <sys/resource.h>

#include <cerrno>

namespace fanout::sandbox {

using core::ErrorKind;
using core::fail;
using core::Result;
using core::system_error;

namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool address_space_can_be_limited = false;
#else
constexpr bool address_space_can_be_limited = true;
#endif

constexpr rlim_t worker_address_space_bytes = 512U << 20;

Result<void> limit(__rlimit_resource resource, rlim_t value, const char *name) {
  const rlimit wanted{value, value};
  if (::setrlimit(resource, &wanted) != 0) return fail(system_error(ErrorKind::local, name, errno));
  return {};
}

}  // namespace

Result<void> hide_memory() {
  TRY(limit(RLIMIT_CORE, 0, "setrlimit RLIMIT_CORE"));
  if (::prctl(PR_SET_DUMPABLE, 0) != 0)
    return fail(system_error(ErrorKind::local, "prctl PR_SET_DUMPABLE", errno));
  return {};
}

Result<void> limit_worker() {
  TRY(hide_memory());
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return fail(system_error(ErrorKind::local, "prctl PR_SET_NO_NEW_PRIVS", errno));
  TRY(limit(RLIMIT_FSIZE, 0, "setrlimit RLIMIT_FSIZE"));
  if (address_space_can_be_limited)
    TRY(limit(RLIMIT_AS, worker_address_space_bytes, "setrlimit RLIMIT_AS"));
  return {};
}

}  // namespace fanout::sandbox
