#include "evil_attempts.hpp"

#include <fcntl.h>
#include <linux/futex.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <seccomp.h>

namespace fanout::test {

using sandbox::Profile;

namespace {

const std::vector<Profile> everywhere = {Profile::exec, Profile::put, Profile::get,
                                         Profile::get_again};
const std::vector<Profile> transfers = {Profile::put, Profile::get, Profile::get_again};
const std::vector<Profile> downloads = {Profile::get, Profile::get_again};

template <class... Arguments>
int raw(long number, Arguments... arguments) {
  return ::syscall(number, arguments...) < 0 ? errno : 0;
}

long number_of(const char *name) { return seccomp_syscall_resolve_name(name); }

// --- calls whose name says it all: made with arguments that no call can use -----------------------------------------

constexpr std::array never = {
    // programs and processes
    "execve",
    "execveat",
    "fork",
    "vfork",
    "clone",
    "clone3",
    "wait4",
    "waitid",
    "kill",
    "tkill",
    "rt_sigqueueinfo",
    "rt_tgsigqueueinfo",
    "pidfd_open",
    "pidfd_send_signal",
    "pidfd_getfd",
    "ptrace",
    "process_vm_readv",
    "process_vm_writev",
    "process_madvise",
    "process_mrelease",
    "kcmp",
    "unshare",
    "setns",
    "setpgid",
    "setsid",
    "setpriority",
    "sched_setscheduler",
    "sched_setattr",
    "sched_setaffinity",
    "ioprio_set",
    "personality",
    "get_robust_list",
    "set_robust_list",
    "set_tid_address",
    "setitimer",
    "timer_create",
    "alarm",
    "pause",
    "rt_sigsuspend",
    "getppid",
    // rights
    "setuid",
    "setgid",
    "setreuid",
    "setregid",
    "setresuid",
    "setresgid",
    "setfsuid",
    "setfsgid",
    "setgroups",
    "capset",
    "setrlimit",
    "seccomp",
    "landlock_create_ruleset",
    "landlock_add_rule",
    "landlock_restrict_self",
    "keyctl",
    "add_key",
    "request_key",
    "umask",
    // files by path
    "creat",
    "link",
    "linkat",
    "symlink",
    "symlinkat",
    "mknod",
    "mknodat",
    "mkdir",
    "rmdir",
    "unlink",
    "rename",
    "truncate",
    "chmod",
    "fchmodat",
    "chown",
    "lchown",
    "fchown",
    "fchownat",
    "utime",
    "utimes",
    "futimesat",
    "setxattr",
    "lsetxattr",
    "fsetxattr",
    "getxattr",
    "lgetxattr",
    "listxattr",
    "removexattr",
    "lremovexattr",
    "fremovexattr",
    "chdir",
    "fchdir",
    "chroot",
    "pivot_root",
    "mount",
    "umount2",
    "open_tree",
    "move_mount",
    "fsopen",
    "fsconfig",
    "fsmount",
    "fspick",
    "mount_setattr",
    "statfs",
    "fstatfs",
    "ustat",
    "name_to_handle_at",
    "open_by_handle_at",
    "inotify_init1",
    "fanotify_init",
    "fanotify_mark",
    "quotactl",
    "swapon",
    "swapoff",
    "acct",
    "sync",
    "syncfs",
    "flock",
    "fallocate",
    "readahead",
    "getdents",
    // new descriptors, and bytes between descriptors
    "dup",
    "dup2",
    "dup3",
    "pipe",
    "pipe2",
    "eventfd",
    "eventfd2",
    "timerfd_create",
    "signalfd4",
    "epoll_create1",
    "epoll_ctl",
    "epoll_wait",
    "memfd_create",
    "memfd_secret",
    "userfaultfd",
    "io_uring_setup",
    "io_uring_enter",
    "io_uring_register",
    "io_setup",
    "io_submit",
    "perf_event_open",
    "bpf",
    "splice",
    "tee",
    "vmsplice",
    "sendfile",
    "copy_file_range",
    "select",
    "pselect6",
    // sockets
    "socketpair",
    "connect",
    "bind",
    "listen",
    "accept",
    "accept4",
    "sendmsg",
    "sendmmsg",
    "recvmmsg",
    "setsockopt",
    "getsockname",
    "getpeername",
    // memory that is shared, locked, elsewhere or special
    "shmget",
    "shmat",
    "shmctl",
    "msgget",
    "msgsnd",
    "semget",
    "semop",
    "mq_open",
    "remap_file_pages",
    "pkey_mprotect",
    "pkey_alloc",
    "mlock",
    "mlock2",
    "mlockall",
    "mincore",
    "msync",
    "mbind",
    "set_mempolicy",
    "migrate_pages",
    "move_pages",
    "modify_ldt",
    "arch_prctl",
    "futex_waitv",
    // the machine
    "init_module",
    "finit_module",
    "delete_module",
    "kexec_load",
    "kexec_file_load",
    "reboot",
    "syslog",
    "iopl",
    "ioperm",
    "sethostname",
    "setdomainname",
    "settimeofday",
    "clock_settime",
    "clock_adjtime",
    "adjtimex",
    "vhangup",
    "uselib",
    "_sysctl",
    "nfsservctl",
    "lookup_dcookie",
    "getcpu_cache",
    "times",
    "getrusage",
    "getuid",
    "sysfs",
};

// --- attempts with arguments that matter ---------------------------------------------------------------------------

int open_beneath(const Target &target, const std::string &path, std::uint64_t flags,
                 std::uint64_t mode = 0) {
  open_how how{};
  how.flags = flags | O_CLOEXEC;
  how.mode = mode;
  return raw(SYS_openat2, target.folder >= 0 ? target.folder : AT_FDCWD, path.c_str(), &how,
             sizeof how);
}

std::string proc_of(pid_t pid, const char *name) { return fmt::format("/proc/{}/{}", pid, name); }

int new_socket(int family, int type, int protocol = 0) {
  return raw(SYS_socket, family, type, protocol);
}

int connect_to_agent(const Target &target) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, target.agent_socket.data(), target.agent_socket.size());
  return raw(SYS_connect, target.slot, &address, sizeof address);
}

