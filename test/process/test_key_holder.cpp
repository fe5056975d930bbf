// The key holder as a process: real keys from ssh-keygen, a real ssh-agent, hostile clients, pseudo terminals and kills.
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "../unit/keys/host_key.hpp"
#include "fanout/console/lock.hpp"
#include "fanout/core/base64.hpp"
#include "fanout/keys/holder.hpp"
#include "fanout/keys/slot.hpp"
#include "fanout/sys/io.hpp"
#include "fanout/sys/limits.hpp"
#include "fanout/sys/passing.hpp"
#include "fanout/sys/pipe.hpp"
#include "fanout/wire/codec.hpp"
#include "fanout/wire/frame.hpp"

using namespace fanout;
using namespace std::chrono_literals;
using core::Deadline;
using core::ErrorKind;
using core::HostKeyProof;
using core::Secret;
using keys::HolderOptions;
using keys::KeyHolder;
using keys::PublicKey;
using keys::Slot;

namespace {

[[maybe_unused]] const bool sigpipe_ignored = ::signal(SIGPIPE, SIG_IGN) != SIG_ERR;

Deadline soon(std::chrono::milliseconds after = 20s) { return Deadline::in(after, sys::now()); }

class Folder {
public:
  Folder() {
    std::string name = std::filesystem::temp_directory_path() / "fanout-holder-XXXXXX";
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder &) = delete;
  Folder &operator=(const Folder &) = delete;
  [[nodiscard]] std::string path(const std::string &name) const { return path_ / name; }

  // A new key; the passphrase may be empty.
  [[nodiscard]] std::string key(const std::string &name, const std::string &type,
                                const std::string &passphrase = {}) const {
    const std::string command =
        "ssh-keygen -q -a 1 -t " + type + " -N '" + passphrase + "' -C test -f " + path(name);
    REQUIRE(std::system(command.c_str()) == 0);
    return path(name);
  }

private:
  std::filesystem::path path_;
};

std::string read_text(const std::string &path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

KeyHolder start(const HolderOptions &options = {}) {
  auto holder = KeyHolder::start(options);
  REQUIRE(holder);
  return *std::move(holder);
}

// The server that every slot is for unless a case says otherwise, and the session with it.
const HostKey &server() {
  static const HostKey key("ssh-ed25519");
  return key;
}
const std::string session_id = server().session();

// A slot whose host key has been accepted.
Slot open(KeyHolder &holder, const keys::SlotOptions &options, keys::SlotId *id = nullptr,
          const HostKey &host = server()) {
  auto opened = holder.open_slot(options);
  INFO((opened ? std::string() : opened.error().message));
  REQUIRE(opened);
  if (id != nullptr) *id = opened->id;
  REQUIRE(holder.accept_host_key(opened->id, host.blob()));
  return Slot(std::move(opened->worker_end));
}

std::string login_request(const std::string &user, const PublicKey &key,
                          const std::string &algorithm, const std::string &session = session_id,
                          const std::string &service = "ssh-connection",
                          const std::string &method = "publickey") {
  return wire::Encoder()
      .string(session)
      .byte(50)
      .string(user)
      .string(service)
      .string(method)
      .byte(1)
      .string(algorithm)
      .string(key.blob)
      .take();
}

std::string failure(const auto &result) { return result ? "no failure" : result.error().message; }
ErrorKind kind(const auto &result) {
  return result ? static_cast<ErrorKind>(99) : result.error().kind;
}

// What the holder has to tell of this slot; empty when it says nothing.
std::string notice_of(KeyHolder &holder, keys::SlotId id,
                      std::chrono::milliseconds patience = 20s) {
  const Deadline deadline = soon(patience);
  while (holder.notice_fd() >= 0 && sys::wait_ready(holder.notice_fd(), POLLIN, deadline))
    for (const keys::Notice &notice : holder.take_notices())
      if (notice.slot == id) return notice.text;
  return {};
}

// That signatures verify is the unit tests' business; here their size shows that they were made.
std::size_t signature_size(Slot &slot, const std::string &user, const PublicKey &key,
                           const std::string &algorithm) {
  const auto signature =
      slot.sign(key.blob, login_request(user, key, algorithm), server().prove(), soon());
  INFO(failure(signature));
  REQUIRE(signature);
  return signature->size();
}

// A real ssh-agent on a socket of its own, in the foreground so that its pid is ours.
class RealAgent {
public:
  explicit RealAgent(const Folder &folder) : socket_(folder.path("agent.sock")) { start(); }
  ~RealAgent() { child_.signal(SIGCONT); }

  void start() {
    std::filesystem::remove(socket_);
    auto child = sys::fork_child([this] {
      if (!sys::null_standard_descriptors()) return 1;
      sys::close_all_but({});
      ::execlp("ssh-agent", "ssh-agent", "-D", "-a", socket_.c_str(), nullptr);
      return 127;
    });
    REQUIRE(child);
    child_ = *std::move(child);
    for (int i = 0; i < 500 && !std::filesystem::exists(socket_); ++i)
      std::this_thread::sleep_for(10ms);
    REQUIRE(std::filesystem::exists(socket_));
  }
  void add(const std::string &key) const {
    const std::string command = "SSH_AUTH_SOCK=" + socket_ + " ssh-add -q " + key + " 2>/dev/null";
    REQUIRE(std::system(command.c_str()) == 0);
  }
  void stop() const { child_.signal(SIGSTOP); }
  void kill() {
    child_.signal(SIGKILL);
    child_.reap_blocking();
  }
  [[nodiscard]] const std::string &socket() const { return socket_; }

private:
  std::string socket_;
  sys::Child child_;
};

// The far side of a terminal: what a person sees and types.
class Terminal {
public:
  Terminal() {
    int master = -1;
    int slave = -1;
    std::array<char, 128> name{};
    REQUIRE(::openpty(&master, &slave, name.data(), nullptr, nullptr) == 0);
    master_ = sys::UniqueFd::adopt(master);
    slave_ = sys::UniqueFd::adopt(slave);
    ::fcntl(master, F_SETFD, FD_CLOEXEC);
    ::fcntl(slave, F_SETFD, FD_CLOEXEC);
    name_ = name.data();
  }
  [[nodiscard]] const std::string &name() const { return name_; }
  // The person may be a thread: nothing here asserts.
  void type(std::string_view keys) const { static_cast<void>(sys::write_all(master_.get(), keys)); }
  [[nodiscard]] bool echo() const {
    termios settings{};
    return ::tcgetattr(master_.get(), &settings) == 0 && (settings.c_lflag & ECHO) != 0;
  }
  // Reads until `text` has been seen since the last call; what was seen before it is in shown().
  bool shows(const std::string &text) {
    const Deadline deadline = soon();
    std::array<char, 4096> buffer{};
    while (pending_.find(text) == std::string::npos) {
      if (!sys::wait_ready(master_.get(), POLLIN, deadline)) return false;
      const auto got = sys::read_some(master_.get(), buffer.data(), buffer.size());
      if (got.state != sys::Transfer::State::done) return false;
      pending_.append(buffer.data(), got.count);
      shown_.append(buffer.data(), got.count);
    }
    pending_.erase(0, pending_.find(text) + text.size());
    return true;
  }
  [[nodiscard]] const std::string &shown() const { return shown_; }
  // Makes the calling process, no leader of a group yet, leader of a session that this is the terminal of.
  void become_controlling() const {
    ::setsid();
    ::ioctl(slave_.get(), TIOCSCTTY, 0);
  }
  [[nodiscard]] bool echo_becomes(bool on) const {
    for (int i = 0; i < 2000; ++i) {
      if (echo() == on) return true;
      std::this_thread::sleep_for(5ms);
    }
    return false;
  }

private:
  sys::UniqueFd master_;
  sys::UniqueFd slave_;
  std::string name_;
  std::string pending_;
  std::string shown_;
};

HolderOptions with_terminal(console::Lock &lock, const std::string &terminal) {
  HolderOptions options;
  options.console_lock = &lock;
  options.terminal = terminal;
  return options;
}

// A zombie, which only waits to be reaped by whoever inherited it, does not run.
bool runs(pid_t pid) {
  const std::string stat = read_text("/proc/" + std::to_string(pid) + "/stat");
  return !stat.empty() && stat.find(") Z ") == std::string::npos;
}

bool ends(pid_t pid) {
  for (int i = 0; i < 1000 && runs(pid); ++i) std::this_thread::sleep_for(5ms);
  return !runs(pid);
}

std::chrono::milliseconds cpu_time(pid_t pid) {
  const std::string stat = read_text("/proc/" + std::to_string(pid) + "/stat");
  std::istringstream fields(stat.substr(stat.rfind(')') + 2));
  std::string skip;
  for (int i = 3; i < 14; ++i) fields >> skip;
  long user = 0;
  long system = 0;
  fields >> user >> system;
  return std::chrono::milliseconds((user + system) * 1000 / ::sysconf(_SC_CLK_TCK));
}

}  // namespace

// --- the process --------------------------------------------------------------------------------------------------

TEST_CASE("key holder: it has a title, no core file, and no descriptors but its own", "[keys]") {
  const sys::Pipe leaked = sys::make_pipe().value();
  KeyHolder holder = start();
  REQUIRE(holder.load({}));
  const std::string proc = "/proc/" + std::to_string(holder.pid());
  CHECK(read_text(proc + "/comm") == "fanout: key hol\n");
  CHECK(read_text(proc + "/limits").find("Max core file size        0                    0") !=
        std::string::npos);
  int count = 0;
  for ([[maybe_unused]] const auto &entry : std::filesystem::directory_iterator(proc + "/fd"))
    ++count;
  CHECK(count == 5);  // three null devices, the control socket, epoll
}

TEST_CASE("key holder: it ends when its parent lets go of it", "[keys]") {
  pid_t pid = 0;
  {
    const KeyHolder holder = start();
    pid = holder.pid();
    CHECK(runs(pid));
  }
  CHECK_FALSE(runs(pid));
}

TEST_CASE("key holder: it ends when its parent is killed", "[keys]") {
  const sys::Pipe report = sys::make_pipe().value();
  auto parent = sys::fork_child([&] {
    auto holder = KeyHolder::start({});
    const pid_t pid = holder->pid();
    sys::write_all(report.write_end.get(), {reinterpret_cast<const char *>(&pid), sizeof pid});
    ::pause();
    return 0;
  });
  REQUIRE(parent);
  pid_t pid = 0;
  REQUIRE(
      sys::read_exactly(report.read_end.get(), reinterpret_cast<char *>(&pid), sizeof pid, soon()));
  CHECK(runs(pid));
  parent->signal(SIGKILL);
  parent->reap_blocking();
  CHECK(ends(pid));
}

TEST_CASE("key holder: signals meant for the parent do not end it", "[keys]") {
  KeyHolder holder = start();
  REQUIRE(holder.load({}));
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGUSR1, SIGUSR2})
    ::kill(holder.pid(), signal);
  CHECK(holder.load({}));
}

