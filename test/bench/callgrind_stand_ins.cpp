// Preloaded by test/bench/instructions: what the program calls and valgrind cannot do, and where counting begins.
//
// Valgrind refuses system calls that it does not know, pidfd_open(2) among them (3.19). A process outside (callgrind.py)
// makes these calls for us: a descriptor can be handed over, and what it refers to does not change by that.
// Nor may the limits of a worker be set: valgrind writes a file when its program ends, and needs memory and descriptors of
// its own.
//
// A child of fork has the counts of its parent, until that moment, in its own. Callgrind takes back its counts or writes them
// down when it sees a function of a given name entered, and the functions at the end are there to be seen.

// With it the C library's setrlimit() would be setrlimit64() by another name; here both are meant.
#undef _FILE_OFFSET_BITS

#include <dlfcn.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdlib>
#include <cstring>

extern "C" {
void instructions_of_a_child();      // entered first by what fork has made
void instructions_of_a_worker();     // entered first by a worker
void instructions_of_the_workers();  // entered by the spawner, before it makes the first worker
}

namespace {

using Fork = pid_t (*)();
using Syscall = long (*)(long, ...);

// Looked up once, before main: a child should not count that.
Fork real_fork = nullptr;
Syscall real_syscall = nullptr;
sockaddr_un outside = {};

[[gnu::constructor]] void look_up() {
  real_fork = reinterpret_cast<Fork>(::dlsym(RTLD_NEXT, "fork"));
  real_syscall = reinterpret_cast<Syscall>(::dlsym(RTLD_NEXT, "syscall"));
  outside.sun_family = AF_UNIX;
  if (const char *path = std::getenv("FANOUT_PIDFD_SOCKET"))
    std::strncpy(outside.sun_path, path, sizeof outside.sun_path - 1);
}

// One packet there, one back: a pid, and an errno with a descriptor if it is 0.
int ask_outside(int number, int *received_fd) {
  const int channel = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  if (::connect(channel, reinterpret_cast<const sockaddr *>(&outside), sizeof outside) != 0) {
    const int error = errno;
    ::close(channel);
    return error;
  }
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  iovec part{&number, sizeof number};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  int error = EIO;
  if (::sendmsg(channel, &message, MSG_NOSIGNAL) == sizeof number) {
    part.iov_base = &error;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    if (::recvmsg(channel, &message, MSG_CMSG_CLOEXEC) != sizeof error) error = EIO;
    const cmsghdr *head = CMSG_FIRSTHDR(&message);
    if (error == 0) {
      if (head == nullptr || head->cmsg_type != SCM_RIGHTS)
        error = EIO;
      else
        std::memcpy(received_fd, CMSG_DATA(head), sizeof *received_fd);
    }
  }
  ::close(channel);
  return error;
}

int result_of(int error) {
  if (error == 0) return 0;
  errno = error;
  return -1;
}

}  // namespace

// The names and types are the C library's, from sys/pidfd.h, unistd.h and sys/resource.h.
extern "C" {

int pidfd_open(pid_t pid, unsigned /*flags*/) noexcept {
  int fd = -1;
  return result_of(ask_outside(pid, &fd)) == 0 ? fd : -1;
}

// Nobody can write down what it has counted when SIGKILL comes; those that get it here do not catch this one.
int kill(pid_t pid, int number) noexcept {
  return static_cast<int>(real_syscall(SYS_kill, pid, number == SIGKILL ? SIGTERM : number));
}

int setrlimit(__rlimit_resource_t /*resource*/, const rlimit * /*limits*/) noexcept { return 0; }
int setrlimit64(__rlimit_resource_t /*resource*/, const rlimit64 * /*limits*/) noexcept {
  return 0;
}

pid_t fork() noexcept {
  const pid_t pid = real_fork();
  if (pid == 0) instructions_of_a_child();
  return pid;
}

long syscall(long number, ...) noexcept {
  // As the C library does: what was not handed in reads as anything, and the kernel does not look at it.
  va_list rest;
  va_start(rest, number);
  long arguments[6];
  for (long &argument : arguments) argument = va_arg(rest, long);
  va_end(rest);
  static bool made_a_worker = false;
  if (number == SYS_clone && !made_a_worker) {
    made_a_worker = true;
    instructions_of_the_workers();
  }
  const long result = real_syscall(number, arguments[0], arguments[1], arguments[2], arguments[3],
                                   arguments[4], arguments[5]);
  if (number == SYS_clone && result == 0) instructions_of_a_worker();
  return result;
}

// Each has a body of its own, or the compiler would make one of them.
[[gnu::noinline]] void instructions_of_a_child() { asm volatile("# a child"); }
[[gnu::noinline]] void instructions_of_a_worker() { asm volatile("# a worker"); }
[[gnu::noinline]] void instructions_of_the_workers() { asm volatile("# the workers"); }
}