int send_descriptor(const Target &target) {
  char byte = 'x';
  iovec data{&byte, 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr *header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(header), &target.connection, sizeof(int));
  return raw(SYS_sendmsg, target.slot, &message, MSG_NOSIGNAL);
}

int send_with_address(const Target &target) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(9);
  return raw(SYS_sendto, target.connection, "x", 1, MSG_NOSIGNAL, &address, sizeof address);
}

int map(int protection, int flags, int fd = -1) {
  return ::mmap(nullptr, 4096, protection, flags, fd, 0) == MAP_FAILED ? errno : 0;
}

int make_own_memory_executable(const Target &) {
  void *page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return raw(SYS_mprotect, page, 4096, PROT_READ | PROT_EXEC);
}

int make_code_writable_and_executable(const Target &) {
  const auto code = reinterpret_cast<std::uintptr_t>(&make_code_writable_and_executable);
  return raw(SYS_mprotect, code & ~std::uintptr_t{4095}, 4096, PROT_READ | PROT_WRITE | PROT_EXEC);
}

int read_parent(const Target &target) {
  std::array<char, 8> buffer{};
  iovec ours{buffer.data(), buffer.size()};
  iovec theirs{buffer.data(), buffer.size()};
  return raw(SYS_process_vm_readv, target.parent, &ours, 1, &theirs, 1, 0);
}

int write_parent(const Target &target) {
  std::array<char, 8> buffer{};
  iovec ours{buffer.data(), buffer.size()};
  iovec theirs{buffer.data(), buffer.size()};
  return raw(SYS_process_vm_writev, target.parent, &ours, 1, &theirs, 1, 0);
}

int limit_parent(const Target &target) {
  rlimit current{};
  return raw(SYS_prlimit64, target.parent, RLIMIT_NOFILE, nullptr, &current);
}

int futex_with(int operation) {
  static std::uint32_t word = 0;
  return raw(SYS_futex, &word, operation, 1, nullptr, &word, 0);
}

int cpu_clock_of_parent(const Target &target) {
  timespec time{};
  // clock_getcpuclockid(3): the complement of the pid, shifted, and the kind of clock.
  const long clock = (~static_cast<long>(target.parent) << 3) | 2;
  return raw(SYS_clock_gettime, clock, &time);
}

#ifdef __x86_64__
// The number of getpid among the 32-bit calls is that of writev among ours, which is allowed.
int enter_as_32_bit(const Target &) {
  long result = 20;
  __asm__ volatile("int $0x80" : "+a"(result) : : "memory");
  return result < 0 ? static_cast<int>(-result) : 0;
}
#endif