TEST_CASE("key holder: when it is killed every call says so and none waits", "[keys]") {
  const Folder folder;
  KeyHolder holder = start();
  const auto report = holder.load({{folder.key("id", "ed25519")}});
  REQUIRE(report);
  keys::SlotId id = 0;
  Slot asked = open(holder, {"a", "alice", {0}, {}}, &id);
  Slot unasked = open(holder, {"b", "alice", {0}, {}});
  const auto listed = asked.list(soon());
  REQUIRE(listed);
  ::kill(holder.pid(), SIGKILL);

  const auto begin = sys::now();
  const auto signature =
      asked.sign(listed->at(0).blob, login_request("alice", listed->at(0), "ssh-ed25519"),
                 server().prove(), soon());
  CHECK(kind(signature) == ErrorKind::internal);
  CHECK(failure(signature) == "key holder lost");
  CHECK(failure(asked.list(soon())) == "key holder lost");
  CHECK(failure(unasked.password(soon())) == "key holder lost");
  // Its descriptors are closed one after the other.
  REQUIRE(sys::wait_ready(holder.pidfd(), POLLIN, soon()));
  const auto reopened = holder.open_slot({"c", "alice", {0}, {}});
  CHECK(kind(reopened) == ErrorKind::internal);
  CHECK(failure(reopened) == "key holder lost: killed by signal 9 (KILL)");
  CHECK(failure(holder.accept_host_key(id, server().blob())) == "key holder lost");
  CHECK(holder.take_notices().empty());
  CHECK(holder.notice_fd() == -1);
  holder.close_slot(id);

  KeyHolder loading = start();
  ::kill(loading.pid(), SIGKILL);
  CHECK(failure(loading.load({})) == "key holder lost: killed by signal 9 (KILL)");
  CHECK(failure(loading.store_password(Secret("x"))) == "key holder lost");
  CHECK(failure(loading.ask_password("Password: ")) == "password: key holder lost");
  CHECK(sys::now() - begin < 5s);
}

TEST_CASE(
    "key holder: a worker's deadline bounds the wait for a stopped holder, which then goes on",
    "[keys]") {
  const Folder folder;
  KeyHolder holder = start();
  REQUIRE(holder.load({{folder.key("id", "ed25519")}}));
  Slot slot = open(holder, {"a", "alice", {0}, {}});
  Slot patient = open(holder, {"b", "alice", {0}, {}});
  ::kill(holder.pid(), SIGSTOP);
  const auto begin = sys::now();
  const auto listed = slot.list(soon(200ms));
  CHECK(sys::now() - begin < 5s);
  CHECK(kind(listed) == ErrorKind::timeout);
  CHECK(failure(listed) == "key holder: no answer in time");
  // The late answer must not be taken for the next one.
  CHECK(failure(slot.list(soon())) == "key holder lost");
  ::kill(holder.pid(), SIGCONT);
  CHECK(patient.list(soon()));
}

// --- signing ------------------------------------------------------------------------------------------------------

TEST_CASE("key holder: a slot lists its keys and has them sign", "[keys]") {
  const Folder folder;
  KeyHolder holder = start();
  const auto report = holder.load({{folder.key("ed", "ed25519")},
                                   {folder.key("ec", "ecdsa")},
                                   {folder.key("rsa", "rsa -b 2048")}});
  REQUIRE(report);
  REQUIRE(report->identities.size() == 3);
  CHECK(report->identities[2].type == "ssh-rsa");
  CHECK(report->identities[2].usable);
  CHECK_FALSE(report->identities[2].in_agent);
  Slot slot = open(holder, {"a", "alice", {2, 0, 1}, {}});
  const auto listed = slot.list(soon());
  REQUIRE(listed);
  REQUIRE(listed->size() == 3);
  CHECK(listed->at(0).type == "ssh-rsa");
  CHECK(listed->at(0).comment.empty());  // it would tell a path
  CHECK(signature_size(slot, "alice", listed->at(0), "rsa-sha2-512") == 256);
  CHECK(signature_size(slot, "alice", listed->at(0), "rsa-sha2-256") == 256);
  CHECK(signature_size(slot, "alice", listed->at(1), "ssh-ed25519") == 64);
  CHECK(signature_size(slot, "alice", listed->at(2), "ecdsa-sha2-nistp256") >= 70);
}

TEST_CASE("key holder: a slot has the keys that it was given and no others", "[keys]") {
  const Folder folder;
  KeyHolder holder = start();
  REQUIRE(holder.load({{folder.key("one", "ed25519")},
                       {folder.key("two", "ed25519")},
                       {folder.key("default", "ed25519"), false}}));
  Slot one = open(holder, {"a", "alice", {0}, {}});
  Slot two = open(holder, {"b", "alice", {1}, {}});
  Slot standard = open(holder, {"c", "alice", {}, {}});
  const auto of_one = one.list(soon());
  const auto of_two = two.list(soon());
  const auto of_standard = standard.list(soon());
  REQUIRE((of_one && of_two && of_standard));
  REQUIRE((of_one->size() == 1 && of_two->size() == 1 && of_standard->size() == 1));
  CHECK(of_standard->at(0).blob != of_one->at(0).blob);
  const PublicKey &other = of_two->at(0);
  const auto stolen =
      one.sign(other.blob, login_request("alice", other, "ssh-ed25519"), server().prove(), soon());
  CHECK(kind(stolen) == ErrorKind::protocol);
  CHECK(failure(stolen) == "asked for a signature with a key that is not its slot's");
}

TEST_CASE("key holder: a server that wants SHA-1 costs a login and not the slot", "[keys]") {
  const Folder folder;
  KeyHolder holder = start();
  REQUIRE(holder.load({{folder.key("id", "rsa -b 2048")}}));
  Slot slot = open(holder, {"a", "alice", {0}, {}});
  const PublicKey key = slot.list(soon()).value().at(0);
  const auto signature =
      slot.sign(key.blob, login_request("alice", key, "ssh-rsa"), server().prove(), soon());
  CHECK(kind(signature) == ErrorKind::auth);
  CHECK(signature_size(slot, "alice", key, "rsa-sha2-256") == 256);
}

TEST_CASE("key holder: a closed slot is gone", "[keys]") {
  KeyHolder holder = start();
  keys::SlotId id = 0;
  Slot slot = open(holder, {"a", "alice", {}, {}}, &id);
  CHECK(slot.list(soon()).value().empty());
  holder.close_slot(id);
  CHECK(failure(slot.list(soon())) == "key holder lost");
}

TEST_CASE("key holder: it serves more slots than select(2) could count", "[keys]") {
  constexpr int count = 1500;
  if (sys::raise_open_file_limit(4096) < 2048) SKIP("too few descriptors");
  const Folder folder;
  KeyHolder holder = start();
  REQUIRE(holder.load({{folder.key("id", "ed25519")}}));
  std::vector<Slot> slots;
  for (int i = 0; i < count; ++i)
    slots.push_back(open(holder, {"h", "user" + std::to_string(i), {0}, {}}));
  const PublicKey key = slots.back().list(soon()).value().at(0);
  for (int i : {0, 1, 700, count - 1})
    CHECK(signature_size(slots[static_cast<std::size_t>(i)], "user" + std::to_string(i), key,
                         "ssh-ed25519") == 64);
}

// --- passwords ----------------------------------------------------------------------------------------------------

