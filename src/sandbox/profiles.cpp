// Which system calls are allowed where?
//
// A profile is the sum of the groups below. Two rules made the lists. A call gets in if a healthy worker makes it, or if
// libc falls back on it where the kernel offers no faster way (clock_gettime without a vDSO, ppoll where an architecture
// has no poll). And arguments are tested wherever a call can do more than its caller needs, because the process that
// makes it may belong to the server by then. What lies behind a pointer cannot be tested: paths are left to Landlock.
#include "profiles.hpp"

#include <fcntl.h>
#include <linux/futex.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "sanitizers.hpp"

namespace fanout::sandbox {

namespace {

using Allowed = std::vector<AllowedCall>;

ArgumentTest is(unsigned index, std::uint64_t value) { return {index, ~std::uint64_t{0}, value}; }
ArgumentTest only_bits(unsigned index, std::uint64_t bits) { return {index, ~bits, 0}; }

// Newer than some headers (Linux 6.11): memory that the kernel may drop, in which libc keeps the state of getrandom.
constexpr std::uint64_t map_droppable = 0x08;

constexpr std::uint64_t read_write = PROT_READ | PROT_WRITE;

// Bytes over descriptors that exist.
Allowed streams() {
  return {
      {"read"},
      {"write"},
      {"writev"},  // what libc has to say before it aborts
      // No address: on a TCP socket it would open a connection (MSG_FASTOPEN). No error queue, no zero copy, no urgent data.
      {"sendto", {only_bits(3, MSG_NOSIGNAL | MSG_DONTWAIT), is(4, 0)}},
      {"recvfrom", {only_bits(3, MSG_NOSIGNAL | MSG_DONTWAIT), is(4, 0)}},
      // Whether control data is wanted lies behind a pointer. The only senders that could attach a descriptor are the
      // parent and the key holder, and they do not; the other direction, sendmsg, is closed to workers.
      {"recvmsg", {only_bits(2, MSG_NOSIGNAL | MSG_DONTWAIT | MSG_CMSG_CLOEXEC)}},
      {"poll"},
      {"ppoll"},
      {"close"},
      {"shutdown"},
      // Only the pending error: SO_PEERPIDFD makes a descriptor, and many options of TCP are little-tested code.
      {"getsockopt", {is(1, SOL_SOCKET), is(2, SO_ERROR)}},
      {"fcntl", {is(1, F_GETFL)}},
      // Blocking or not. O_ASYNC would send signals, O_DIRECT would cut a pipe's bytes into packets.
      {"fcntl", {is(1, F_SETFL), only_bits(2, O_ACCMODE | O_NONBLOCK)}},
  };
}

// The one option that the connection to the server is given after the worker has begun to listen to it.
Allowed the_connection() { return {{"setsockopt", {is(1, IPPROTO_TCP), is(2, TCP_QUICKACK)}}}; }

// Memory of its own, never executable: a mapping of files, of shared memory or with PROT_EXEC is none.
Allowed memory() {
  return {
      {"brk"},
      {"mmap",
       {only_bits(2, read_write),
        {3, ~std::uint64_t{MAP_FIXED | MAP_NORESERVE | MAP_STACK}, MAP_PRIVATE | MAP_ANONYMOUS}}},
      {"mmap", {is(2, read_write), is(3, map_droppable | MAP_ANONYMOUS)}},
      {"munmap"},
      {"mremap", {is(3, MREMAP_MAYMOVE)}},  // realloc
      {"mprotect", {only_bits(2, read_write)}},
      {"madvise", {is(2, MADV_DONTNEED)}},
      {"madvise", {is(2, MADV_FREE)}},
      {"madvise", {is(2, MADV_DONTDUMP)}},
  };
}

// Time and chance. The upper clocks are those of other processes and of devices (clock_getcpuclockid(3)).
Allowed time_and_chance() {
  const ArgumentTest own_clock{0, 0xffff'fff0, 0};
  return {
      {"clock_gettime", {own_clock}},
      {"clock_nanosleep", {own_clock}},
      {"gettimeofday"},
      {"time"},
      {"nanosleep"},
      {"getrandom"},
  };
}

// Itself, and its end.
Allowed itself() {
  return {
      {"getpid"},       {"gettid"},          {"sched_yield"}, {"rt_sigprocmask"},
      {"rt_sigreturn"}, {"restart_syscall"}, {"exit"},        {"exit_group"},
  };
}

// Waiting and waking, which is what locks and once-flags need. The operations with priority inheritance and requeueing
// have been the way into the kernel before (CVE-2014-3153). `scope` is FUTEX_PRIVATE_FLAG for memory of its own, 0 for
// what is shared with other processes.
Allowed futexes(std::uint64_t scope) {
  Allowed calls;
  for (const std::uint64_t operation :
       {FUTEX_WAIT, FUTEX_WAKE, FUTEX_WAIT_BITSET, FUTEX_WAKE_BITSET})
    calls.push_back({"futex", {{1, ~std::uint64_t{FUTEX_CLOCK_REALTIME}, operation | scope}}});
  return calls;
}

// put and get open files with openat2, whose flags lie behind a pointer, and O_PATH passes Landlock: a hijacked worker of
// these two can find out whether a path exists, and its size, but neither read nor change what is there.

// Reading beneath the folders of put. There is no newfstatat, which takes paths of any file; so a size is asked for with
// the call fstat itself, which is not what fstat(3) makes in every libc.
Allowed reading_files() { return {{"openat2"}, {"fstat"}, {"getdents64"}, {"pread64"}, {"lseek"}}; }

// `call` for descriptors from 3 to 63, which is where limit_descriptors() ends. In the standard ones a worker has the null
// device, and if it is root's, its mode is everybody's concern. The kernel looks at 32 bits of a descriptor, so that a
// plain "not below 3" would let the others through with a bit above these set.
Allowed for_opened_files(const AllowedCall &call) {
  const std::vector<ArgumentTest> descriptors = {is(0, 3),
                                                 {0, ~std::uint64_t{3}, 4},
                                                 {0, ~std::uint64_t{7}, 8},
                                                 {0, ~std::uint64_t{15}, 16},
                                                 {0, ~std::uint64_t{31}, 32}};
  Allowed calls;
  for (const ArgumentTest &descriptor : descriptors) {
    calls.push_back(call);
    calls.back().tests.push_back(descriptor);
  }
  return calls;
}

// What get does to a file that it has written. Modes have no set-user-id, set-group-id or sticky bit; those that openat2
// could ask for are lost with the first byte written, for lack of CAP_FSETID.
constexpr std::uint64_t permissions = 0777;
Allowed changing_modes() { return for_opened_files({"fchmod", {only_bits(1, permissions)}}); }
Allowed changing_times() { return for_opened_files({"utimensat", {is(1, 0)}}); }  // no path

// Writing beneath the folder of get.
Allowed writing_files() {
  constexpr std::uint64_t rename_noreplace = 1;
  return {
      {"openat2"},   {"mkdirat", {only_bits(2, permissions)}},
      {"fstat"},     {"pwrite64"},
      {"ftruncate"}, {"fsync"},
      {"fdatasync"}, {"renameat2", {only_bits(4, rename_noreplace)}},
      {"renameat"},  // what renameat2(3) makes of it when no flag is set
      {"unlinkat"},
  };
}

// And reading there, to compare what is there already or to go on with it; which descriptors can be read is Landlock's
// concern.
Allowed reading_again() { return {{"pread64"}, {"lseek"}}; }

// What libc, OpenSSL or the loader try on the side. ENOSYS where they then take an older way.
std::vector<RefusedCall> refused_calls() {
  std::vector<RefusedCall> calls;
  for (const char *name : {"open",
                           "openat",
                           "stat",
                           "lstat",
                           "fstat",
                           "newfstatat",
                           "statx",
                           "access",
                           "faccessat",
                           "faccessat2",
                           "readlink",
                           "readlinkat",
                           "getcwd",
                           "ioctl",
                           "prlimit64",
                           "getrlimit",
                           "uname",
                           "sysinfo",
                           "sched_getaffinity",
                           "getcpu",
                           "sigaltstack"})
    calls.push_back({name, EACCES});
  for (const char *name : {"rseq", "membarrier", "riscv_hwprobe"}) calls.push_back({name, ENOSYS});
  // Names for memory, which newer allocators like to give.
  calls.push_back({"prctl", EINVAL});
  // abort(3): without them it ends itself by an illegal instruction. As a crash, which it is, and not by SIGSYS, which
  // would be taken for an attack.
  for (const char *name : {"tgkill", "rt_sigaction"}) calls.push_back({name, EPERM});
  return calls;
}

CallProfile profile_of(const std::vector<Allowed> &groups) {
  CallProfile profile;
  for (const Allowed &group : groups)
    profile.allowed.insert(profile.allowed.end(), group.begin(), group.end());
  // AddressSanitizer asks for its stack whenever a function does not return, and ends a process in which it may not.
  if (built_with_sanitizers) profile.allowed.push_back({"sigaltstack"});
  // One answer a call: libseccomp lets the rule without tests win.
  for (const RefusedCall &refused : refused_calls()) {
    const auto same = [&](const AllowedCall &call) {
      return std::strcmp(call.name, refused.name) == 0;
    };
    if (std::none_of(profile.allowed.begin(), profile.allowed.end(), same))
      profile.refused.push_back(refused);
  }
  return profile;
}

// --- the key holder -----------------------------------------------------------------------------------------------

// Everybody's sockets in one loop; the parent passes one in with each slot.
Allowed serving() {
  return {
      {"epoll_wait"},
      {"epoll_pwait"},
      {"epoll_ctl"},
      {"sendmsg", {only_bits(2, MSG_NOSIGNAL | MSG_DONTWAIT)}},
  };
}

// What libc does first in a new thread: one that was made just before the filter may not have come that far, and libc
// ends a process in which it is refused.
Allowed starting_threads() { return {{"rseq"}, {"set_robust_list"}}; }

// Its secrets stay out of swap, core files and children.
Allowed guarding_secrets() {
  return {
      {"mlock"},
      {"munlock"},
      {"madvise", {is(2, MADV_DONTFORK)}},
      {"madvise", {is(2, MADV_WIPEONFORK)}},
  };
}

// An agent is somebody else's process: its connection may have to be made anew.
Allowed reaching_the_agent() {
  return {
      {"socket", {is(0, AF_UNIX), {1, ~std::uint64_t{SOCK_CLOEXEC | SOCK_NONBLOCK}, SOCK_STREAM}}},
      {"connect"},
  };
}

}  // namespace

CallProfile worker_calls(Profile profile) {
  std::vector<Allowed> groups = {streams(),         the_connection(), memory(),
                                 time_and_chance(), itself(),         futexes(FUTEX_PRIVATE_FLAG)};
  switch (profile) {
    case Profile::exec: break;
    case Profile::put: groups.push_back(reading_files()); break;
    case Profile::get_again: groups.push_back(reading_again()); [[fallthrough]];
    case Profile::get:
      for (const Allowed &group : {writing_files(), changing_modes(), changing_times()})
        groups.push_back(group);
      break;
  }
  return profile_of(groups);
}

CallProfile key_holder_calls(bool has_agent) {
  // It shares the lock of the console with the parent, and joins its threads: both wait on words that are not private.
  std::vector<Allowed> groups = {
      streams(),  memory(),  time_and_chance(),  itself(),          futexes(FUTEX_PRIVATE_FLAG),
      futexes(0), serving(), starting_threads(), guarding_secrets()};
  if (has_agent) groups.push_back(reaching_the_agent());
  return profile_of(groups);
}

}  // namespace fanout::sandbox