std::vector<Attempt> make_attempts() {
  std::vector<Attempt> all = {
      // files
      {"openat of a file outside",
       [](const Target &t) { return raw(SYS_openat, AT_FDCWD, t.file.c_str(), O_RDONLY); },
       {EACCES},
       everywhere},
      {"openat of a file inside",
       [](const Target &t) { return raw(SYS_openat, t.folder, "inside", O_RDONLY); },
       {EACCES},
       everywhere},
      {"openat2 of a file outside, to read",
       [](const Target &t) { return open_beneath(t, t.file, O_RDONLY); },
       {EACCES},
       transfers},
      {"openat2 of a file outside, to write",
       [](const Target &t) { return open_beneath(t, t.file, O_WRONLY); },
       {EACCES},
       transfers},
      {"openat2 of a folder outside, to list it",
       [](const Target &t) { return open_beneath(t, t.outside, O_RDONLY | O_DIRECTORY); },
       {EACCES},
       transfers},
      {"openat2 of the root, to list it",
       [](const Target &t) { return open_beneath(t, "/", O_RDONLY | O_DIRECTORY); },
       {EACCES},
       transfers},
      {"openat2 of a new file outside",
       [](const Target &t) {
         return open_beneath(t, t.outside + "/new", O_WRONLY | O_CREAT, 0600);
       },
       {EACCES},
       transfers},
      {"openat2 of a file without a name outside",
       [](const Target &t) { return open_beneath(t, t.outside, O_RDWR | O_TMPFILE, 0600); },
       {EACCES},
       transfers},
      {"openat2 with O_TRUNC of a file outside",
       [](const Target &t) { return open_beneath(t, t.file, O_RDONLY | O_TRUNC); },
       {EACCES},
       transfers},
      {"openat2 through ..",
       [](const Target &t) { return open_beneath(t, "../file", O_RDWR); },
       {EACCES},
       transfers},
      {"openat2 through a planted link",
       [](const Target &t) { return open_beneath(t, "link", O_RDWR); },
       {EACCES},
       transfers},
      {"openat2 through /proc/self/root",
       [](const Target &t) { return open_beneath(t, "/proc/self/root" + t.file, O_RDONLY); },
       {EACCES},
       transfers},
      {"openat2 through /proc/self/fd",
       [](const Target &t) { return open_beneath(t, "/proc/self/fd/0", O_RDWR); },
       {EACCES},
       transfers},
      {"openat2 of /proc/self/mem",
       [](const Target &t) { return open_beneath(t, "/proc/self/mem", O_RDWR); },
       {EACCES},
       transfers},
      {"openat2 of the parent's memory",
       [](const Target &t) { return open_beneath(t, proc_of(t.parent, "mem"), O_RDWR); },
       {EACCES},
       transfers},
      {"openat2 of the parent's environment",
       [](const Target &t) { return open_beneath(t, proc_of(t.parent, "environ"), O_RDONLY); },
       {EACCES},
       transfers},
      {"openat2 of the parent's descriptors",
       [](const Target &t) { return open_beneath(t, proc_of(t.parent, "fd"), O_RDONLY); },
       {EACCES},
       transfers},
      {"openat2 of a terminal",
       [](const Target &t) { return open_beneath(t, "/dev/ptmx", O_RDWR); },
       {EACCES},
       transfers},
      {"openat2 of a file inside, to read and write",
       [](const Target &t) { return open_beneath(t, "inside", O_RDWR); },
       {EACCES},
       transfers,
       0,
       {Profile::get_again}},
      {"mkdirat outside",
       [](const Target &t) { return raw(SYS_mkdirat, t.folder, (t.outside + "/d").c_str(), 0700); },
       {EACCES},
       downloads},
      {"mkdirat with a sticky bit",
       [](const Target &t) { return raw(SYS_mkdirat, t.folder, "d", 01777); }},
      {"unlinkat of a file outside",
       [](const Target &t) { return raw(SYS_unlinkat, t.folder, t.file.c_str(), 0); },
       {EACCES},
       downloads},
      {"renameat2 out of the folder",
       [](const Target &t) {
         return raw(SYS_renameat2, t.folder, "inside", t.folder, (t.outside + "/moved").c_str(), 0);
       },
       {EACCES, EXDEV},
       downloads},
      {"renameat out of the folder",
       [](const Target &t) {
         return raw(number_of("renameat"), t.folder, "inside", AT_FDCWD,
                    (t.outside + "/moved").c_str());
       },
       {EACCES, EXDEV},
       downloads},
      {"renameat2 into the folder",
       [](const Target &t) {
         return raw(SYS_renameat2, t.folder, t.file.c_str(), t.folder, "moved", 0);
       },
       {EACCES, EXDEV},
       downloads},
      {"renameat2 that swaps",
       [](const Target &t) {
         return raw(SYS_renameat2, t.folder, "inside", t.folder, t.file.c_str(), RENAME_EXCHANGE);
       }},
      {"renameat2 that leaves a whiteout",
       [](const Target &t) {
         return raw(SYS_renameat2, t.folder, "inside", t.folder, "moved", RENAME_WHITEOUT);
       }},
      {"utimensat by path",
       [](const Target &t) { return raw(SYS_utimensat, AT_FDCWD, t.file.c_str(), nullptr, 0); }},
      {"fchmod to set-user-id", [](const Target &t) { return raw(SYS_fchmod, t.pipe, 04600); }},
      {"fchmod of the null device", [](const Target &) { return raw(SYS_fchmod, 0, 0666); }},
      {"fchmod of the null device, by a longer number",
       [](const Target &) { return raw(SYS_fchmod, 0x1'0000'0000L, 0666); }},
      {"utimensat of the null device",
       [](const Target &) { return raw(SYS_utimensat, 0, nullptr, nullptr, 0); }},
      {"fchown", [](const Target &t) { return raw(SYS_fchown, t.pipe, 0, 0); }},
      {"chmod of a file outside",
       [](const Target &t) { return raw(SYS_fchmodat, AT_FDCWD, t.file.c_str(), 0666); }},
      {"fchmodat2 of a file outside",
       [](const Target &t) { return raw(452, AT_FDCWD, t.file.c_str(), 0666, 0); }},
      {"symlinkat in the folder",
       [](const Target &t) { return raw(SYS_symlinkat, "/etc/shadow", t.folder, "new-link"); }},
      {"linkat of a file outside into the folder",
       [](const Target &t) {
         return raw(SYS_linkat, AT_FDCWD, t.file.c_str(), t.folder, "hard", 0);
       }},
      {"mknodat of a FIFO in the folder",
       [](const Target &t) { return raw(SYS_mknodat, t.folder, "fifo", S_IFIFO | 0600, 0); }},
      {"setxattr of a file outside",
       [](const Target &t) { return raw(SYS_setxattr, t.file.c_str(), "user.x", "x", 1, 0); }},
      {"newfstatat of a file outside",
       [](const Target &t) {
         struct stat facts {};
         return raw(number_of("newfstatat"), AT_FDCWD, t.file.c_str(), &facts, 0);
       },
       {EACCES},
       everywhere},
      {"statx of a file outside",
       [](const Target &t) {
         struct statx facts {};
         return raw(SYS_statx, AT_FDCWD, t.file.c_str(), 0, STATX_ALL, &facts);
       },
       {EACCES},
       everywhere},
      {"faccessat of a file outside",
       [](const Target &t) { return raw(SYS_faccessat, AT_FDCWD, t.file.c_str(), F_OK); },
       {EACCES},
       everywhere},
      {"readlinkat of the parent's program",
       [](const Target &t) {
         std::array<char, 256> text{};
         return raw(SYS_readlinkat, AT_FDCWD, proc_of(t.parent, "exe").c_str(), text.data(),
                    text.size());
       },
       {EACCES},
       everywhere},

      // programs and processes
      {"execve of a shell",
       [](const Target &) {
         const std::array<const char *, 4> argv = {"sh", "-c", "exit 0", nullptr};
         return raw(SYS_execve, "/bin/sh", argv.data(), nullptr);
       }},
      {"kill of the parent with signal 0",
       [](const Target &t) { return raw(SYS_kill, t.parent, 0); }},
      {"kill of everybody with signal 0", [](const Target &) { return raw(SYS_kill, -1, 0); }},
      {"tgkill of the parent",
       [](const Target &t) { return raw(SYS_tgkill, t.parent, t.parent, 0); },
       {EPERM},
       everywhere},
      {"pidfd_open of the parent", [](const Target &t) { return raw(434, t.parent, 0); }},
      {"pidfd_send_signal", [](const Target &t) { return raw(424, t.slot, 0, nullptr, 0); }},
      {"ptrace of the parent",
       [](const Target &t) { return raw(SYS_ptrace, PTRACE_SEIZE, t.parent, nullptr, nullptr); }},
      {"process_vm_readv of the parent", read_parent},
      {"process_vm_writev of the parent", write_parent},
      {"prlimit64 of the parent", limit_parent, {EACCES}, everywhere},
      {"setrlimit",
       [](const Target &) {
         const rlimit wanted{0, 0};
         return raw(number_of("setrlimit"), RLIMIT_CORE, &wanted);
       }},
      {"prctl PR_SET_DUMPABLE 1",
       [](const Target &) { return raw(SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0); },
       {EINVAL},
       everywhere},
      {"prctl PR_SET_PDEATHSIG 0",
       [](const Target &) { return raw(SYS_prctl, PR_SET_PDEATHSIG, 0, 0, 0, 0); },
       {EINVAL},
       everywhere},
      {"unshare of the user namespace",
       [](const Target &) { return raw(SYS_unshare, 0x10000000); }},
      {"rt_sigaction",
       [](const Target &) { return raw(SYS_rt_sigaction, SIGTERM, nullptr, nullptr, 8); },
       {EPERM},
       everywhere},
      {"clock_gettime of the parent's clock", cpu_clock_of_parent},

      // sockets
      {"socket AF_INET, stream", [](const Target &) { return new_socket(AF_INET, SOCK_STREAM); }},
      {"socket AF_INET, datagram", [](const Target &) { return new_socket(AF_INET, SOCK_DGRAM); }},
      {"socket AF_INET6", [](const Target &) { return new_socket(AF_INET6, SOCK_STREAM); }},
      {"socket AF_UNIX", [](const Target &) { return new_socket(AF_UNIX, SOCK_STREAM); }},
      {"socket AF_NETLINK", [](const Target &) { return new_socket(AF_NETLINK, SOCK_RAW); }},
      {"socket AF_PACKET", [](const Target &) { return new_socket(AF_PACKET, SOCK_RAW); }},
      {"socket AF_ALG", [](const Target &) { return new_socket(AF_ALG, SOCK_SEQPACKET); }},
      {"socket AF_VSOCK", [](const Target &) { return new_socket(AF_VSOCK, SOCK_STREAM); }},
      {"connect to the agent", connect_to_agent},
      {"sendmsg of a descriptor", send_descriptor},
      {"sendto with an address", send_with_address},
      {"sendto that opens a connection",
       [](const Target &t) {
         return raw(SYS_sendto, t.connection, "x", 1, MSG_FASTOPEN, nullptr, 0);
       }},
      {"sendto without a copy",
       [](const Target &t) {
         return raw(SYS_sendto, t.connection, "x", 1, MSG_ZEROCOPY, nullptr, 0);
       }},
      {"recvfrom of the error queue",
       [](const Target &t) {
         char byte = 0;
         return raw(SYS_recvfrom, t.connection, &byte, 1, MSG_ERRQUEUE | MSG_DONTWAIT, nullptr,
                    nullptr);
       }},
      {"getsockopt for a descriptor of the peer",
       [](const Target &t) {
         int value = 0;
         socklen_t size = sizeof value;
         return raw(SYS_getsockopt, t.slot, SOL_SOCKET, 77 /* SO_PEERPIDFD */, &value, &size);
       }},
      {"getsockopt for the peer's user",
       [](const Target &t) {
         ucred value{};
         socklen_t size = sizeof value;
         return raw(SYS_getsockopt, t.slot, SOL_SOCKET, SO_PEERCRED, &value, &size);
       }},

      // descriptors
      {"fcntl F_DUPFD", [](const Target &t) { return raw(SYS_fcntl, t.slot, F_DUPFD, 0); }},
      {"fcntl F_SETOWN of the parent",
       [](const Target &t) { return raw(SYS_fcntl, t.connection, F_SETOWN, t.parent); }},
      {"fcntl F_SETSIG",
       [](const Target &t) { return raw(SYS_fcntl, t.connection, F_SETSIG, SIGKILL); }},
      {"fcntl F_SETFL O_ASYNC",
       [](const Target &t) { return raw(SYS_fcntl, t.connection, F_SETFL, O_RDWR | O_ASYNC); }},
      {"fcntl F_SETFL O_DIRECT on the pipe",
       [](const Target &t) { return raw(SYS_fcntl, t.pipe, F_SETFL, O_WRONLY | O_DIRECT); }},
      {"fcntl F_SETPIPE_SZ",
       [](const Target &t) { return raw(SYS_fcntl, t.pipe, F_SETPIPE_SZ, 1 << 20); }},
      {"fcntl F_SETLK",
       [](const Target &t) {
         struct flock lock {};
         return raw(SYS_fcntl, t.slot, F_SETLK, &lock);
       }},
      {"ioctl TIOCSTI",
       [](const Target &t) { return raw(SYS_ioctl, t.slot, TIOCSTI, "x"); },
       {EACCES},
       everywhere},
      {"ioctl FIOASYNC",
       [](const Target &t) {
         int on = 1;
         return raw(SYS_ioctl, t.connection, FIOASYNC, &on);
       },
       {EACCES},
       everywhere},
      {"io_uring_setup",
       [](const Target &) {
         std::array<char, 120> parameters{};
         return raw(425, 1, parameters.data());
       }},
      {"memfd_create", [](const Target &) { return raw(SYS_memfd_create, "x", 0); }},
      {"userfaultfd", [](const Target &) { return raw(SYS_userfaultfd, 1 /* user mode only */); }},

      // memory
      {"mmap PROT_EXEC",
       [](const Target &) { return map(PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS); }},
      {"mmap shared",
       [](const Target &) { return map(PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS); }},
      {"mmap of huge pages",
       [](const Target &) { return map(PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB); }},
      {"mmap of a descriptor",
       [](const Target &t) { return map(PROT_READ, MAP_PRIVATE, t.connection); }},
      {"mprotect of own memory to PROT_EXEC", make_own_memory_executable},
      {"mprotect of code to be written and run", make_code_writable_and_executable},
      {"mremap that leaves a hole",
       [](const Target &) {
         return raw(SYS_mremap, nullptr, 4096, 4096, 5 /* MAYMOVE, DONTUNMAP */, nullptr);
       }},
      {"madvise MADV_REMOVE",
       [](const Target &) { return raw(SYS_madvise, nullptr, 0, MADV_REMOVE); }},
      {"madvise MADV_HWPOISON", [](const Target &) { return raw(SYS_madvise, nullptr, 0, 100); }},
      {"futex with priority inheritance",
       [](const Target &) { return futex_with(FUTEX_TRYLOCK_PI | FUTEX_PRIVATE_FLAG); }},
      {"futex that requeues",
       [](const Target &) { return futex_with(FUTEX_CMP_REQUEUE | FUTEX_PRIVATE_FLAG); }},
      {"futex in shared memory", [](const Target &) { return futex_with(FUTEX_WAKE); }},

      // other ways in
      {"a number that no call has", [](const Target &) { return raw(0x7ff0); }},
      {"a negative number", [](const Target &) { return raw(-2); }},
  };
#ifdef SYS_open
  all.push_back({"open of a file outside",
                 [](const Target &t) { return raw(SYS_open, t.file.c_str(), O_RDONLY); },
                 {EACCES},
                 everywhere});
#endif
#ifdef __x86_64__
  all.push_back(
      {"getpid as an x32 call", [](const Target &) { return raw(0x40000000 | SYS_getpid); }});
  all.push_back({"writev as an x32 call",
                 [](const Target &) { return raw(0x40000000 | 516, 1, nullptr, 0); }});
  // A kernel without 32-bit calls sends SIGSEGV.
  all.push_back({"getpid as a 32-bit call", enter_as_32_bit, {}, {}, SIGSEGV});
#endif
  for (const char *name : never) {
    const long number = number_of(name);
    if (number < 0) continue;  // another architecture's
    all.push_back(
        {name, [number](const Target &) { return raw(number, -1L, -1L, -1L, -1L, -1L, -1L); }});
  }
  return all;
}

}  // namespace

bool Attempt::must_die_in(Profile profile) const {
  return std::find(answered.begin(), answered.end(), profile) == answered.end();
}

bool Attempt::is_no_attack_in(Profile profile) const {
  return std::find(harmless.begin(), harmless.end(), profile) != harmless.end();
}

std::string Attempt::describe_expectation(Profile profile) const {
  if (must_die_in(profile)) return "killed by SYS";
  std::vector<std::string> names;
  for (const int error : errors) names.emplace_back(::strerrorname_np(error));
  return fmt::format("{}", fmt::join(names, " or "));
}

const std::vector<Attempt> &evil_attempts() {
  static const std::vector<Attempt> attempts = make_attempts();
  return attempts;
}

}  // namespace fanout::test