TEST_CASE("key holder: a password is given once the host key was accepted", "[keys]") {
  KeyHolder holder = start();
  const auto stored = holder.store_password(Secret("pass word"));
  REQUIRE(stored);
  Slot slot = open(holder, {"a", "alice", {}, *stored});
  const auto given = slot.password(soon());
  REQUIRE(given);
  CHECK(given->reveal() == "pass word");

  auto unaccepted = holder.open_slot({"b", "alice", {}, *stored});
  REQUIRE(unaccepted);
  Slot early(std::move(unaccepted->worker_end));
  const auto refused = early.password(soon());
  CHECK(kind(refused) == ErrorKind::protocol);
  CHECK(failure(refused) == "asked for the password before its host key was accepted");
  CHECK(failure(early.list(soon())) == "key holder lost");
  CHECK(notice_of(holder, unaccepted->id) ==
        "asked for the password before its host key was accepted");
}

TEST_CASE("key holder: two slots do not see each other's password", "[keys]") {
  KeyHolder holder = start();
  const auto one = holder.store_password(Secret("one"));
  const auto two = holder.store_password(Secret("two"));
  REQUIRE((one && two));
  Slot slot_one = open(holder, {"a", "alice", {}, *one});
  Slot slot_two = open(holder, {"b", "alice", {}, *two});
  Slot slot_none = open(holder, {"c", "alice", {}, {}});
  CHECK(slot_one.password(soon()).value().reveal() == "one");
  CHECK(slot_two.password(soon()).value().reveal() == "two");
  CHECK(kind(slot_none.password(soon())) == ErrorKind::auth);
  CHECK(failure(slot_none.password(soon())) == "there is no password for this host");
}

TEST_CASE("key holder: the same password has the same number, and each other one its own",
          "[keys]") {
  KeyHolder holder = start();
  CHECK(holder.store_password(Secret("one")) == 0U);
  CHECK(holder.store_password(Secret("two")) == 1U);
  CHECK(holder.store_password(Secret("one")) == 0U);
  CHECK(holder.store_password(Secret(std::string("one\0", 4))) == 2U);
  CHECK(holder.store_password(Secret("two")) == 1U);
  // The highest number is not the last that was told.
  Slot slot = open(holder, {"a", "alice", {}, 2});
  CHECK(slot.password(soon()).value().reveal() == std::string("one\0", 4));
}

TEST_CASE("key holder: an acceptance is seen before a question that was asked after it", "[keys]") {
  KeyHolder holder = start();
  const auto stored = holder.store_password(Secret("secret"));
  REQUIRE(stored);
  for (int i = 0; i < 500; ++i) {
    auto opened = holder.open_slot({"a", "alice", {}, *stored});
    REQUIRE(opened);
    Slot slot(std::move(opened->worker_end));
    REQUIRE(holder.accept_host_key(opened->id, server().blob()));
    REQUIRE(slot.password(soon()));
  }
}

TEST_CASE("key holder: all that the parent has said is taken in before a worker is answered",
          "[keys]") {
  KeyHolder holder = start();
  const auto stored = holder.store_password(Secret("secret"));
  REQUIRE(stored);
  auto opened = holder.open_slot({"a", "alice", {}, *stored});
  REQUIRE(opened);
  const int worker = opened->worker_end.get();
  // Messages are taken in order: when this one is served, the first is open.
  REQUIRE(open(holder, {"b", "alice", {}, {}}).list(soon()));
  ::kill(holder.pid(), SIGSTOP);
  while (read_text("/proc/" + std::to_string(holder.pid()) + "/stat").find(") T ") ==
         std::string::npos)
    std::this_thread::sleep_for(1ms);
  // The question is the first to be ready, the acceptance comes after it, and both are there when the holder wakes up.
  REQUIRE(sys::write_all(worker, wire::encode_frame(66, "")));
  REQUIRE(holder.accept_host_key(opened->id, server().blob()));
  ::kill(holder.pid(), SIGCONT);
  std::string answer(wire::header_bytes + 6, '\0');
  REQUIRE(sys::read_exactly(worker, answer.data(), answer.size(), soon()));
  CHECK(answer == wire::encode_frame(135, "secret"));
}

TEST_CASE("key holder: numbers that were never given out are refused by the parent's side",
          "[keys]") {
  KeyHolder holder = start();
  CHECK(failure(holder.open_slot({"a", "alice", {0}, {}})) == "no key has the number 0");
  CHECK(failure(holder.open_slot({"a", "alice", {}, 0})) == "no password has the number 0");
  CHECK(holder.load({}));
}

TEST_CASE("key holder: from the first slot on it takes no keys, passwords or questions", "[keys]") {
  KeyHolder holder = start();
  REQUIRE(holder.store_password(Secret("early")));
  CHECK(holder.notice_fd() == -1);
  Slot slot = open(holder, {"a", "alice", {}, {}});
  CHECK(holder.notice_fd() >= 0);
  CHECK(kind(holder.load({})) == ErrorKind::internal);
  CHECK(kind(holder.store_password(Secret("late"))) == ErrorKind::internal);
  CHECK(kind(holder.ask_password("Password: ")) == ErrorKind::internal);
  CHECK(slot.list(soon()));
}

// --- hostile workers ----------------------------------------------------------------------------------------------

TEST_CASE(
    "key holder: garbage closes the slot that sent it, is noticed, and leaves the others alone",
    "[keys]") {
  const Folder folder;
  KeyHolder holder = start();
  REQUIRE(holder.load({{folder.key("id", "ed25519")}}));
  Slot honest = open(holder, {"a", "alice", {0}, {}});
  const std::string list_request = wire::encode_frame(64, "");
  const std::string garbage[] = {
      std::string(64, '\xff'),         // a length of 4 GiB
      std::string(5, '\0'),            // a type that does not exist
      std::string(1 << 20, '\7'),      // more than the socket takes at once
      wire::encode_frame(64, "body"),  // a body where none belongs
      wire::encode_frame(
          65, wire::Encoder().uint32(0xffffffff).take()),  // a string that is longer than the body
      wire::encode_frame(1, ""),                           // the parent's words
      wire::encode_frame(128, ""),                         // an answer
      list_request + list_request,                         // not waiting for the answer
  };
  for (const std::string &bytes : garbage) {
    auto opened = holder.open_slot({"b", "alice", {0}, {}});
    REQUIRE(opened);
    REQUIRE(holder.accept_host_key(opened->id, server().blob()));
    // The end may come before all of it is sent.
    static_cast<void>(sys::write_all(opened->worker_end.get(), bytes, soon()));
    // Whatever the answer is, the end follows.
    std::array<char, 4096> buffer{};
    auto got = sys::Transfer{};
    do {
      REQUIRE(sys::wait_ready(opened->worker_end.get(), POLLIN, soon()));
      got = sys::read_some(opened->worker_end.get(), buffer.data(), buffer.size());
    } while (got.state == sys::Transfer::State::done);
    const std::string notice = notice_of(holder, opened->id);
    INFO(notice);
    CHECK((notice.starts_with("sent what is no request") ||
           notice == "asked again before it was answered"));
  }
  CHECK(honest.list(soon()).value().size() == 1);
}

namespace {

// What a captured worker asks to have signed; good as it stands.
struct Attack {
  std::string user = "alice";
  std::string service = "ssh-connection";
  std::string method = "publickey";
  std::string algorithm = "ssh-ed25519";
  std::string session = session_id;
  const HostKey *accepted = &server();
  HostKeyProof proof = server().prove();
};

}  // namespace

