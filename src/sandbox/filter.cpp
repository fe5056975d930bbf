// libseccomp turns names into numbers and rules into a program; the kernel gets it without libseccomp, because a program
// that is built in every worker costs more than everything else here.
#include "filter.hpp"

#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>

#include <fmt/format.h>
#include <seccomp.h>

#include "fanout/sys/io.hpp"
#include "fanout/sys/pipe.hpp"
#include "sanitizers.hpp"

namespace fanout::sandbox {

using core::ErrorKind;
using core::fail;
using core::Result;
using core::system_error;

namespace {

using Context = std::unique_ptr<void, decltype(&seccomp_release)>;

// libseccomp answers 0 or a negative errno.
Result<void> checked(int result, const std::string &operation) {
  if (result < 0) return fail(system_error(ErrorKind::local, operation, -result));
  return {};
}

Result<void> add_rule(const Context &filter, std::uint32_t action, const char *name,
                      const std::vector<ArgumentTest> &tests = {}) {
  const int number = seccomp_syscall_resolve_name(name);
  if (number < 0) return {};  // another architecture's
  std::vector<scmp_arg_cmp> comparisons;
  comparisons.reserve(tests.size());
  for (const ArgumentTest &test : tests)
    comparisons.push_back({test.index, SCMP_CMP_MASKED_EQ, test.mask, test.value});
  return checked(
      seccomp_rule_add_array(filter.get(), action, number,
                             static_cast<unsigned>(comparisons.size()), comparisons.data()),
      fmt::format("seccomp rule for {}", name));
}

// seccomp_export_bpf_mem exists from libseccomp 2.6 on; before, the program can only be had through a descriptor. Not a
// file in memory, which the user's limit on files may cut; a socket takes the largest program (BPF_MAXINSNS) at once.
Result<FilterProgram> exported(const Context &filter) {
  TRY_ASSIGN(auto ends, sys::make_socket_pair());
  TRY(checked(seccomp_export_bpf(filter.get(), ends.first.get()), "seccomp_export_bpf"));
  ends.first.close();
  std::string bytes;
  char buffer[4096];
  for (;;) {
    const sys::Transfer got = sys::read_some(ends.second.get(), buffer, sizeof buffer);
    if (got.state != sys::Transfer::State::done) break;
    bytes.append(buffer, got.count);
  }
  FilterProgram program(bytes.size() / sizeof(sock_filter));
  if (program.empty() || bytes.size() % sizeof(sock_filter) != 0)
    return fail(ErrorKind::local, "seccomp_export_bpf: no program");
  std::memcpy(program.data(), bytes.data(), bytes.size());
  return program;
}

}  // namespace

int filters_refusal() {
  const std::uint32_t action = SECCOMP_RET_KILL_PROCESS;
  return ::syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0 ? 0 : errno;
}

bool is_filtered() { return ::prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == SECCOMP_MODE_FILTER; }

Result<FilterProgram> build_filter(const CallProfile &profile) {
  // Run-time libraries of sanitizers may be refused a call, but must be left to say what they have found.
  const std::uint32_t otherwise =
      built_with_sanitizers ? SCMP_ACT_ERRNO(EPERM) : SCMP_ACT_KILL_PROCESS;
  const Context filter(seccomp_init(otherwise), seccomp_release);
  if (filter == nullptr) return fail(ErrorKind::local, "seccomp_init failed");
  // The 32-bit calls of a 64-bit kernel have other numbers, and so would pass for others.
  TRY(checked(seccomp_attr_set(filter.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS),
              "seccomp_attr_set"));
  // A binary tree, from libseccomp 2.5 on. At installation the kernel runs the program once for every number there is,
  // to find those that are always allowed; in a list each of these runs passes every comparison.
  static_cast<void>(seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2));
  for (const AllowedCall &call : profile.allowed)
    TRY(add_rule(filter, SCMP_ACT_ALLOW, call.name, call.tests));
  for (const RefusedCall &call : profile.refused) {
    const std::uint32_t refusal = SCMP_ACT_ERRNO(static_cast<std::uint16_t>(call.error));
    // libseccomp takes no rule that says what holds without it.
    if (refusal != otherwise) TRY(add_rule(filter, refusal, call.name));
  }
  return exported(filter);
}

Result<void> install_filter(const FilterProgram &program, Threads threads) {
  // The kernel only reads the program; sock_fprog has no const form.
  const sock_fprog pointer{static_cast<unsigned short>(program.size()),
                           const_cast<sock_filter *>(program.data())};
  const unsigned flags =
      SECCOMP_FILTER_FLAG_LOG | (threads == Threads::all ? SECCOMP_FILTER_FLAG_TSYNC : 0U);
  const long result = ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &pointer);
  if (result < 0) return fail(system_error(ErrorKind::local, "seccomp", errno));
  // The number of a thread that has a filter of its own.
  if (result > 0) return fail(ErrorKind::local, "seccomp: a thread cannot be bound");
  return {};
}

}  // namespace fanout::sandbox
