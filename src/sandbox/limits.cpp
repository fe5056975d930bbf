#include "fanout/sandbox/limits.hpp"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "capabilities.hpp"
#include "fanout/sys/io.hpp"
#include "sanitizers.hpp"

namespace fanout::sandbox {

using core::ErrorKind;
using core::fail;
using core::Result;
using core::system_error;

namespace {

// Beyond what the worker has inherited.
constexpr rlim_t worker_growth_bytes = 256U << 20;
// In all, where it cannot be told what that is.
constexpr rlim_t worker_bytes_without_proc = 1U << 30;

// poll(2) fails with EINVAL when it is given more entries than this limit, whatever their numbers are, and a worker that
// ignores that turns in a loop. A worker of exec polls the link to the parent and the connection.
constexpr rlim_t polled_by_exec = 2;
// Descriptors have numbers below this limit, so those that put was handed come on top. Of get none has: the filter lets
// modes and times be changed for numbers below 64 alone (profiles.cpp).
constexpr rlim_t opened_by_transfers = 64;

rlim_t descriptors_of(Profile profile, std::size_t held) {
  switch (profile) {
    case Profile::exec: return polled_by_exec;
    case Profile::put: return opened_by_transfers + held;
    case Profile::get:
    case Profile::get_again: return opened_by_transfers;
  }
  return 0;
}

// The kernel counts the address space for itself, but tells it by /proc alone (proc(5): in pages, the first number).
constexpr const char *address_space_file = "/proc/self/statm";

Result<void> limit(__rlimit_resource resource, rlim_t value, const char *name) {
  const rlimit wanted{value, value};
  if (::setrlimit(resource, &wanted) == 0) return {};
  const int error = errno;
  // Only root may have more than the hard limit of its parent, and whoever has less already needs no limit of ours.
  rlimit current{};
  if (error != EPERM || ::getrlimit(resource, &current) != 0 || current.rlim_max >= value)
    return fail(system_error(ErrorKind::local, name, error));
  current.rlim_cur = current.rlim_max;
  if (::setrlimit(resource, &current) != 0)
    return fail(system_error(ErrorKind::local, name, errno));
  return {};
}

bool writes_files(Profile profile) {
  return profile == Profile::get || profile == Profile::get_again;
}

std::uint64_t capabilities_of(Profile profile) {
  switch (profile) {
    case Profile::exec: return 0;
    case Profile::put: return capability_to_read_all;
    case Profile::get:
    case Profile::get_again: return capability_to_write_all;
  }
  return 0;
}

}  // namespace

std::uint64_t worker_address_space_bytes() {
  const auto pages = sys::read_file(address_space_file, 4096);
  if (!pages) return worker_bytes_without_proc;
  const auto page_bytes = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return std::strtoull(pages->c_str(), nullptr, 10) * page_bytes + worker_growth_bytes;
}

bool limits_fit_closely() { return ::access(address_space_file, R_OK) == 0; }

Result<void> hide_memory() {
  TRY(limit(RLIMIT_CORE, 0, "setrlimit RLIMIT_CORE"));
  if (::prctl(PR_SET_DUMPABLE, 0) != 0)
    return fail(system_error(ErrorKind::local, "prctl PR_SET_DUMPABLE", errno));
  return {};
}

Result<void> limit_worker(Profile profile, std::uint64_t address_space_bytes) {
  TRY(hide_memory());
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return fail(system_error(ErrorKind::local, "prctl PR_SET_NO_NEW_PRIVS", errno));
  if (writes_files(profile))
    ::signal(SIGXFSZ, SIG_IGN);
  else
    TRY(limit(RLIMIT_FSIZE, 0, "setrlimit RLIMIT_FSIZE"));
  TRY(limit(RLIMIT_NPROC, 0, "setrlimit RLIMIT_NPROC"));
  if (!built_with_sanitizers) TRY(limit(RLIMIT_AS, address_space_bytes, "setrlimit RLIMIT_AS"));
  // Last: with it goes the right to raise a limit again.
  return keep_capabilities(capabilities_of(profile));
}

Result<void> limit_descriptors(Profile profile, std::size_t held) {
  TRY(limit(RLIMIT_MEMLOCK, 0, "setrlimit RLIMIT_MEMLOCK"));
  return limit(RLIMIT_NOFILE, descriptors_of(profile, held), "setrlimit RLIMIT_NOFILE");
}

}  // namespace fanout::sandbox