TEST_CASE(
    "key holder: what a captured worker would ask is refused, ends its slot alone, and is told",
    "[keys]") {
  const Folder folder;
  KeyHolder holder = start();
  REQUIRE(holder.load({{folder.key("id", "ed25519")}, {folder.key("other", "ed25519")}}));
  Slot honest = open(holder, {"a", "alice", {0}, {}});
  const PublicKey key = honest.list(soon()).value().at(0);
  const PublicKey others = open(holder, {"o", "alice", {1}, {}}).list(soon()).value().at(0);

  const auto outcome = [&](const std::function<void(Attack &)> &change, const PublicKey &with) {
    Attack attack;
    change(attack);
    keys::SlotId id = 0;
    Slot slot = open(holder, {"b", "alice", {0}, {}}, &id, *attack.accepted);
    const auto signature = slot.sign(with.blob,
                                     login_request(attack.user, with, attack.algorithm,
                                                   attack.session, attack.service, attack.method),
                                     attack.proof, soon());
    if (signature) return std::string("signed");
    CHECK(kind(signature) == ErrorKind::protocol);
    CHECK(failure(slot.list(soon())) == "key holder lost");
    CHECK(notice_of(holder, id) == failure(signature));
    return failure(signature);
  };
  const auto attempt = [&](const std::function<void(Attack &)> &change) {
    return outcome(change, key);
  };
  const std::string elsewhere(32, 'e');
  const HostKey stranger("ssh-ed25519");

  CHECK(attempt([](Attack &) {}) == "signed");
  CHECK(attempt([](Attack &attack) { attack.user = "root"; }) ==
        "asked as user 'root', its slot is for 'alice'");
  CHECK(attempt([](Attack &attack) { attack.service = "ssh-userauth"; }) ==
        "asked for the service 'ssh-userauth'");
  CHECK(attempt([](Attack &attack) { attack.method = "hostbased"; }) ==
        "asked for the method 'hostbased'");
  CHECK(attempt([](Attack &attack) { attack.algorithm = "rsa-sha2-512"; }) ==
        "asked for a signature that does not exist: algorithm 'rsa-sha2-512' does not fit a key of "
        "type ssh-ed25519");
  CHECK(outcome([](Attack &) {}, others) ==
        "asked for a signature with a key that is not its slot's");
  CHECK(attempt([](Attack &attack) { attack.session = "short"; }) ==
        "asked to sign what is no login request");
  // A session with another server, over which this one's signature is not.
  CHECK(attempt([&](Attack &attack) { attack.session = elsewhere; }) ==
        "asked for a signature over another session");
  CHECK(attempt([&](Attack &attack) { attack.proof = server().prove(1); }) ==
        "asked for a signature over another session");
  CHECK(attempt([](Attack &attack) { attack.proof = {}; }) ==
        "asked for a signature without proof of its session");
  CHECK(attempt([](Attack &attack) { attack.proof.signature.clear(); }) ==
        "asked for a signature without proof of its session");
  // A session with another server: this one can sign its identifier, like anything, but not show it as its own.
  CHECK(attempt([&](Attack &attack) {
          attack.session = stranger.session();
          attack.proof = {server().blob(), server().sign(stranger.session()), stranger.exchange()};
        }) == "asked for a signature over another session");
  CHECK(attempt([&](Attack &attack) {
          attack.session = stranger.session();
          attack.proof = {server().blob(), server().sign(stranger.session()), server().exchange()};
        }) == "asked for a signature over another session");
  CHECK(attempt([](Attack &attack) { attack.proof.exchange.clear(); }) ==
        "asked for a signature without proof of its session");
  CHECK(attempt([](Attack &attack) { attack.proof.exchange.back() ^= 1; }) ==
        "asked for a signature over another session");
  CHECK(attempt([](Attack &attack) { attack.proof.exchange = "junk"; }) ==
        "gave a useless proof of its session: what is no key exchange");
  // Another server's own, valid proof.
  CHECK(attempt([&](Attack &attack) { attack.proof = stranger.prove(); }) ==
        "asked for a signature over a session with another host key");
  CHECK(attempt([&](Attack &attack) { attack.proof.signature = stranger.prove().signature; }) ==
        "asked for a signature over another session");
  CHECK(attempt([](Attack &attack) { attack.proof.signature.back() ^= 1; }) ==
        "asked for a signature over another session");
  CHECK(attempt([](Attack &attack) { attack.proof.signature.pop_back(); }) ==
        "gave a useless proof of its session: malformed signature");
  CHECK(attempt([](Attack &attack) {
          attack.proof.signature = server().sign(session_id, "ssh-ed25519", "rsa-sha2-256");
        }) ==
        "gave a useless proof of its session: a signature of algorithm 'rsa-sha2-256' by a key of "
        "type "
        "ssh-ed25519");
  CHECK(signature_size(honest, "alice", key, "ssh-ed25519") == 64);
}

TEST_CASE("key holder: a server proves a session with each type of host key, and never with SHA-1",
          "[keys]") {
  const Folder folder;
  KeyHolder holder = start();
  REQUIRE(holder.load({{folder.key("id", "ed25519")}}));
  for (const char *type : {"ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384",
                           "ecdsa-sha2-nistp521", "ssh-rsa"}) {
    INFO(type);
    const HostKey host(type);
    keys::SlotId id = 0;
    Slot slot = open(holder, {"a", "alice", {0}, {}}, &id, host);
    const PublicKey key = slot.list(soon()).value().at(0);
    const std::string data = login_request("alice", key, "ssh-ed25519", host.session());
    CHECK(slot.sign(key.blob, data, host.prove(), soon()));
    if (type != std::string("ssh-rsa")) continue;
    const auto old =
        slot.sign(key.blob, data,
                  {host.blob(), host.sign(host.session(), "ssh-rsa"), host.exchange()}, soon());
    CHECK(failure(old) ==
          "gave a useless proof of its session: a signature of algorithm 'ssh-rsa' by a key of "
          "type ssh-rsa");
    CHECK_FALSE(notice_of(holder, id).empty());
  }
}

TEST_CASE("key holder: nothing is signed before the host key was accepted", "[keys]") {
  const Folder folder;
  KeyHolder holder = start();
  REQUIRE(holder.load({{folder.key("id", "ed25519")}}));
  auto opened = holder.open_slot({"a", "alice", {0}, {}});
  REQUIRE(opened);
  Slot slot(std::move(opened->worker_end));
  const PublicKey key = open(holder, {"b", "alice", {0}, {}}).list(soon()).value().at(0);
  const auto early =
      slot.sign(key.blob, login_request("alice", key, "ssh-ed25519"), server().prove(), soon());
  CHECK(failure(early) == "asked for a signature before its host key was accepted");
  CHECK(notice_of(holder, opened->id) == failure(early));
  // It is too late for this slot, and no fault of the parent's.
  CHECK(holder.accept_host_key(opened->id, server().blob()));
  CHECK(failure(slot.list(soon())) == "key holder lost");
  Slot next = open(holder, {"b", "alice", {0}, {}});
  CHECK(signature_size(next, "alice", key, "ssh-ed25519") == 64);
}

TEST_CASE("key holder: a third signature with one key, and a second session, are refused",
          "[keys]") {
  const Folder folder;
  KeyHolder holder = start();
  REQUIRE(holder.load({{folder.key("id", "ed25519")}}));
  keys::SlotId id = 0;
  Slot slot = open(holder, {"a", "alice", {0}, {}}, &id);
  const PublicKey key = slot.list(soon()).value().at(0);
  CHECK(signature_size(slot, "alice", key, "ssh-ed25519") == 64);
  CHECK(signature_size(slot, "alice", key, "ssh-ed25519") == 64);
  const auto third =
      slot.sign(key.blob, login_request("alice", key, "ssh-ed25519"), server().prove(), soon());
  CHECK(failure(third) == "asked for more than 2 signatures with one key");
  CHECK(notice_of(holder, id) == failure(third));

  Slot moving = open(holder, {"b", "alice", {0}, {}}, &id);
  CHECK(signature_size(moving, "alice", key, "ssh-ed25519") == 64);
  const auto moved =
      moving.sign(key.blob, login_request("alice", key, "ssh-ed25519", server().session(1)),
                  server().prove(1), soon());
  CHECK(failure(moved) == "asked for signatures over two sessions");
  CHECK(notice_of(holder, id) == failure(moved));
}

TEST_CASE("key holder: a request while an RSA key signs is one too many", "[keys]") {
  const Folder folder;
  KeyHolder holder = start();
  REQUIRE(holder.load({{folder.key("id", "rsa -b 4096")}}));
  Slot other = open(holder, {"a", "alice", {0}, {}});
  const PublicKey key = other.list(soon()).value().at(0);
  auto opened = holder.open_slot({"b", "alice", {0}, {}});
  REQUIRE(opened);
  REQUIRE(holder.accept_host_key(opened->id, server().blob()));
  const HostKeyProof proof = server().prove();
  const std::string request =
      wire::encode_frame(65, wire::Encoder()
                                 .string(key.blob)
                                 .string(login_request("alice", key, "rsa-sha2-512"))
                                 .string(proof.host_key)
                                 .string(proof.signature)
                                 .string(proof.exchange)
                                 .take());
  ::kill(holder.pid(), SIGSTOP);
  REQUIRE(sys::write_all(opened->worker_end.get(), request));
  ::kill(holder.pid(), SIGCONT);
  // It has been read once the socket takes no part of it any more; the second comes while the first is made, or after.
  int unread = 1;
  while (unread != 0) REQUIRE(::ioctl(opened->worker_end.get(), TIOCOUTQ, &unread) == 0);
  REQUIRE(sys::write_all(opened->worker_end.get(), request + request + request));
  CHECK(notice_of(holder, opened->id) == "asked again before it was answered");
  CHECK(signature_size(other, "alice", key, "rsa-sha2-512") == 512);
}

TEST_CASE("key holder: descriptors that a worker sends are closed, and so is its slot", "[keys]") {
  KeyHolder holder = start();
  Slot honest = open(holder, {"a", "alice", {}, {}});
  REQUIRE(honest.list(soon()));
  const auto descriptors = [&] {
    const std::filesystem::directory_iterator open_ones("/proc/" + std::to_string(holder.pid()) +
                                                        "/fd");
    return std::distance(begin(open_ones), end(open_ones));
  };
  const auto before = descriptors();
  for (int i = 0; i < 50; ++i) {
    auto opened = holder.open_slot({"b", "alice", {}, {}});
    REQUIRE(opened);
    for (int k = 0; k < 20; ++k)
      if (!sys::send_with_fd(opened->worker_end.get(), wire::encode_frame(64, ""), 0)) break;
    CHECK(notice_of(holder, opened->id) == "sent descriptors");
  }
  CHECK(descriptors() == before);
  CHECK(honest.list(soon()));
}

