// sandbox: real children that give up their rights and then do what a worker does, or what its attacker would do.
//
// An attempt of an attacker may end the process, so each has a child of its own. Children are confined as the user that
// runs the tests, and if that is root once more as one who is not.

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <sstream>
#include <thread>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>
#include <seccomp.h>

#include "evil_attempts.hpp"
#include "fanout/sandbox/confinement.hpp"
#include "fanout/sandbox/limits.hpp"
#include "fanout/sys/io.hpp"
#include "fanout/sys/passing.hpp"
#include "fanout/sys/pipe.hpp"
#include "fanout/sys/process.hpp"

using namespace fanout;
using namespace std::chrono_literals;
using sandbox::Confinement;
using sandbox::Mode;
using sandbox::Profile;

namespace {

#ifdef FANOUT_BUILT_WITH_SANITIZERS
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif

constexpr uid_t nobody = 65534;
constexpr int unprepared = 254;  // a child could not be set up; no errno has this number

std::vector<uid_t> users() {
  if (::getuid() == 0) return {0, nobody};
  return {::getuid()};
}

const char *name_of(Profile profile) {
  switch (profile) {
    case Profile::exec: return "exec";
    case Profile::put: return "put";
    case Profile::get: return "get";
    case Profile::get_again: return "get again";
  }
  return "?";
}

void become(uid_t user) {
  if (user == ::getuid()) return;
  if (::setgroups(0, nullptr) != 0 || ::setresgid(user, user, user) != 0 ||
      ::setresuid(user, user, user) != 0)
    ::_exit(unprepared);
}

// A folder with something in it, and something beside it that must not be reached. Everybody may read and write all of
// it, so that a refusal can come from the sandbox alone.
class Scratch {
public:
  Scratch() {
    path_ = (std::filesystem::temp_directory_path() / "fanout-sandbox-XXXXXX").string();
    REQUIRE(::mkdtemp(path_.data()) != nullptr);
    open_to_all(path_, 0777);
    REQUIRE(::mkdir(folder().c_str(), 0700) == 0);
    open_to_all(folder(), 0777);
    for (const std::string &each : {path_ + "/file", folder() + "/inside"}) {
      std::ofstream(each) << "contents";
      open_to_all(each, 0666);
    }
    REQUIRE(::symlink((path_ + "/file").c_str(), (folder() + "/link").c_str()) == 0);
  }
  ~Scratch() { std::filesystem::remove_all(path_); }
  Scratch(const Scratch &) = delete;
  Scratch &operator=(const Scratch &) = delete;

  [[nodiscard]] const std::string &path() const { return path_; }
  [[nodiscard]] std::string folder() const { return path_ + "/folder"; }
  [[nodiscard]] std::string file() const { return path_ + "/file"; }

private:
  static void open_to_all(const std::string &path, mode_t mode) {
    REQUIRE(::chmod(path.c_str(), mode) == 0);
  }
  std::string path_;
};

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

// A TCP server on a port of the kernel's choice that never accepts: to connect, its queue is enough.
class Listener {
public:
  Listener() : socket_(sys::UniqueFd::adopt(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))) {
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    auto *generic = reinterpret_cast<sockaddr *>(&address);
    REQUIRE(::bind(socket_.get(), generic, size) == 0);
    REQUIRE(::listen(socket_.get(), 128) == 0);
    REQUIRE(::getsockname(socket_.get(), generic, &size) == 0);
    port_ = ntohs(address.sin_port);
  }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] sys::UniqueFd accept() const {
    return sys::UniqueFd::adopt(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  }

private:
  sys::UniqueFd socket_;
  std::uint16_t port_ = 0;
};

// errno, 0 when it is connected.
int connect_to(std::uint16_t port, sys::UniqueFd *kept = nullptr) {
  sys::UniqueFd socket = sys::UniqueFd::adopt(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in address = loopback(port);
  if (!socket ||
      ::connect(socket.get(), reinterpret_cast<const sockaddr *>(&address), sizeof address) != 0)
    return errno;
  if (kept != nullptr) *kept = std::move(socket);
  return 0;
}

// Somebody whom a worker must not reach.
class Agent {
public:
  explicit Agent(const std::string &folder)
      : path_(folder + "/agent"),
        socket_(sys::UniqueFd::adopt(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0))) {
    const sockaddr_un address = address_of(path_);
    REQUIRE(::bind(socket_.get(), reinterpret_cast<const sockaddr *>(&address), sizeof address) ==
            0);
    REQUIRE(::listen(socket_.get(), 16) == 0);
    REQUIRE(::chmod(path_.c_str(), 0777) == 0);
  }
  [[nodiscard]] const std::string &path() const { return path_; }
  static sockaddr_un address_of(const std::string &path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    return address;
  }
  static int connect_to(const std::string &path) {
    const sys::UniqueFd socket =
        sys::UniqueFd::adopt(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const sockaddr_un address = address_of(path);
    if (!socket ||
        ::connect(socket.get(), reinterpret_cast<const sockaddr *>(&address), sizeof address) != 0)
      return errno;
    return 0;
  }

private:
  std::string path_;
  sys::UniqueFd socket_;
};

sys::ProcessStatus end_of(uid_t user, const std::function<int()> &program) {
  auto child = sys::fork_child([&] {
    ::alarm(20);
    become(user);
    return program();
  });
  REQUIRE(child);
  return child->reap_blocking();
}

// Exit status 0, or the number of the first check that failed.
#define STEP(number, condition) \
  if (!(condition)) return number

Confinement prepared(Profile profile, Mode mode = Mode::automatic) {
  auto confinement = Confinement::prepare(mode, profile);
  REQUIRE(confinement);
  return *std::move(confinement);
}

bool kernel_has_all() { return sandbox::missing().empty(); }

int open_in(int folder, const char *path, std::uint64_t flags, std::uint64_t mode = 0) {
  open_how how{};
  how.flags = flags | O_CLOEXEC;
  how.mode = mode;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  return static_cast<int>(::syscall(SYS_openat2, folder, path, &how, sizeof how));
}

std::span<const int> only(const int &folder) { return {&folder, 1}; }

int open_folder(const std::string &path) {
  return ::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
}

}  // namespace

// --- what an attacker tries ---------------------------------------------------------------------------------------

