#include "fanout/sandbox/limits.hpp"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "fanout/sys/io.hpp"

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

// Beyond what the worker has inherited, which is the parent's and grows with the inventory.
constexpr rlim_t worker_growth_bytes = 256U << 20;

// The first number of /proc/self/statm is the address space in pages (proc(5)).
Result<rlim_t> address_space_bytes() {
  TRY_ASSIGN(const std::string pages, sys::read_file("/proc/self/statm", 4096));
  return std::strtoull(pages.c_str(), nullptr, 10) * static_cast<rlim_t>(::sysconf(_SC_PAGESIZE));
}

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
  TRY(limit(RLIMIT_NPROC, 0, "setrlimit RLIMIT_NPROC"));
  if (address_space_can_be_limited) {
    TRY_ASSIGN(const rlim_t inherited, address_space_bytes());
    TRY(limit(RLIMIT_AS, inherited + worker_growth_bytes, "setrlimit RLIMIT_AS"));
  }
  return {};
}

}  // namespace fanout::sandbox