TEST_CASE("key holder: a parent that does not read its notices misses some and blocks nobody",
          "[keys]") {
  KeyHolder holder = start();
  Slot honest = open(holder, {"a", "alice", {}, {}});
  constexpr int count = 2000;
  for (int i = 0; i < count; ++i) {
    auto opened = holder.open_slot({"b", "alice", {}, {}});
    REQUIRE(opened);
    REQUIRE(sys::write_all(opened->worker_end.get(), std::string(5, '\xff')));
    std::array<char, 16> buffer{};
    REQUIRE(sys::wait_ready(opened->worker_end.get(), POLLIN, soon()));
    CHECK(sys::read_some(opened->worker_end.get(), buffer.data(), buffer.size()).state !=
          sys::Transfer::State::done);
  }
  CHECK(honest.list(soon()));
  const auto notices = holder.take_notices();
  CHECK(notices.size() > 50);
  CHECK(notices.size() < count);
  CHECK(holder.take_notices().empty());
}

TEST_CASE("key holder: an honest worker that ends at any point is not noticed", "[keys]") {
  KeyHolder holder = start();
  for (const std::string &bytes :
       {std::string(), std::string("\0\0\1", 3), wire::encode_frame(64, "")}) {
    auto opened = holder.open_slot({"a", "alice", {}, {}});
    REQUIRE(opened);
    REQUIRE(holder.accept_host_key(opened->id, server().blob()));
    if (!bytes.empty()) REQUIRE(sys::write_all(opened->worker_end.get(), bytes));
  }
  Slot last = open(holder, {"b", "alice", {}, {}});
  REQUIRE(last.list(soon()));
  CHECK(holder.take_notices().empty());
}

// --- memory -------------------------------------------------------------------------------------------------------

namespace {

// Their allocators keep what is freed, elsewhere, and reserve terabytes.
#ifdef FANOUT_BUILT_WITH_SANITIZERS
constexpr bool keeps_to_the_heap = false;
#else
constexpr bool keeps_to_the_heap = true;
#endif

// How often the bytes are in a process's memory; nullopt when we may not look.
std::optional<int> count_in_memory(pid_t pid, const std::string &bytes) {
  const std::string proc = "/proc/" + std::to_string(pid);
  std::ifstream memory(proc + "/mem", std::ios::binary);
  if (!memory) return std::nullopt;
  std::istringstream maps(read_text(proc + "/maps"));
  int count = 0;
  for (std::string line; std::getline(maps, line);) {
    unsigned long begin = 0;
    unsigned long end = 0;
    char access[5] = {};
    if (std::sscanf(line.c_str(), "%lx-%lx %4s", &begin, &end, access) != 3 || access[1] != 'w')
      continue;
    std::string content(end - begin, '\0');
    memory.clear();
    memory.seekg(static_cast<std::streamoff>(begin));
    memory.read(content.data(), static_cast<std::streamsize>(content.size()));
    for (std::size_t at = content.find(bytes); at != std::string::npos;
         at = content.find(bytes, at + 1))
      ++count;
  }
  return count;
}

}  // namespace

TEST_CASE("key holder: of a password that was used there is one copy", "[keys]") {
  if (!keeps_to_the_heap) SKIP("built with a sanitizer");
  for (const std::string &reversed :
       {std::string("nwonk-si-yranac-gnol-siht-drowssap"), std::string("yranac-trohs")}) {
    KeyHolder holder = start();
    // Made after the fork, so that the holder has no copy of the test's.
    const std::string password(reversed.rbegin(), reversed.rend());
    const auto stored = holder.store_password(Secret(password));
    REQUIRE(stored);
    for (int i = 0; i < 3; ++i) {
      Slot slot = open(holder, {"a", "alice", {}, *stored});
      REQUIRE(slot.password(soon()).value().reveal() == password);
    }
    Slot last = open(holder, {"b", "alice", {}, {}});
    REQUIRE(last.list(soon()));
    const auto count = count_in_memory(holder.pid(), password);
    if (!count) SKIP("the memory of other processes is closed to this user");
    CHECK(*count == 1);
  }
}

TEST_CASE("key holder: its heap is locked, or the report says how much of it", "[keys]") {
  if (!keeps_to_the_heap) SKIP("built with a sanitizer");
  KeyHolder holder = start();
  const auto report = holder.load({});
  REQUIRE(report);
  const std::string status = read_text("/proc/" + std::to_string(holder.pid()) + "/status");
  const std::size_t field = status.find("VmLck:");
  REQUIRE(field != std::string::npos);
  const long locked_kib = std::stol(status.substr(field + 6));
  if (report->notes.empty())
    CHECK(locked_kib >= 512);
  else
    CHECK(report->notes[0].find(std::to_string(locked_kib) + " of ") != std::string::npos);
}

TEST_CASE("key holder: half a request, then silence, holds up nobody", "[keys]") {
  KeyHolder holder = start();
  auto opened = holder.open_slot({"a", "alice", {}, {}});
  REQUIRE(opened);
  REQUIRE(sys::write_all(opened->worker_end.get(), std::string("\0\0\1\0\101abc", 8)));
  Slot other = open(holder, {"b", "alice", {}, {}});
  CHECK(other.list(soon()));
}

TEST_CASE("key holder: a worker that asks without end is cut off", "[keys]") {
  KeyHolder holder = start();
  keys::SlotId id = 0;
  Slot slot = open(holder, {"a", "alice", {}, {}}, &id);
  int answers = 0;
  while (slot.list(soon())) REQUIRE(++answers <= 64);
  CHECK(answers == 16);
  CHECK(notice_of(holder, id) == "asked more than 16 times");
}