namespace {

// What a worker has when its server takes it over.
struct Hijacked {
  Scratch scratch;
  Agent agent{scratch.path()};
  Listener listener;
  sys::UniqueFd connection;
  sys::UniqueFd server;
  std::pair<sys::UniqueFd, sys::UniqueFd> slot;
  sys::Pipe pipe;
  sys::UniqueFd folder;

  Hijacked() {
    REQUIRE(connect_to(listener.port(), &connection) == 0);
    server = listener.accept();
    slot = *sys::make_socket_pair();
    pipe = *sys::make_pipe();
    folder = sys::UniqueFd::adopt(open_folder(scratch.folder()));
    REQUIRE(folder);
  }
  [[nodiscard]] test::Target target() const {
    return {::getpid(),   agent.path(),     scratch.file(),   scratch.path(),
            folder.get(), connection.get(), slot.first.get(), pipe.write_end.get()};
  }
};

struct Outcome {
  bool as_expected = false;
  std::string text;
};

Outcome judge(const test::Attempt &attempt, Profile profile, const sys::ProcessStatus &status) {
  if (!status.exited) {
    const bool death = status.signal == SIGSYS ||
                       (attempt.other_death != 0 && status.signal == attempt.other_death);
    return {death && attempt.must_die_in(profile),
            fmt::format("killed by {}", sys::signal_name(status.signal))};
  }
  if (status.exit_status == 0) return {false, "SUCCEEDED"};
  if (status.exit_status == unprepared) return {false, "could not be tried"};
  const bool refused = sanitized && status.exit_status == EPERM;
  const bool expected =
      !attempt.must_die_in(profile) && std::find(attempt.errors.begin(), attempt.errors.end(),
                                                 status.exit_status) != attempt.errors.end();
  const char *name = ::strerrorname_np(status.exit_status);
  return {expected || refused, name != nullptr ? name : "?"};
}

}  // namespace

TEST_CASE("sandbox: nothing that a hijacked worker tries succeeds", "[sandbox]") {
  if (!kernel_has_all()) SKIP("this kernel has no whole sandbox");
  const std::array profiles = {Profile::exec, Profile::put, Profile::get, Profile::get_again};
  // One for all attempts: as none succeeds, none leaves anything behind.
  const Hijacked worker;
  const test::Target target = worker.target();
  for (const uid_t user : users()) {
    std::vector<Confinement> confinements;
    confinements.reserve(profiles.size());
    for (const Profile profile : profiles) confinements.push_back(prepared(profile));
    fmt::print("{:<48} {:<14} {:<14} {:<14} {}\n", fmt::format("as user {}", user), "exec", "put",
               "get", "get again");
    for (const test::Attempt &attempt : test::evil_attempts()) {
      std::array<std::string, profiles.size()> row;
      for (std::size_t i = 0; i < profiles.size(); ++i) {
        if (attempt.is_no_attack_in(profiles[i])) continue;
        const auto status = end_of(user, [&] {
          const auto folders =
              profiles[i] == Profile::exec ? std::span<const int>() : only(target.folder);
          if (!confinements[i].before_connecting(worker.listener.port(), folders) ||
              !confinements[i].before_reading(folders))
            return unprepared;
          return attempt.run(target);
        });
        const Outcome outcome = judge(attempt, profiles[i], status);
        row[i] = outcome.text;
        INFO(attempt.name << ", " << name_of(profiles[i]) << ", user " << user << ": "
                          << outcome.text << " instead of "
                          << attempt.describe_expectation(profiles[i]));
        CHECK(outcome.as_expected);
      }
      fmt::print("{:<48} {:<14} {:<14} {:<14} {}\n", attempt.name, row[0], row[1], row[2], row[3]);
    }
  }
}

TEST_CASE("sandbox: no call by any number is answered but those that a profile is known for",
          "[sandbox]") {
  if (sanitized || !kernel_has_all()) SKIP("needs the filter that kills");
  const std::set<std::string> all_profiles = {
      // allowed
      "read", "write", "writev", "sendto", "recvfrom", "recvmsg", "poll", "ppoll", "close",
      "shutdown", "brk", "munmap", "mprotect", "clock_gettime", "clock_nanosleep", "gettimeofday",
      "time", "nanosleep", "getrandom", "getpid", "gettid", "sched_yield", "rt_sigprocmask",
      "rt_sigreturn", "restart_syscall", "exit", "exit_group",
      // refused with an error
      "open", "openat", "stat", "lstat", "fstat", "newfstatat", "statx", "access", "faccessat",
      "faccessat2", "readlink", "readlinkat", "getcwd", "ioctl", "prlimit64", "getrlimit", "uname",
      "sysinfo", "sched_getaffinity", "getcpu", "sigaltstack", "rseq", "membarrier", "prctl",
      "tgkill", "rt_sigaction"};
  const std::set<std::string> of_put = {"openat2", "getdents64", "pread64", "lseek"};
  // And fchmod and utimensat, but not for descriptor 0.
  const std::set<std::string> of_get = {"openat2",   "mkdirat",   "pwrite64", "ftruncate", "fsync",
                                        "fdatasync", "renameat2", "renameat", "unlinkat"};
  const std::set<std::string> of_get_again = {"pread64", "lseek"};
  for (const Profile profile : {Profile::exec, Profile::put, Profile::get, Profile::get_again}) {
    std::set<int> expected;
    const auto add = [&](const std::set<std::string> &names) {
      for (const std::string &name : names)
        if (const int number = seccomp_syscall_resolve_name(name.c_str()); number >= 0)
          expected.insert(number);
    };
    add(all_profiles);
    if (profile == Profile::put) add(of_put);
    if (profile == Profile::get || profile == Profile::get_again) add(of_get);
    if (profile == Profile::get_again) add(of_get_again);

    const Confinement confinement = prepared(profile);
    std::set<int> answered;
    for (int number = 0; number < 600; ++number) {
#ifdef __x86_64__
      // uretprobe and uprobe: the kernel's own trampolines call them, and nobody else gets anything from them; they pass
      // every filter.
      if (number == 335 || number == 336) continue;
#endif
      const auto status = end_of(::getuid(), [&] {
        // Without descriptors, so that no call finds one to do its work on.
        sys::close_all_but({});
        for (const int fd : {0, 1, 2}) ::close(fd);
        if (!confinement.before_reading()) return unprepared;
        // ppoll without arguments waits for ever.
        if (number == SYS_ppoll) return ::syscall(number, 0, 0, 1, 0, 0, 0) < 0 ? 1 : 0;
        ::syscall(number, 0, 0, 0, 0, 0, 0);
        return 0;
      });
      REQUIRE_FALSE((status.exited && status.exit_status == unprepared));
      if (status.exited || status.signal != SIGSYS) answered.insert(number);
    }
    INFO("profile " << name_of(profile));
    CHECK(answered == expected);
  }
}

// --- what a healthy worker does -----------------------------------------------------------------------------------

TEST_CASE("sandbox: step one leaves name resolution and one port", "[sandbox]") {
  if (!kernel_has_all()) SKIP("this kernel has no whole sandbox");
  const Scratch scratch;
  const Listener allowed;
  const Listener other;
  const Confinement confinement = prepared(Profile::exec);
  for (const uid_t user : users()) {
    INFO("as user " << user);
    const pid_t parent = ::getpid();
    const auto status = end_of(user, [&]() -> int {
      STEP(1, confinement.before_connecting(allowed.port()));
      for (const char *name : {"127.0.0.1", "localhost"}) {
        addrinfo hints{};
        hints.ai_socktype = SOCK_STREAM;
        addrinfo *list = nullptr;
        STEP(2, ::getaddrinfo(name, "22", &hints, &list) == 0);
        ::freeaddrinfo(list);
      }
      STEP(3, connect_to(allowed.port()) == 0);
      STEP(4, connect_to(other.port()) == EACCES);
      const sys::UniqueFd socket =
          sys::UniqueFd::adopt(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      const sockaddr_in any = loopback(0);
      STEP(5, ::bind(socket.get(), reinterpret_cast<const sockaddr *>(&any), sizeof any) != 0);
      STEP(6, errno == EACCES);
      for (const std::string &path :
           {scratch.file(), std::string("/etc/shadow"), std::string("/etc/passwd"),
            std::string("/proc/self/environ"), std::string("/dev/tty")}) {
        STEP(7, ::open(path.c_str(), O_RDONLY | O_CLOEXEC) < 0 && errno == EACCES);
      }
      STEP(8, ::open("/etc/hosts", O_RDONLY | O_CLOEXEC) >= 0);
      STEP(9, ::open("/etc/hosts", O_WRONLY | O_CLOEXEC) < 0 && errno == EACCES);
      STEP(10, ::open((scratch.path() + "/new").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600) < 0);
      STEP(11, ::opendir("/etc") == nullptr);
      STEP(12, ::kill(parent, 0) != 0 && errno == EPERM);
      ::execl("/bin/true", "true", nullptr);
      STEP(13, errno == EACCES);
      return 0;
    });
    CHECK(sys::describe(status) == "exited with status 0");
  }
}

TEST_CASE("sandbox: what was made ready for a worker binds it like its own, and is closed",
          "[sandbox]") {
  if (!kernel_has_all()) SKIP("this kernel has no whole sandbox");
  const Scratch scratch;
  const Listener one;
  const Listener two;
  Confinement confinement = prepared(Profile::exec);
  const auto open_descriptors = [] {
    int count = 0;
    for (int fd = 0; fd < 256; ++fd)
      if (::fcntl(fd, F_GETFD) >= 0) ++count;
    return count;
  };
  const int before = open_descriptors();
  confinement.make_ready(one.port());
  CHECK(open_descriptors() == before + 1);
  confinement.make_ready(one.port());
  CHECK(open_descriptors() == before + 1);
  // Also a worker for another port than the one that was prepared for gets what it needs, and no more.
  for (const auto &[mine, others] : {std::pair{&one, &two}, {&two, &one}}) {
    const auto status = end_of(::getuid(), [&, mine = mine, others = others]() -> int {
      STEP(1, confinement.before_connecting(mine->port()));
      STEP(2, open_descriptors() == before);
      STEP(3, connect_to(mine->port()) == 0);
      STEP(4, connect_to(others->port()) == EACCES);
      STEP(5, ::open("/etc/hosts", O_RDONLY | O_CLOEXEC) >= 0);
      STEP(6, ::open(scratch.file().c_str(), O_RDONLY | O_CLOEXEC) < 0 && errno == EACCES);
      return 0;
    });
    CHECK(sys::describe(status) == "exited with status 0");
  }
}

TEST_CASE("sandbox: step one leaves the files that the resolver's environment names", "[sandbox]") {
  if (!kernel_has_all()) SKIP("this kernel has no whole sandbox");
  const Scratch scratch;
  const std::string beside = scratch.folder() + "/beside";
  std::ofstream(beside) << "contents";
  REQUIRE(::chmod(beside.c_str(), 0666) == 0);
  const auto can_read = [](const std::string &path) {
    const sys::UniqueFd fd = sys::UniqueFd::adopt(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    return fd.get() >= 0;
  };
  // A relative name is as good, and what a link points to is what counts.
  const std::vector<std::string> names = {scratch.folder() + "/inside", "inside", "link"};
  for (const char *variable : {"HOSTALIASES", "RESOLV_HOST_CONF"}) {
    for (const std::string &name : names) {
      INFO(variable << "=" << name);
      const auto status = end_of(::getuid(), [&]() -> int {
        STEP(1, ::chdir(scratch.folder().c_str()) == 0 && can_read(name));
        STEP(2, ::setenv(variable, name.c_str(), 1) == 0);
        const auto confinement = Confinement::prepare(Mode::automatic, Profile::exec);
        STEP(3, confinement && confinement->before_connecting(22));
        STEP(4, can_read(name) && !can_read(beside));
        STEP(5, ::open(name.c_str(), O_WRONLY | O_CLOEXEC) < 0 && errno == EACCES);
        return 0;
      });
      CHECK(sys::describe(status) == "exited with status 0");
    }
    {
      INFO(variable << ": a folder opens nothing");
      const auto status = end_of(::getuid(), [&]() -> int {
        STEP(1, ::setenv(variable, scratch.folder().c_str(), 1) == 0);
        const auto confinement = Confinement::prepare(Mode::automatic, Profile::exec);
        STEP(2, confinement && confinement->before_connecting(22));
        STEP(3, !can_read(beside));
        return 0;
      });
      CHECK(sys::describe(status) == "exited with status 0");
    }
    {
      INFO(variable << ": a file that became a folder opens nothing");
      const std::string name = scratch.path() + "/later";
      std::filesystem::remove(name);
      std::ofstream(name).put('x');
      const auto status = end_of(::getuid(), [&]() -> int {
        STEP(1, ::setenv(variable, name.c_str(), 1) == 0);
        const auto confinement = Confinement::prepare(Mode::automatic, Profile::exec);
        STEP(2,
             ::unlink(name.c_str()) == 0 && ::symlink(scratch.folder().c_str(), name.c_str()) == 0);
        STEP(3, confinement && confinement->before_connecting(22));
        STEP(4, !can_read(beside));
        return 0;
      });
      CHECK(sys::describe(status) == "exited with status 0");
    }
  }
}

TEST_CASE("sandbox: a confined worker talks, waits and allocates", "[sandbox]") {
  const Listener listener;
  const Confinement confinement = prepared(Profile::exec);
  for (const uid_t user : users()) {
    INFO("as user " << user);
    const auto slot = *sys::make_socket_pair();
    const auto pipe = *sys::make_pipe();
    auto child = sys::fork_child([&]() -> int {
      ::alarm(20);
      become(user);
      STEP(1, confinement.before_connecting(listener.port()));
      sys::UniqueFd socket;
      STEP(2, connect_to(listener.port(), &socket) == 0);
      STEP(3, confinement.before_reading());
      STEP(4, ::send(socket.get(), "hello", 5, MSG_NOSIGNAL) == 5);
      const int on = 1;
      STEP(16, ::setsockopt(socket.get(), IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on) == 0);
      std::array<pollfd, 2> entries = {{{socket.get(), POLLIN, 0}, {slot.first.get(), POLLIN, 0}}};
      STEP(5, ::poll(entries.data(), entries.size(), 10'000) == 1);
      std::array<char, 64> buffer{};
      STEP(6, ::recv(socket.get(), buffer.data(), buffer.size(), 0) == 5);
      STEP(7, sys::set_nonblocking(socket.get()));
      STEP(8, ::recv(socket.get(), buffer.data(), buffer.size(), 0) == -1 && errno == EAGAIN);
      STEP(9, sys::write_all(slot.first.get(), "question"));
      const auto answer = sys::receive_with_fd(slot.first.get(), buffer.data(), buffer.size());
      STEP(10, answer && answer->count == 6);
      STEP(11, ::getrandom(buffer.data(), buffer.size(), 0) == 64);
      const timespec pause{0, 1000};
      STEP(12, ::nanosleep(&pause, nullptr) == 0);
      STEP(13, sys::now() > core::TimePoint::min());
      constexpr std::size_t much = 64U << 20;
      auto block = std::make_unique<char[]>(much);
      std::memset(block.get(), 1, much);
      STEP(14, block[much - 1] == 1);
      std::string grown;
      for (int i = 0; i < 2'000'000; ++i) grown += 'x';
      block.reset();
      std::mutex mutex;
      std::once_flag once;
      std::call_once(once, [&] { const std::lock_guard lock(mutex); });
      // Printing with stdio asks for the kind of its descriptor first.
      std::printf("%s", "");
      STEP(15, sys::write_all(pipe.write_end.get(), "done"));
      return 0;
    });
    REQUIRE(child);
    const sys::UniqueFd server = listener.accept();
    std::array<char, 16> buffer{};
    CHECK(::recv(server.get(), buffer.data(), 5, MSG_WAITALL) == 5);
    CHECK(::send(server.get(), "hello", 5, MSG_NOSIGNAL) == 5);
    CHECK(::recv(slot.second.get(), buffer.data(), 8, MSG_WAITALL) == 8);
    CHECK(::send(slot.second.get(), "answer", 6, MSG_NOSIGNAL) == 6);
    CHECK(sys::describe(child->reap_blocking()) == "exited with status 0");
  }
}

TEST_CASE("sandbox: get writes beneath its folder", "[sandbox]") {
  const bool whole = kernel_has_all();
  const Confinement confinement = prepared(Profile::get);
  for (const uid_t user : users()) {
    INFO("as user " << user);
    const Scratch scratch;
    const auto status = end_of(user, [&]() -> int {
      const int folder = open_folder(scratch.folder());
      STEP(1, folder >= 0 && confinement.before_connecting(22, only(folder)));
      STEP(2, confinement.before_reading(only(folder)));
      const int file = open_in(folder, ".part", O_WRONLY | O_CREAT | O_EXCL, 0600);
      STEP(3, file >= 0);
      STEP(4, sys::write_all(file, "0123456789"));
      STEP(5, ::pwrite(file, "x", 1, 5) == 1);
      STEP(6, ::ftruncate(file, 8) == 0);
      STEP(7, ::fchmod(file, 0644) == 0);
      const std::array<timespec, 2> times = {{{1000, 0}, {1000, 0}}};
      STEP(8, ::futimens(file, times.data()) == 0);
      STEP(9, ::fsync(file) == 0 && ::fdatasync(file) == 0);
      STEP(10, ::close(file) == 0);
      STEP(11, ::mkdirat(folder, "sub", 0755) == 0);
      STEP(12, ::renameat2(folder, ".part", folder, "whole", RENAME_NOREPLACE) == 0);
      STEP(13, ::renameat2(folder, "whole", folder, "sub/whole", 0) == 0);
      STEP(14, open_in(folder, "inside", O_WRONLY | O_TRUNC) >= 0);
      STEP(15, ::unlinkat(folder, "inside", 0) == 0);
      STEP(16, ::mkdirat(folder, "empty", 0755) == 0);
      STEP(17, ::unlinkat(folder, "empty", AT_REMOVEDIR) == 0);
      STEP(18, open_in(folder, "../file", O_WRONLY) < 0 && errno == EXDEV);
      STEP(19, open_in(folder, "link", O_WRONLY) < 0 && errno == ELOOP);
      const int sub = open_in(folder, "sub", O_RDONLY | O_DIRECTORY);
      STEP(20, sub >= 0 && ::fchmod(sub, 0700) == 0 && ::futimens(sub, times.data()) == 0);
      STEP(21, !whole || (open_in(folder, "sub/whole", O_RDONLY) < 0 && errno == EACCES));
      return 0;
    });
    CHECK(sys::describe(status) == "exited with status 0");
    struct stat facts {};
    CHECK(::stat((scratch.folder() + "/sub/whole").c_str(), &facts) == 0);
    CHECK(facts.st_size == 8);
    CHECK((facts.st_mode & 07777) == 0644);
    CHECK(facts.st_mtime == 1000);
    CHECK(std::filesystem::file_size(scratch.file()) == 8);
  }
}

TEST_CASE("sandbox: a set-user-id bit that get asks for does not outlive the first byte",
          "[sandbox]") {
  if (!kernel_has_all()) SKIP("this kernel has no whole sandbox");
  const Confinement confinement = prepared(Profile::get);
  const Scratch scratch;
  const auto status = end_of(::getuid(), [&]() -> int {
    const int folder = open_folder(scratch.folder());
    STEP(1, folder >= 0 && confinement.before_connecting(22, only(folder)));
    STEP(2, confinement.before_reading(only(folder)));
    const int file = open_in(folder, "tool", O_WRONLY | O_CREAT | O_EXCL, 04755);
    STEP(3, file >= 0);
    STEP(4, sys::write_all(file, "#!"));
    return 0;
  });
  CHECK(sys::describe(status) == "exited with status 0");
  struct stat facts {};
  CHECK(::stat((scratch.folder() + "/tool").c_str(), &facts) == 0);
  CHECK((facts.st_mode & 07000) == 0);
}

TEST_CASE("sandbox: get reads beneath its folder if it has to, and nowhere else", "[sandbox]") {
  const bool whole = kernel_has_all();
  const Confinement confinement = prepared(Profile::get_again);
  for (const uid_t user : users()) {
    INFO("as user " << user);
    const Scratch scratch;
    const auto status = end_of(user, [&]() -> int {
      const int folder = open_folder(scratch.folder());
      STEP(1, folder >= 0 && confinement.before_connecting(22, only(folder)));
      STEP(2, confinement.before_reading(only(folder)));
      const int file = open_in(folder, "inside", O_RDWR);
      STEP(3, file >= 0);
      std::array<char, 16> buffer{};
      STEP(4, ::pread(file, buffer.data(), 4, 4) == 4);
      STEP(5, ::lseek(file, 0, SEEK_END) == 8);
      STEP(6, ::pwrite(file, "x", 1, 8) == 1);
      open_how how{};
      how.flags = O_RDONLY | O_CLOEXEC;
      const long outside =
          ::syscall(SYS_openat2, AT_FDCWD, scratch.file().c_str(), &how, sizeof how);
      STEP(7, !whole || (outside < 0 && errno == EACCES));
      return 0;
    });
    CHECK(sys::describe(status) == "exited with status 0");
  }
}

TEST_CASE("sandbox: get finds the limit of its user on files as an error", "[sandbox]") {
  const Confinement confinement = prepared(Profile::get);
  const Scratch scratch;
  const auto status = end_of(::getuid(), [&]() -> int {
    const rlimit small{4096, 4096};
    STEP(1, ::setrlimit(RLIMIT_FSIZE, &small) == 0);
    const int folder = open_folder(scratch.folder());
    STEP(2, folder >= 0 && confinement.before_connecting(22, only(folder)));
    STEP(3, confinement.before_reading(only(folder)));
    const int file = open_in(folder, "new", O_WRONLY | O_CREAT | O_EXCL, 0600);
    STEP(4, file >= 0 && ::pwrite(file, "x", 1, 4095) == 1);
    STEP(5, ::pwrite(file, "x", 1, 4096) < 0 && errno == EFBIG);
    return 0;
  });
  CHECK(sys::describe(status) == "exited with status 0");
}

TEST_CASE("sandbox: put reads beneath each of its folders, and passes over files", "[sandbox]") {
  const bool whole = kernel_has_all();
  const Confinement confinement = prepared(Profile::put);
  constexpr int many = 200;
  for (const uid_t user : users()) {
    INFO("as user " << user);
    const Scratch one;
    const Scratch other;
    const Scratch foreign;
    const auto status = end_of(user, [&]() -> int {
      std::vector<int> roots = {open_folder(one.folder()), open_folder(other.folder())};
      while (roots.size() < many) roots.push_back(::open(one.file().c_str(), O_RDONLY | O_CLOEXEC));
      STEP(1, roots.back() >= many);
      STEP(2, confinement.before_connecting(22, roots));
      STEP(3, confinement.before_reading(roots));
      STEP(4, open_in(roots[0], "inside", O_RDONLY) >= 0);
      STEP(5, open_in(roots[1], "inside", O_RDONLY) >= 0);
      std::array<char, 8> buffer{};
      STEP(6, ::pread(roots.back(), buffer.data(), buffer.size(), 0) == 8);
      open_how how{};
      how.flags = O_RDONLY | O_CLOEXEC;
      for (const std::string &path : {one.file(), foreign.folder() + "/inside"}) {
        const long outside = ::syscall(SYS_openat2, AT_FDCWD, path.c_str(), &how, sizeof how);
        STEP(7, !whole || (outside < 0 && errno == EACCES));
      }
      int opened = 0;
      while (open_in(roots[0], "inside", O_RDONLY) >= 0) ++opened;
      STEP(8, errno == EMFILE && opened >= 32 && opened < 64);
      return 0;
    });
    CHECK(sys::describe(status) == "exited with status 0");
  }
}

TEST_CASE("sandbox: what is neither a file nor a folder is no place to open files", "[sandbox]") {
  if (!kernel_has_all()) SKIP("this kernel has no whole sandbox");
  const Confinement confinement = prepared(Profile::put);
  const auto status = end_of(::getuid(), [&]() -> int {
    const auto pipe = *sys::make_pipe();
    STEP(1, !confinement.before_connecting(22, only(pipe.read_end.get())));
    const int closed = 500;
    STEP(2, !confinement.before_connecting(22, only(closed)));
    return 0;
  });
  CHECK(sys::describe(status) == "exited with status 0");
}

TEST_CASE("sandbox: put reads beneath its folder", "[sandbox]") {
  const bool whole = kernel_has_all();
  const Confinement confinement = prepared(Profile::put);
  for (const uid_t user : users()) {
    INFO("as user " << user);
    const Scratch scratch;
    const auto status = end_of(user, [&]() -> int {
      const int folder = open_folder(scratch.folder());
      STEP(1, folder >= 0 && confinement.before_connecting(22, only(folder)));
      STEP(2, confinement.before_reading(only(folder)));
      const int file = open_in(folder, "inside", O_RDONLY);
      STEP(3, file >= 0);
      struct stat facts {};
      STEP(4, ::syscall(SYS_fstat, file, &facts) == 0 && facts.st_size == 8);
      std::array<char, 4096> buffer{};
      STEP(5, ::pread(file, buffer.data(), 4, 4) == 4);
      STEP(6, ::lseek(file, 0, SEEK_SET) == 0 && ::read(file, buffer.data(), 8) == 8);
      const int listed = open_in(folder, ".", O_RDONLY | O_DIRECTORY);
      STEP(7, listed >= 0);
      STEP(8, ::syscall(SYS_getdents64, listed, buffer.data(), buffer.size()) > 0);
      STEP(9, open_in(folder, "inside", O_WRONLY) < 0);
      STEP(10, !whole || errno == EACCES);
      return 0;
    });
    CHECK(sys::describe(status) == "exited with status 0");
  }
}

// --- limits, state and modes --------------------------------------------------------------------------------------

namespace {

rlim_t limit_of(__rlimit_resource resource) {
  rlimit found{};
  ::getrlimit(resource, &found);
  return found.rlim_max;
}

// The value of a line of /proc/PID/status.
std::string status_field(pid_t pid, const std::string &name) {
  std::ifstream file(fmt::format("/proc/{}/status", pid));
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(name + ":")) {
      std::istringstream words(line.substr(name.size() + 1));
      std::string value;
      words >> value;
      return value;
    }
  return "";
}

// A child that has taken both steps and waits.
struct Waiting {
  sys::Pipe ready = *sys::make_pipe();
  std::optional<sys::Child> child;

  Waiting(const Confinement &confinement, uid_t user) {
    auto forked = sys::fork_child([&]() -> int {
      ::alarm(20);
      become(user);
      if (!sys::null_standard_descriptors()) return 1;
      const int kept = ready.write_end.get();
      sys::close_all_but({kept});
      if (!confinement.before_connecting(22) || !confinement.before_reading()) return 1;
      // The only descriptors; asked of itself, as nobody but root can see the list from outside.
      for (int fd = 0; fd < 1024; ++fd)
        if ((::fcntl(fd, F_GETFL) >= 0) != (fd < 3 || fd == kept)) return 2;
      if (!sys::write_all(kept, "r")) return 3;
      ::poll(nullptr, 0, 20'000);
      return 0;
    });
    REQUIRE(forked);
    child = *std::move(forked);
    ready.write_end.close();
    char byte = 0;
    if (!sys::read_exactly(ready.read_end.get(), &byte, 1, core::Deadline::in(10s, sys::now())))
      FAIL("the child " << sys::describe(child->reap_blocking()));
  }
};

}  // namespace

TEST_CASE("sandbox: a confined worker is seen to be one", "[sandbox]") {
  if (!kernel_has_all()) SKIP("this kernel has no whole sandbox");
  const Confinement confinement = prepared(Profile::exec);
  for (const uid_t user : users()) {
    INFO("as user " << user);
    const Waiting waiting(confinement, user);
    const pid_t pid = waiting.child->pid();
    CHECK(status_field(pid, "Seccomp") == "2");
    CHECK(status_field(pid, "NoNewPrivs") == "1");
    CHECK(status_field(pid, "CapEff") == "0000000000000000");
    CHECK(status_field(pid, "CapPrm") == "0000000000000000");
    const auto limit = [&](__rlimit_resource resource) {
      rlimit found{1, 1};
      CHECK(::prlimit(pid, resource, nullptr, &found) == 0);
      CHECK(found.rlim_cur == found.rlim_max);
      return found.rlim_max;
    };
    // Others may not ask, and not every root may.
    if (user == ::getuid()) {
      CHECK(limit(RLIMIT_CORE) == 0);
      CHECK(limit(RLIMIT_NPROC) == 0);
      CHECK(limit(RLIMIT_FSIZE) == 0);
      CHECK(limit(RLIMIT_MEMLOCK) == 0);
      CHECK(limit(RLIMIT_NOFILE) == 2);
      if (!sanitized) CHECK(limit(RLIMIT_AS) < RLIM_INFINITY);
    }
  }
}

TEST_CASE("sandbox: a worker gets no more memory than its share", "[sandbox]") {
  if (sanitized) SKIP("sanitizers reserve terabytes");
  const Confinement confinement = prepared(Profile::exec);
  const auto status = end_of(::getuid(), [&]() -> int {
    STEP(1, confinement.before_connecting(22) && confinement.before_reading());
    const auto map = [](std::size_t bytes) {
      return ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    };
    STEP(2, map(200U << 20) != MAP_FAILED);
    STEP(3, map(100U << 20) == MAP_FAILED && errno == ENOMEM);
    return 0;
  });
  CHECK(sys::describe(status) == "exited with status 0");
}

TEST_CASE("sandbox: abort ends a confined worker as a crash, not as an attack", "[sandbox]") {
  if (sanitized || !kernel_has_all()) SKIP("needs the filter that kills");
  const Confinement confinement = prepared(Profile::exec);
  const auto status = end_of(::getuid(), [&]() -> int {
    STEP(1, confinement.before_connecting(22) && confinement.before_reading());
    std::abort();
  });
  CHECK_FALSE(status.exited);
  CHECK(status.signal != SIGSYS);
}

TEST_CASE("sandbox: off sets limits and leaves calls alone", "[sandbox]") {
  const Scratch scratch;
  const Listener one;
  const Listener other;
  const Confinement confinement = prepared(Profile::exec, Mode::off);
  const auto status = end_of(::getuid(), [&]() -> int {
    STEP(1, confinement.before_connecting(one.port()));
    STEP(2, connect_to(other.port()) == 0);
    const sys::UniqueFd held = sys::UniqueFd::adopt(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    STEP(3, confinement.before_reading());
    STEP(4, limit_of(RLIMIT_CORE) == 0 && limit_of(RLIMIT_FSIZE) == 0);
    STEP(5, limit_of(RLIMIT_NOFILE) == 2);
    STEP(6, ::access(scratch.file().c_str(), R_OK) == 0);
    STEP(7, ::kill(::getppid(), 0) == 0);
    STEP(8, status_field(::getpid(), "Seccomp").empty());  // no descriptor left to read it with
    STEP(9, ::syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, nullptr) == -1 && errno == EFAULT);
    return 0;
  });
  CHECK(sys::describe(status) == "exited with status 0");
}

namespace {

// Makes a call of this process fail from here on, as the filter of a container would. 0 when done.
bool refuse(const std::vector<const char *> &calls, int error) {
  const std::unique_ptr<void, decltype(&seccomp_release)> filter(seccomp_init(SCMP_ACT_ALLOW),
                                                                 seccomp_release);
  for (const char *call : calls)
    if (seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(static_cast<std::uint16_t>(error)),
                         seccomp_syscall_resolve_name(call), 0) != 0)
      return false;
  return seccomp_load(filter.get()) == 0;
}

}  // namespace

TEST_CASE("sandbox: what the kernel lacks is named, and decides for require alone", "[sandbox]") {
  if (!kernel_has_all()) SKIP("this kernel has no whole sandbox");
  CHECK(Confinement::prepare(Mode::require, Profile::exec));
  SECTION("no Landlock: the filter is still there") {
    const auto status = end_of(::getuid(), []() -> int {
      STEP(1, refuse({"landlock_create_ruleset"}, ENOSYS));
      const auto lacking = sandbox::missing();
      STEP(2, lacking == std::vector<std::string>{"no Landlock (needs Linux 5.13)"});
      STEP(3, !Confinement::prepare(Mode::require, Profile::exec));
      const auto confinement = Confinement::prepare(Mode::automatic, Profile::exec);
      STEP(4, confinement && confinement->before_connecting(22) && confinement->before_reading());
      ::socket(AF_INET, SOCK_STREAM, 0);
      return sanitized ? 0 : 5;
    });
    CHECK(sys::describe(status) ==
          (sanitized ? "exited with status 0" : "killed by signal 31 (SYS)"));
  }
  SECTION("no filters: Landlock is still there") {
    const Scratch scratch;
    const auto status = end_of(::getuid(), [&]() -> int {
      STEP(1, refuse({"seccomp"}, EPERM));
      const auto lacking = sandbox::missing();
      STEP(2, lacking == std::vector<std::string>{"seccomp is denied here"});
      const auto required = Confinement::prepare(Mode::require, Profile::exec);
      STEP(3, !required && required.error().message == "sandbox: seccomp is denied here");
      const auto confinement = Confinement::prepare(Mode::automatic, Profile::exec);
      STEP(4, confinement && confinement->before_connecting(22) && confinement->before_reading());
      STEP(5, ::access(scratch.path().c_str(), W_OK) == 0);
      STEP(6, ::mkdir((scratch.path() + "/new").c_str(), 0700) != 0 && errno == EACCES);
      return 0;
    });
    CHECK(sys::describe(status) == "exited with status 0");
  }
}

TEST_CASE("sandbox: what is missing is not laid on the kernel when it is denied or switched off",
          "[sandbox]") {
  if (!kernel_has_all()) SKIP("this kernel has no whole sandbox");
  struct Case {
    const char *call;
    int error;
    const char *phrase;
  };
  const std::vector<Case> cases = {
      {"landlock_create_ruleset", ENOSYS, "no Landlock (needs Linux 5.13)"},
      {"landlock_create_ruleset", EOPNOTSUPP, "Landlock is switched off"},
      {"landlock_create_ruleset", EPERM, "Landlock is denied here"},
      {"landlock_create_ruleset", EACCES, "Landlock is denied here"},
      {"seccomp", EINVAL, "no seccomp filters (needs Linux 4.14)"},
      {"seccomp", EPERM, "seccomp is denied here"},
      {"seccomp", EACCES, "seccomp is denied here"},
      // There are filters, for one of them says this.
      {"seccomp", ENOSYS, "seccomp is denied here"},
  };
  for (const Case &each : cases) {
    INFO(each.call << " fails with " << ::strerrorname_np(each.error));
    const auto status = end_of(::getuid(), [&]() -> int {
      if (!refuse({each.call}, each.error)) return unprepared;
      return sandbox::missing() == std::vector<std::string>{each.phrase} ? 0 : 1;
    });
    CHECK(sys::describe(status) == "exited with status 0");
  }
}

TEST_CASE("sandbox: without /proc workers are limited all the same, and that is named",
          "[sandbox]") {
  if (sanitized) SKIP("sanitizers reserve terabytes");
  if (!kernel_has_all()) SKIP("this kernel has no whole sandbox");
  for (const Mode mode : {Mode::automatic, Mode::off}) {
    const auto status = end_of(::getuid(), [&]() -> int {
      // As in a folder in which there is nothing.
      STEP(1, refuse({"open", "openat", "access", "faccessat", "faccessat2"}, ENOENT));
      STEP(2, sandbox::missing() == std::vector<std::string>{"/proc is not mounted"});
      STEP(3, !Confinement::prepare(Mode::require, Profile::exec));
      const auto confinement = Confinement::prepare(mode, Profile::exec);
      STEP(4, confinement && confinement->before_connecting(22) && confinement->before_reading());
      const auto map = [](std::size_t bytes) {
        return ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      };
      STEP(5, map(200U << 20) != MAP_FAILED);
      STEP(6, map(1U << 30) == MAP_FAILED && errno == ENOMEM);
      return 0;
    });
    CHECK(sys::describe(status) == "exited with status 0");
  }
}

TEST_CASE("sandbox: a step that fails half-way says so", "[sandbox]") {
  if (!kernel_has_all()) SKIP("this kernel has no whole sandbox");
  for (const char *call : {"landlock_add_rule", "landlock_restrict_self", "prctl", "setrlimit",
                           "prlimit64", "capset"}) {
    INFO(call << " fails");
    const Confinement confinement = prepared(Profile::exec);
    const auto status = end_of(::getuid(), [&]() -> int {
      if (!refuse({call}, ENOMEM)) return unprepared;
      return confinement.before_connecting(22) ? 1 : 0;
    });
    // libc makes setrlimit(2) by the one or the other.
    if (std::string(call) == "setrlimit")
      CHECK(status.exited);
    else
      CHECK(sys::describe(status) == "exited with status 0");
  }
  const Confinement confinement = prepared(Profile::exec);
  const auto status = end_of(::getuid(), [&]() -> int {
    if (!refuse({"seccomp"}, ENOMEM)) return unprepared;
    return confinement.before_reading() ? 1 : 0;
  });
  CHECK(sys::describe(status) == "exited with status 0");
}

// --- the key holder -----------------------------------------------------------------------------------------------

namespace {

// A second thread that does what it is told, after its process was confined.
class Helper {
public:
  Helper() : thread_([this] { run(); }) {}
  int ask(std::function<int()> task) {
    std::unique_lock lock(mutex_);
    task_ = std::move(task);
    changed_.notify_all();
    changed_.wait(lock, [this] { return answer_.has_value(); });
    return *std::exchange(answer_, std::nullopt);
  }
  ~Helper() {
    ask([this] {
      ended_ = true;
      return 0;
    });
    thread_.join();
  }

private:
  void run() {
    while (!ended_) {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return task_ != nullptr; });
      answer_ = std::exchange(task_, nullptr)();
      changed_.notify_all();
    }
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  std::function<int()> task_;
  std::optional<int> answer_;
  bool ended_ = false;
  std::thread thread_;
};

}  // namespace

TEST_CASE("sandbox: a confined key holder serves, with all its threads", "[sandbox]") {
  if (sanitized) SKIP("threads of sanitizers start and end with calls that are refused");
  const Scratch scratch;
  const Agent agent(scratch.path());
  for (const uid_t user : users()) {
    INFO("as user " << user);
    auto control = *sys::make_socket_pair();
    auto child = sys::fork_child([&]() -> int {
      ::alarm(20);
      become(user);
      control.second.close();
      Helper helper;
      const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
      STEP(1, sandbox::confine_key_holder(Mode::automatic, true));
      epoll_event event{EPOLLIN, {}};
      STEP(2, ::epoll_ctl(epoll, EPOLL_CTL_ADD, control.first.get(), &event) == 0);
      STEP(3, ::epoll_wait(epoll, &event, 1, 10'000) == 1);
      char byte = 0;
      auto received = sys::receive_with_fd(control.first.get(), &byte, 1);
      STEP(4, received && received->count == 1 && received->fd);
      STEP(5, sys::set_nonblocking(received->fd.get()));
      STEP(6, sys::write_all(received->fd.get(), "signature"));
      STEP(7, Agent::connect_to(agent.path()) == 0);
      STEP(8, helper.ask([&] { return Agent::connect_to(agent.path()); }) == 0);
      std::array<char, 4096> secret{};
      ::mlock(secret.data(), secret.size());
      ::munlock(secret.data(), secret.size());
      const int refused =
          helper.ask([] { return ::open("/etc/hosts", O_RDONLY | O_CLOEXEC) < 0 ? errno : 0; });
      STEP(9, refused == EACCES);
      STEP(10, helper.ask([] { return std::vector<char>(8 << 20).empty() ? 1 : 0; }) == 0);
      return 0;
    });
    REQUIRE(child);
    control.first.close();
    const auto slot = *sys::make_socket_pair();
    CHECK(sys::send_with_fd(control.second.get(), "s", slot.first.get()));
    std::array<char, 9> answer{};
    CHECK(sys::read_exactly(slot.second.get(), answer.data(), answer.size(),
                            core::Deadline::in(10s, sys::now())));
    CHECK(sys::describe(child->reap_blocking()) == "exited with status 0");
  }
}

TEST_CASE("sandbox: a confined key holder starts nothing and opens nothing", "[sandbox]") {
  if (sanitized) SKIP("threads of sanitizers start and end with calls that are refused");
  if (!kernel_has_all()) SKIP("this kernel has no whole sandbox");
  const Scratch scratch;
  const Agent agent(scratch.path());
  struct Case {
    const char *name;
    bool has_agent;
    int error;  // 0: it must die
    std::function<int()> run;
  };
  const auto failed = [](long result) { return result < 0 ? errno : 0; };
  const pid_t parent = ::getpid();
  const std::vector<Case> cases = {
      {"open", true, EACCES,
       [&] { return failed(::open(scratch.file().c_str(), O_RDONLY | O_CLOEXEC)); }},
      {"openat2", true, 0, [&] { return failed(open_in(AT_FDCWD, "x", O_RDONLY)); }},
      {"execve", true, 0, [&] { return failed(::execl("/bin/true", "true", nullptr)); }},
      {"fork", true, 0, [&] { return failed(::syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)); }},
      {"TCP socket", true, 0, [&] { return failed(::socket(AF_INET, SOCK_STREAM, 0)); }},
      {"datagram socket", true, 0, [&] { return failed(::socket(AF_UNIX, SOCK_DGRAM, 0)); }},
      {"socket without an agent", false, 0,
       [&] { return failed(::socket(AF_UNIX, SOCK_STREAM, 0)); }},
      {"connect without an agent", false, 0, [&] { return failed(::connect(0, nullptr, 0)); }},
      {"bind", true, 0, [&] { return failed(::bind(0, nullptr, 0)); }},
      {"ptrace", true, 0, [&] { return failed(::syscall(SYS_ptrace, 0, 0, 0, 0)); }},
      {"kill", true, 0, [&] { return failed(::kill(parent, 0)); }},
      {"executable memory", true, 0,
       [&] {
         return ::mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
                        MAP_FAILED
                    ? errno
                    : 0;
       }},
      {"shared memory", true, 0, [&] { return failed(::memfd_create("x", 0)); }},
      {"dumpable again", true, EINVAL, [&] { return failed(::prctl(PR_SET_DUMPABLE, 1)); }},
  };
  for (const uid_t user : users()) {
    for (const Case &each : cases) {
      for (const bool in_thread : {false, true}) {
        INFO(each.name << ", as user " << user << (in_thread ? ", in a thread" : ""));
        const auto status = end_of(user, [&]() -> int {
          Helper helper;
          if (!sandbox::confine_key_holder(Mode::require, each.has_agent)) return unprepared;
          ::_exit(in_thread ? helper.ask(each.run) : each.run());
        });
        if (each.error != 0)
          CHECK((status.exited && status.exit_status == each.error));
        else
          CHECK((!status.exited && status.signal == SIGSYS));
      }
    }
  }
}