TEST_CASE(
    "key holder: a worker that sends without reading costs no memory, no time and no other worker",
    "[keys]") {
  KeyHolder holder = start();
  auto opened = holder.open_slot({"a", "alice", {}, {}});
  REQUIRE(opened);
  REQUIRE(sys::set_nonblocking(opened->worker_end.get()));
  const std::string request = wire::encode_frame(64, "");
  for (int i = 0; i < 100'000; ++i)
    if (sys::write_some(opened->worker_end.get(), request).state != sys::Transfer::State::done)
      break;
  Slot other = open(holder, {"b", "alice", {}, {}});
  CHECK(other.list(soon()));
  const auto before = cpu_time(holder.pid());
  std::this_thread::sleep_for(300ms);
  CHECK(cpu_time(holder.pid()) - before < 100ms);
}

// --- the agent ----------------------------------------------------------------------------------------------------

TEST_CASE("key holder: the agent's keys are offered and sign", "[keys]") {
  const Folder folder;
  const RealAgent agent(folder);
  agent.add(folder.key("ed", "ed25519"));
  agent.add(folder.key("rsa", "rsa -b 2048"));
  agent.add(folder.key("ec", "ecdsa -b 384"));
  KeyHolder holder = start({.agent_socket = agent.socket()});
  const auto report = holder.load(keys::default_identities(folder.path("home")));
  REQUIRE(report);
  CHECK(report->agent_keys == 3);
  CHECK(report->notes.empty());
  Slot slot = open(holder, {"a", "alice", {}, {}});
  const auto listed = slot.list(soon());
  REQUIRE(listed);
  REQUIRE(listed->size() == 3);
  CHECK(signature_size(slot, "alice", listed->at(0), "ssh-ed25519") == 64);
  CHECK(signature_size(slot, "alice", listed->at(1), "rsa-sha2-256") == 256);
  CHECK(signature_size(slot, "alice", listed->at(1), "rsa-sha2-512") == 256);
  CHECK(signature_size(slot, "alice", listed->at(2), "ecdsa-sha2-nistp384") >= 100);
}

TEST_CASE("key holder: an Ed25519 key signs the same through the agent as from its file",
          "[keys]") {
  const Folder folder;
  const RealAgent agent(folder);
  const std::string path = folder.key("ed", "ed25519");
  agent.add(path);
  KeyHolder with_agent = start({.agent_socket = agent.socket()});
  KeyHolder with_file = start();
  REQUIRE(with_agent.load({}));
  REQUIRE(with_file.load({{path}}));
  Slot one = open(with_agent, {"a", "alice", {}, {}});
  Slot two = open(with_file, {"a", "alice", {0}, {}});
  const PublicKey key = one.list(soon()).value().at(0);
  const std::string data = login_request("alice", key, "ssh-ed25519");
  const HostKeyProof proof = server().prove();
  CHECK(one.sign(key.blob, data, proof, soon()).value() ==
        two.sign(key.blob, data, proof, soon()).value());
}

TEST_CASE("key holder: a public key file chooses the agent's key, the agent's others come after it",
          "[keys]") {
  const Folder folder;
  const RealAgent agent(folder);
  agent.add(folder.key("first", "ed25519"));
  agent.add(folder.key("second", "ecdsa"));
  std::filesystem::remove(folder.path("second"));
  KeyHolder holder = start({.agent_socket = agent.socket()});
  const auto report = holder.load({{folder.path("second.pub")}});
  REQUIRE(report);
  CHECK(report->identities[0].in_agent);
  Slot slot = open(holder, {"a", "alice", {0}, {}});
  const auto listed = slot.list(soon());
  REQUIRE(listed);
  REQUIRE(listed->size() == 2);
  CHECK(listed->at(0).type == "ecdsa-sha2-nistp256");
  CHECK(signature_size(slot, "alice", listed->at(0), "ecdsa-sha2-nistp256") >= 70);
}

TEST_CASE("key holder: nobody is asked for a passphrase of a key that the agent holds", "[keys]") {
  const Folder folder;
  const RealAgent agent(folder);
  const std::string plain = folder.key("plain", "ed25519");
  agent.add(plain);
  const std::string command = "ssh-keygen -q -p -a 1 -P '' -N secret -f " + plain + " >/dev/null";
  REQUIRE(std::system(command.c_str()) == 0);
  KeyHolder holder =
      start({.agent_socket = agent.socket()});  // without a console nobody can be asked
  const auto report = holder.load({{plain}});
  REQUIRE(report);
  CHECK(report->identities[0].usable);
  Slot slot = open(holder, {"a", "alice", {0}, {}});
  CHECK(signature_size(slot, "alice", slot.list(soon()).value().at(0), "ssh-ed25519") == 64);
}

TEST_CASE("key holder: a certificate in a file works with the plain key in the agent", "[keys]") {
  const Folder folder;
  const RealAgent agent(folder);
  const std::string ca = folder.key("ca", "ed25519");
  const std::string path = folder.key("id", "rsa -b 2048");
  agent.add(path);
  const std::string command = "ssh-keygen -q -s " + ca + " -I id -n alice " + path + ".pub";
  REQUIRE(std::system(command.c_str()) == 0);
  const std::string lock = "ssh-keygen -q -p -a 1 -P '' -N secret -f " + path + " >/dev/null";
  REQUIRE(std::system(lock.c_str()) == 0);
  KeyHolder holder = start({.agent_socket = agent.socket()});
  REQUIRE(holder.load({{path}}));
  Slot slot = open(holder, {"a", "alice", {0}, {}});
  const auto listed = slot.list(soon());
  if (!listed) FAIL(listed.error().message);
  REQUIRE(listed->size() == 2);
  CHECK(listed->at(0).type == "ssh-rsa-cert-v01@openssh.com");
  CHECK(signature_size(slot, "alice", listed->at(0), "rsa-sha2-512-cert-v01@openssh.com") == 256);
}

TEST_CASE("key holder: an agent that is not there is a note and no failure", "[keys]") {
  const Folder folder;
  KeyHolder holder = start({.agent_socket = folder.path("nothing")});
  const auto report = holder.load({{folder.key("id", "ed25519")}});
  REQUIRE(report);
  REQUIRE(report->notes.size() == 1);
  CHECK(report->notes[0] ==
        "ssh-agent '" + folder.path("nothing") + "': connect: No such file or directory");
  CHECK(report->identities[0].usable);
}

TEST_CASE("key holder: a stopped agent costs one timeout, not one a question", "[keys]") {
  const Folder folder;
  const RealAgent agent(folder);
  agent.add(folder.key("id", "ed25519"));
  KeyHolder holder = start({.agent_socket = agent.socket(), .agent_timeout = 300ms});
  REQUIRE(holder.load({}));
  std::vector<Slot> slots;
  for (int i = 0; i < 20; ++i) slots.push_back(open(holder, {"a", "alice", {}, {}}));
  const PublicKey key = slots[0].list(soon()).value().at(0);
  agent.stop();
  const auto begin = sys::now();
  for (Slot &slot : slots) {
    const auto signature =
        slot.sign(key.blob, login_request("alice", key, "ssh-ed25519"), server().prove(), soon());
    CHECK(failure(signature).starts_with("ssh-agent '"));
  }
  CHECK(sys::now() - begin < 2s);
}

TEST_CASE("key holder: an agent that stopped before the start holds it up for its timeout",
          "[keys]") {
  const Folder folder;
  const RealAgent agent(folder);
  agent.stop();
  KeyHolder holder = start({.agent_socket = agent.socket(), .agent_timeout = 300ms});
  const auto begin = sys::now();
  const auto report = holder.load({});
  CHECK(sys::now() - begin < 3s);
  REQUIRE(report);
  REQUIRE(report->notes.size() == 1);
  CHECK(report->notes[0].ends_with("does not answer within 300ms"));
}

TEST_CASE("key holder: when the agent is killed its keys fail and those from files still sign",
          "[keys]") {
  const Folder folder;
  RealAgent agent(folder);
  agent.add(folder.key("agents", "ed25519"));
  KeyHolder holder = start({.agent_socket = agent.socket()});
  REQUIRE(holder.load({{folder.key("file", "ecdsa")}}));
  Slot slot = open(holder, {"a", "alice", {0}, {}});
  const auto listed = slot.list(soon());
  REQUIRE(listed);
  REQUIRE(listed->size() == 2);
  agent.kill();
  const auto signature =
      slot.sign(listed->at(1).blob, login_request("alice", listed->at(1), "ssh-ed25519"),
                server().prove(), soon());
  CHECK(failure(signature).find("Connection refused") != std::string::npos);
  CHECK(signature_size(slot, "alice", listed->at(0), "ecdsa-sha2-nistp256") >= 70);
  CHECK(cpu_time(holder.pid()) < 2s);
}

TEST_CASE("key holder: an agent that was restarted is connected to again", "[keys]") {
  const Folder folder;
  RealAgent agent(folder);
  const std::string path = folder.key("id", "ed25519");
  agent.add(path);
  KeyHolder holder = start({.agent_socket = agent.socket()});
  REQUIRE(holder.load({}));
  Slot slot = open(holder, {"a", "alice", {}, {}});
  const PublicKey key = slot.list(soon()).value().at(0);
  agent.kill();
  agent.start();
  agent.add(path);
  CHECK(signature_size(slot, "alice", key, "ssh-ed25519") == 64);
}

TEST_CASE("key holder: an agent that talks nonsense is a note", "[keys]") {
  const std::string answers[] = {"", std::string("\xff\xff\xff\xff", 4), std::string("\0\0\0\0", 4),
                                 std::string("\0\0\0\1\14", 5),
                                 std::string("\0\0\0\5\14\xff\xff\xff\xff", 9)};
  for (const std::string &answer : answers) {
    const Folder folder;
    const std::string path = folder.path("fake.sock");
    sys::UniqueFd listener = sys::UniqueFd::adopt(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    REQUIRE(::bind(listener.get(), reinterpret_cast<sockaddr *>(&address), sizeof address) == 0);
    REQUIRE(::listen(listener.get(), 8) == 0);
    const auto fake = sys::fork_child([&] {
      for (;;) {
        const auto client = sys::UniqueFd::adopt(::accept(listener.get(), nullptr, nullptr));
        std::array<char, 5> request{};
        if (!sys::read_exactly(client.get(), request.data(), request.size())) continue;
        if (!sys::write_all(client.get(), answer)) continue;
      }
      return 0;
    });
    REQUIRE(fake);
    KeyHolder holder = start({.agent_socket = path, .agent_timeout = 2s});
    const auto report = holder.load({});
    REQUIRE(report);
    CHECK(report->notes.size() == 1);
    CHECK(report->agent_keys == 0);
    CHECK(cpu_time(holder.pid()) < 1s);
  }
}

TEST_CASE("key holder: a hung agent holds up those that need it and nobody else", "[keys]") {
  const Folder folder;
  const RealAgent agent(folder);
  agent.add(folder.key("agents", "ed25519"));
  KeyHolder holder = start({.agent_socket = agent.socket(), .agent_timeout = 3s});
  REQUIRE(holder.load({{folder.key("rsa", "rsa -b 2048")}, {folder.key("ed", "ed25519")}}));
  std::vector<Slot> waiting;
  for (int i = 0; i < 8; ++i) waiting.push_back(open(holder, {"a", "alice", {0}, {}}));
  Slot with_files = open(holder, {"b", "alice", {0, 1}, {}});
  const auto listed = with_files.list(soon());
  REQUIRE((listed && listed->size() == 3));
  agent.stop();
  const auto begin = sys::now();
  std::atomic<int> refused = 0;
  std::vector<std::thread> workers;
  for (Slot &slot : waiting)
    workers.emplace_back([&] {
      const PublicKey &key = listed->at(2);
      const auto signature =
          slot.sign(key.blob, login_request("alice", key, "ssh-ed25519"), server().prove(), soon());
      refused += failure(signature).starts_with("ssh-agent '") ? 1 : 0;
    });
  CHECK(signature_size(with_files, "alice", listed->at(0), "rsa-sha2-256") == 256);
  CHECK(signature_size(with_files, "alice", listed->at(1), "ssh-ed25519") == 64);
  CHECK(sys::now() - begin < 2s);
  for (std::thread &worker : workers) worker.join();
  CHECK(refused == 8);
  CHECK(sys::now() - begin < 10s);
}

TEST_CASE("key holder: a worker that ends while its signature is made disturbs nobody", "[keys]") {
  const Folder folder;
  const RealAgent agent(folder);
  agent.add(folder.key("agents", "ed25519"));
  KeyHolder holder = start({.agent_socket = agent.socket()});
  REQUIRE(holder.load({{folder.key("rsa", "rsa -b 3072")}}));
  Slot honest = open(holder, {"a", "alice", {0}, {}});
  const auto listed = honest.list(soon());
  REQUIRE((listed && listed->size() == 2));
  for (int i = 0; i < 50; ++i) {
    keys::SlotId id = 0;
    Slot slot = open(holder, {"b", "alice", {0}, {}}, &id);
    const bool rsa = i % 2 == 0;
    const PublicKey &key = listed->at(rsa ? 0 : 1);
    // Too short to wait for the answer, mostly.
    static_cast<void>(slot.sign(key.blob,
                                login_request("alice", key, rsa ? "rsa-sha2-512" : "ssh-ed25519"),
                                server().prove(), soon(std::chrono::milliseconds(1 + i % 4))));
    if (i % 3 == 0) holder.close_slot(id);
  }
  CHECK(signature_size(honest, "alice", listed->at(0), "rsa-sha2-512") == 384);
  CHECK(signature_size(honest, "alice", listed->at(1), "ssh-ed25519") == 64);
  CHECK(holder.take_notices().empty());
}

TEST_CASE("key holder: an agent's key that is for one host only signs for that host", "[keys]") {
  const Folder folder;
  const RealAgent agent(folder);
  const HostKey right("ecdsa-sha2-nistp256");
  const auto line = [](const char *name, const HostKey &key, const char *type) {
    return std::string(name) + " " + type + " " + core::encode_base64(key.blob()) + "\n";
  };
  std::ofstream(folder.path("known_hosts")) << line("right", right, "ecdsa-sha2-nistp256");
  const std::string add = "SSH_AUTH_SOCK=" + agent.socket() + " ssh-add -q -H " +
                          folder.path("known_hosts") + " -h right " + folder.key("id", "ed25519") +
                          " 2>/dev/null";
  REQUIRE(std::system(add.c_str()) == 0);
  KeyHolder holder = start({.agent_socket = agent.socket()});
  REQUIRE(holder.load({}));
  Slot allowed = open(holder, {"right", "alice", {}, {}}, nullptr, right);
  Slot refused = open(holder, {"wrong", "alice", {}, {}});
  const PublicKey key = allowed.list(soon()).value().at(0);
  const std::string own = login_request("alice", key, "ssh-ed25519", right.session());
  const std::string data = login_request("alice", key, "ssh-ed25519");
  CHECK(allowed.sign(key.blob, own, right.prove(), soon()));
  const auto signature = refused.sign(key.blob, data, server().prove(), soon());
  CHECK(kind(signature) == ErrorKind::auth);
  CHECK(failure(signature).starts_with("ssh-agent: it refuses to sign"));
  // The other's connection is bound to its own session still.
  CHECK(allowed.sign(key.blob, own, right.prove(), soon()));
  CHECK(holder.take_notices().empty());
}

namespace {

// An agent with one Ed25519 key that does not know of sessions; tells the type of each request.
class OldAgent {
public:
  // `answer` is what it says to extensions, with its length; empty: it hangs up.
  OldAgent(const Folder &folder, std::string answer) : path_(folder.path("old.sock")) {
    listener_ = sys::UniqueFd::adopt(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof address.sun_path - 1);
    REQUIRE(::bind(listener_.get(), reinterpret_cast<sockaddr *>(&address), sizeof address) == 0);
    REQUIRE(::listen(listener_.get(), 8) == 0);
    auto child = sys::fork_child([this, answer] {
      for (;;) {
        const auto client = sys::UniqueFd::adopt(::accept(listener_.get(), nullptr, nullptr));
        while (serve(client.get(), answer)) {
        }
      }
      return 0;
    });
    REQUIRE(child);
    child_ = *std::move(child);
  }
  [[nodiscard]] const std::string &socket() const { return path_; }
  [[nodiscard]] std::string requests(std::size_t count) const {
    std::string types(count, '\0');
    REQUIRE(sys::read_exactly(seen_.read_end.get(), types.data(), count, soon()));
    return types;
  }

private:
  bool serve(int client, const std::string &extension_answer) const {
    std::array<char, 4> header{};
    if (!sys::read_exactly(client, header.data(), header.size())) return false;
    std::string request(wire::Decoder({header.data(), 4}).uint32(), '\0');
    if (!sys::read_exactly(client, request.data(), request.size())) return false;
    static_cast<void>(sys::write_all(seen_.write_end.get(), request.substr(0, 1)));
    std::string answer;
    if (request[0] == 11)
      answer = wire::Encoder().byte(12).uint32(1).string(key_.blob()).string("old").take();
    if (request[0] == 13) answer = wire::Encoder().byte(14).string(key_.sign("x")).take();
    if (request[0] == 27) answer = extension_answer;
    if (answer.empty()) return false;
    return sys::write_all(client, wire::Encoder().string(answer).take()).has_value();
  }

  std::string path_;
  HostKey key_{"ssh-ed25519"};
  sys::Pipe seen_ = sys::make_pipe().value();
  sys::UniqueFd listener_;
  sys::Child child_;
};

}  // namespace

TEST_CASE("key holder: an agent that does not know of sessions is used without, and asked once",
          "[keys]") {
  for (const std::string &answer : {std::string("\5"), std::string("\34"), std::string()}) {
    const Folder folder;
    const OldAgent agent(folder, answer);
    KeyHolder holder = start({.agent_socket = agent.socket(), .agent_timeout = 5s});
    REQUIRE(holder.load({}));
    for (int i = 0; i < 2; ++i) {
      Slot slot = open(holder, {"a", "alice", {}, {}});
      const PublicKey key = slot.list(soon()).value().at(0);
      CHECK(signature_size(slot, "alice", key, "ssh-ed25519") == 64);
    }
    CHECK(agent.requests(4) == std::string("\13\33\15\15"));
  }
}

TEST_CASE("key holder: a slot's connection to the agent ends with it", "[keys]") {
  const Folder folder;
  const RealAgent agent(folder);
  agent.add(folder.key("id", "ed25519"));
  KeyHolder holder = start({.agent_socket = agent.socket()});
  REQUIRE(holder.load({}));
  const auto descriptors = [&] {
    const std::filesystem::directory_iterator open_ones("/proc/" + std::to_string(holder.pid()) +
                                                        "/fd");
    return std::distance(begin(open_ones), end(open_ones));
  };
  Slot other = open(holder, {"a", "alice", {}, {}});
  const PublicKey key = other.list(soon()).value().at(0);
  const auto before = descriptors();
  for (int i = 0; i < 20; ++i) {
    Slot slot = open(holder, {"b", "alice", {}, {}});
    CHECK(signature_size(slot, "alice", key, "ssh-ed25519") == 64);
    CHECK(descriptors() <= before + 4);
  }
  REQUIRE(other.list(soon()));
  CHECK(descriptors() == before);
}

// --- questions ----------------------------------------------------------------------------------------------------

TEST_CASE("key holder: a passphrase is asked for without echo, and the terminal is put back",
          "[keys]") {
  const Folder folder;
  Terminal terminal;
  console::Lock lock = console::Lock::create().value();
  const std::string path = folder.key("id", "ed25519", "secret");
  KeyHolder holder = start(with_terminal(lock, terminal.name()));
  int asked_silently = 0;
  std::thread user([&] {
    if (!terminal.shows("Enter passphrase for key '" + path + "': ")) return;
    asked_silently += terminal.echo() ? 0 : 1;
    terminal.type("wrong\n");
    if (!terminal.shows("Wrong passphrase. Enter passphrase for key '" + path + "': ")) return;
    asked_silently += terminal.echo() ? 0 : 1;
    terminal.type("secret\n");
  });
  const auto report = holder.load({{path}});
  user.join();
  CHECK(asked_silently == 2);
  INFO(failure(report));
  REQUIRE(report);
  CHECK(terminal.echo());
  CHECK(terminal.shown().find("secret") == std::string::npos);
  Slot slot = open(holder, {"a", "alice", {0}, {}});
  CHECK(signature_size(slot, "alice", slot.list(soon()).value().at(0), "ssh-ed25519") == 64);
}

TEST_CASE("key holder: three wrong passphrases are a usage error that names the file", "[keys]") {
  const Folder folder;
  Terminal terminal;
  console::Lock lock = console::Lock::create().value();
  const std::string path = folder.key("id", "ed25519", "secret");
  KeyHolder holder = start(with_terminal(lock, terminal.name()));
  std::thread user([&] {
    for (int i = 0; i < 3; ++i)
      if (terminal.shows("for key '" + path + "': ")) terminal.type("wrong\n");
  });
  const auto report = holder.load({{path}});
  user.join();
  CHECK(kind(report) == ErrorKind::usage);
  CHECK(failure(report) == "key '" + path + "': wrong passphrase, 3 times");
  CHECK_FALSE(holder.interrupted_by());
  CHECK(terminal.echo());
}

TEST_CASE("key holder: without a terminal an encrypted key is a usage error that names the file",
          "[keys]") {
  const Folder folder;
  console::Lock lock = console::Lock::create().value();
  const std::string path = folder.key("id", "ed25519", "secret");
  for (const char *terminal : {"/nonexistent/tty", "/dev/null"}) {
    KeyHolder holder = start(with_terminal(lock, terminal));
    const auto report = holder.load({{path}});
    CHECK(kind(report) == ErrorKind::usage);
    CHECK(failure(report) == "key '" + path + "': there is no terminal to ask on");
    CHECK(failure(holder.ask_password("Password: ")) == "password: there is no terminal to ask on");
  }
}

TEST_CASE("key holder: the password that was asked for serves every host without one of its own",
          "[keys]") {
  Terminal terminal;
  console::Lock lock = console::Lock::create().value();
  KeyHolder holder = start(with_terminal(lock, terminal.name()));
  const auto own = holder.store_password(Secret("own"));
  REQUIRE(own);
  std::thread user([&] {
    if (terminal.shows("Password: ")) terminal.type("every\n");
  });
  const auto asked = holder.ask_password("Password: ");
  user.join();
  REQUIRE(asked);
  CHECK(*asked != *own);
  CHECK(holder.store_password(Secret("every")) == *asked);
  Slot with_own = open(holder, {"a", "alice", {}, *own});
  Slot other = open(holder, {"b", "alice", {}, {}});
  CHECK(with_own.password(soon()).value().reveal() == "own");
  CHECK(other.password(soon()).value().reveal() == "every");
}

TEST_CASE("key holder: no password and an end of input are not passwords", "[keys]") {
  for (const auto &[typed, text] : {std::pair{"\n", "password: no password was given"},
                                    {"\4", "password: the terminal gave no answer"}}) {
    Terminal terminal;
    console::Lock lock = console::Lock::create().value();
    KeyHolder holder = start(with_terminal(lock, terminal.name()));
    std::thread user([&terminal, keys = typed] {
      if (terminal.shows("Password: ")) terminal.type(keys);
    });
    const auto asked = holder.ask_password("Password: ");
    user.join();
    CHECK(kind(asked) == ErrorKind::usage);
    CHECK(failure(asked) == text);
    CHECK(terminal.echo());
  }
}

TEST_CASE("key holder: a question is asked under the console lock", "[keys]") {
  Terminal terminal;
  console::Lock lock = console::Lock::create().value();
  KeyHolder holder = start(with_terminal(lock, terminal.name()));
  bool asked = false;
  std::thread asking([&] { asked = holder.ask_password("Password: ").has_value(); });
  REQUIRE(terminal.shows("Password: "));
  std::atomic<bool> written = false;
  std::thread other([&] {
    const console::Lock::Guard guard(lock);
    written = true;
  });
  std::this_thread::sleep_for(200ms);
  CHECK_FALSE(written);
  terminal.type("secret\n");
  asking.join();
  CHECK(asked);
  other.join();
  CHECK(written);
}

namespace {

// What became of a holder's parent that ran on a terminal of its own.
struct Told {
  pid_t parent = ::getpid();
  pid_t holder = 0;
  int kind = -1;
  int interrupted_by = -1;
};

// Runs in a process of its own: starts a holder on /dev/tty and asks for a password.
int ask_on_own_terminal(const Folder &folder, int report) {
  // The parent leaves signals to a descriptor; here it only has to survive them.
  for (const int signal : {SIGINT, SIGQUIT, SIGHUP, SIGTERM}) ::signal(signal, SIG_IGN);
  console::Lock lock = console::Lock::create().value();
  auto holder = KeyHolder::start(with_terminal(lock, "/dev/tty"));
  if (!holder) return 1;
  Told told;
  told.holder = holder->pid();
  sys::write_all(report, {reinterpret_cast<const char *>(&told), sizeof told});
  const auto asked = holder->ask_password("Password for " + folder.path("x") + ": ");
  told.kind = asked ? 99 : static_cast<int>(asked.error().kind);
  told.interrupted_by = holder->interrupted_by().value_or(0);
  sys::write_all(report, {reinterpret_cast<const char *>(&told), sizeof told});
  return 0;
}

Told read_told(const sys::Pipe &report) {
  Told told;
  REQUIRE(sys::read_exactly(report.read_end.get(), reinterpret_cast<char *>(&told), sizeof told,
                            soon()));
  return told;
}

}  // namespace

TEST_CASE("key holder: Ctrl-C at a question puts the terminal back and is told to the parent",
          "[keys]") {
  for (const auto &[typed, signal] :
       {std::pair{"\3", SIGINT}, {"half\3", SIGINT}, {"\34", SIGQUIT}}) {
    const Folder folder;
    Terminal terminal;
    const sys::Pipe report = sys::make_pipe().value();
    auto parent = sys::fork_child(
        [&] {
          terminal.become_controlling();
          return ask_on_own_terminal(folder, report.write_end.get());
        },
        sys::ProcessGroup::inherited);
    REQUIRE(parent);
    read_told(report);
    REQUIRE(terminal.shows("Password for "));
    terminal.type(typed);
    const Told told = read_told(report);
    CHECK(told.kind == static_cast<int>(ErrorKind::local));
    CHECK(told.interrupted_by == signal);
    CHECK(terminal.echo());
    CHECK(parent->reap_blocking().success());
  }
}

TEST_CASE("key holder: terminated at a question it puts the terminal back", "[keys]") {
  const Folder folder;
  Terminal terminal;
  const sys::Pipe report = sys::make_pipe().value();
  auto parent = sys::fork_child(
      [&] {
        terminal.become_controlling();
        return ask_on_own_terminal(folder, report.write_end.get());
      },
      sys::ProcessGroup::inherited);
  REQUIRE(parent);
  const pid_t holder = read_told(report).holder;
  REQUIRE(terminal.shows("Password for "));
  ::kill(holder, SIGTERM);
  CHECK(read_told(report).interrupted_by == SIGTERM);
  CHECK(terminal.echo());
  parent->reap_blocking();
}

TEST_CASE("key holder: killed at a question, the parent puts the terminal back", "[keys]") {
  const Folder folder;
  Terminal terminal;
  const sys::Pipe report = sys::make_pipe().value();
  auto parent = sys::fork_child(
      [&] {
        terminal.become_controlling();
        return ask_on_own_terminal(folder, report.write_end.get());
      },
      sys::ProcessGroup::inherited);
  REQUIRE(parent);
  const pid_t holder = read_told(report).holder;
  REQUIRE(terminal.shows("Password for "));
  CHECK_FALSE(terminal.echo());
  ::kill(holder, SIGKILL);
  CHECK(read_told(report).kind == static_cast<int>(ErrorKind::internal));
  CHECK(terminal.echo());
  parent->reap_blocking();
}

TEST_CASE("key holder: when its parent is killed at a question it puts the terminal back and ends",
          "[keys]") {
  const Folder folder;
  Terminal terminal;
  const sys::Pipe report = sys::make_pipe().value();
  // The one that is killed must not be leader of the session, whose death would hang up the terminal.
  auto leader = sys::fork_child(
      [&] {
        terminal.become_controlling();
        auto parent =
            sys::fork_child([&] { return ask_on_own_terminal(folder, report.write_end.get()); },
                            sys::ProcessGroup::inherited);
        parent->reap_blocking();
        ::pause();
        return 0;
      },
      sys::ProcessGroup::inherited);
  REQUIRE(leader);
  const Told told = read_told(report);
  REQUIRE(terminal.shows("Password for "));
  CHECK_FALSE(terminal.echo());
  ::kill(told.parent, SIGKILL);
  CHECK(terminal.echo_becomes(true));
  CHECK(ends(told.holder));
}

TEST_CASE(
    "key holder: suspended at a question it gives the terminal back, and asks again when continued",
    "[keys]") {
  const Folder folder;
  Terminal terminal;
  const sys::Pipe report = sys::make_pipe().value();
  const sys::Pipe stopped = sys::make_pipe().value();
  // A shell with job control: leader of the session, and its job in a group of its own in the foreground.
  auto shell = sys::fork_child(
      [&] {
        terminal.become_controlling();
        ::signal(SIGTTOU, SIG_IGN);
        auto job =
            sys::fork_child([&] { return ask_on_own_terminal(folder, report.write_end.get()); });
        ::tcsetpgrp(::open("/dev/tty", O_RDWR | O_CLOEXEC), job->pid());
        ::kill(-job->pid(), SIGCONT);
        int status = 0;
        ::waitpid(job->pid(), &status, WUNTRACED);
        sys::write_all(stopped.write_end.get(), WIFSTOPPED(status) ? "s" : "?");
        std::this_thread::sleep_for(300ms);
        ::kill(-job->pid(), SIGCONT);
        job->reap_blocking();
        return 0;
      },
      sys::ProcessGroup::inherited);
  REQUIRE(shell);
  read_told(report);
  REQUIRE(terminal.shows("Password for "));
  CHECK(terminal.echo_becomes(false));
  terminal.type("\32");
  char state = 0;
  REQUIRE(sys::read_exactly(stopped.read_end.get(), &state, 1, soon()));
  CHECK(state == 's');
  CHECK(terminal.echo_becomes(true));
  REQUIRE(terminal.shows("Password for "));
  CHECK_FALSE(terminal.echo());
  terminal.type("secret\n");
  CHECK(read_told(report).kind == 99);
  CHECK(terminal.echo());
  shell->reap_blocking();
}

TEST_CASE("key holder: nobody learns of keys before the host key was accepted", "[keys]") {
  const Folder folder;
  KeyHolder holder = start();
  REQUIRE(holder.load({{folder.key("id", "ed25519")}}));
  auto opened = holder.open_slot({"a", "alice", {0}, {}});
  REQUIRE(opened);
  Slot early(std::move(opened->worker_end));
  CHECK(failure(early.list(soon())) == "asked for keys before its host key was accepted");
  CHECK(notice_of(holder, opened->id) == "asked for keys before its host key was accepted");
}
