// Adding to known_hosts beside others, and to files that cannot be added to. Real files in a folder of the test's own,
// real processes for everything that happens at the same time.
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <thread>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include "../unit/ssh/sample_keys.hpp"
#include "fanout/ssh/host_keys.hpp"
#include "fanout/sys/io.hpp"
#include "fanout/sys/pipe.hpp"
#include "fanout/sys/process.hpp"

namespace fanout::ssh {

namespace {

using core::Deadline;
using core::ErrorKind;
using core::HostKeyPolicy;
using Decision = Verdict::Decision;
using namespace std::chrono_literals;

class Folder {
public:
  Folder() {
    std::string name =
        (std::filesystem::temp_directory_path() / "fanout-known-hosts-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] std::string operator/(const std::string &name) const { return path_ + '/' + name; }
  [[nodiscard]] const std::string &path() const { return path_; }

private:
  std::string path_;
};

void write_file(const std::string &path, const std::string &text) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
}

std::string read_file(const std::string &path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

mode_t mode_of(const std::string &path) {
  struct stat facts {};
  REQUIRE(::stat(path.c_str(), &facts) == 0);
  return facts.st_mode & 07777U;
}

std::string line(const std::string &names, const std::string &blob) {
  return format_known_hosts_line(names, blob) + "\n";
}

Deadline soon() { return Deadline::in(20s, sys::now()); }

HostKeys load(const std::string &path, const std::string &home = "") {
  auto keys = HostKeys::load({.files = {path}, .home = home});
  REQUIRE(keys);
  return std::move(*keys);
}

// What a run does with a host under accept-new: true when the host is accepted in the end.
core::Result<void> learn(HostKeys &keys, const HostKeyQuery &query, const std::string &blob) {
  const Verdict verdict = keys.check(query, HostKeyPolicy::accept_new, blob);
  if (verdict.refused()) return core::fail(verdict.error());
  if (verdict.decision == Decision::accepted) return {};
  return keys.remember(query, blob, soon());
}

// Children that begin at the same moment: each waits until the test closes the pipe.
class Crowd {
public:
  Crowd() : gate_(sys::make_pipe().value()) {}
  void add(std::function<int()> work) {
    auto child = sys::fork_child([this, work = std::move(work)] {
      gate_.write_end.close();
      sys::wait_ready(gate_.read_end.get(), POLLIN, soon());
      return work();
    });
    REQUIRE(child);
    children_.push_back(std::move(*child));
  }
  // How many ended with each exit status.
  std::map<int, int> run() {
    gate_.write_end.close();
    std::map<int, int> statuses;
    for (sys::Child &child : children_) {
      const sys::ProcessStatus status = child.reap_blocking();
      ++statuses[status.exited ? status.exit_status : 1000 + status.signal];
    }
    return statuses;
  }

private:
  sys::Pipe gate_;
  std::vector<sys::Child> children_;
};

const std::string a = sample::ed25519(1);
const std::string b = sample::ed25519(2);
const HostKeyQuery web03{"web03", 22};

}  // namespace

TEST_CASE(
    "known_hosts append: fifty processes that learn the same ten hosts write each of them once",
    "[ssh]") {
  const Folder folder;
  const std::string path = folder / "known_hosts";
  Crowd crowd;
  for (int process = 0; process < 50; ++process)
    crowd.add([&] {
      auto keys = HostKeys::load({.files = {path}, .home = ""});
      if (!keys) return 10;
      for (std::size_t host = 0; host < 10; ++host)
        if (!learn(*keys, {fmt::format("web{}", host), 22}, sample::ed25519(host))) return 11;
      return 0;
    });
  CHECK(crowd.run() == std::map<int, int>{{0, 50}});

  std::map<std::string, int> seen;
  std::istringstream text(read_file(path));
  for (std::string each; std::getline(text, each);) ++seen[each + "\n"];
  CHECK(seen.size() == 10);
  for (std::size_t host = 0; host < 10; ++host)
    CHECK(seen[line(fmt::format("web{}", host), sample::ed25519(host))] == 1);
}

TEST_CASE("known_hosts append: nothing is lost or torn beside a writer that takes no lock",
          "[ssh]") {
  const Folder folder;
  const std::string path = folder / "known_hosts";
  write_file(path, "# mine\n");
  Crowd crowd;
  for (std::size_t process = 0; process < 8; ++process) {
    crowd.add([&path, process] {
      auto keys = HostKeys::load({.files = {path}, .home = ""});
      for (std::size_t host = 0; host < 25; ++host)
        if (!keys ||
            !learn(*keys, {fmt::format("web{}-{}", process, host), 22}, sample::ed25519(host)))
          return 11;
      return 0;
    });
    crowd.add([&path, process] {  // as ssh does it
      for (std::size_t host = 0; host < 25; ++host) {
        const std::string text =
            line(fmt::format("ssh{}-{}", process, host), sample::ed25519(host));
        const int file = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
        if (::write(file, text.data(), text.size()) != static_cast<ssize_t>(text.size())) return 12;
        ::close(file);
      }
      return 0;
    });
  }
  CHECK(crowd.run() == std::map<int, int>{{0, 16}});
  const KnownHosts file("f", read_file(path));
  for (const char *writer : {"web", "ssh"})
    for (std::size_t process = 0; process < 8; ++process)
      for (std::size_t host = 0; host < 25; ++host) {
        KnownKeys keys;
        REQUIRE(file.find(fmt::format("{}{}-{}", writer, process, host), keys));
        REQUIRE(keys.accepted.size() == 1);
        REQUIRE(keys.accepted[0].blob == sample::ed25519(host));
      }
}

TEST_CASE(
    "known_hosts append: of processes that saw different keys one wins and the others call it "
    "changed",
    "[ssh]") {
  const Folder folder;
  const std::string path = folder / "known_hosts";
  Crowd crowd;
  for (std::size_t process = 0; process < 10; ++process)
    crowd.add([&path, process] {
      auto keys = HostKeys::load({.files = {path}, .home = ""});
      if (!keys) return 10;
      const auto learned = learn(*keys, web03, sample::ed25519(process));
      if (learned) return 0;
      return learned.error().kind == ErrorKind::host_key &&
                     learned.error().message.find("has changed") != std::string::npos
                 ? 1
                 : 11;
    });
  CHECK(crowd.run() == std::map<int, int>{{0, 1}, {1, 9}});
}

TEST_CASE("known_hosts append: the next check in the same run knows the key", "[ssh]") {
  const Folder folder;
  HostKeys keys = load(folder / "known_hosts");
  REQUIRE(learn(keys, web03, a));
  CHECK(keys.check(web03, HostKeyPolicy::strict, a).decision == Decision::accepted);
  const Verdict other = keys.check(web03, HostKeyPolicy::accept_new, b);
  CHECK(other.refusal == Refusal::changed);
  CHECK(other.cause.find("known_hosts:1 has") != std::string::npos);
}

TEST_CASE("known_hosts append: the line is the one that ssh would write", "[ssh]") {
  const Folder folder;
  HostKeys keys = load(folder / "known_hosts");
  const std::string rsa = sample::decoded(sample::rsa2048_text);
  REQUIRE(learn(keys, {"127.0.0.1", 2201}, a));
  REQUIRE(learn(keys, {"Web03", 22}, rsa));
  CHECK(read_file(folder / "known_hosts") == "[127.0.0.1]:2201 ssh-ed25519 " +
                                                 core::encode_base64(a) + "\nweb03 ssh-rsa " +
                                                 std::string(sample::rsa2048_text) + "\n");
}

TEST_CASE("known_hosts append: of a new host every key gets one line, however often it was shown",
          "[ssh]") {
  const Folder folder;
  HostKeys keys = load(folder / "known_hosts");
  const std::string rsa = sample::decoded(sample::rsa2048_text);
  const std::vector<std::string> shown{a, rsa, a, rsa};
  CHECK(keys.remember_all(web03, shown, soon()) == std::size_t{2});
  CHECK(read_file(folder / "known_hosts") == line("web03", a) + line("web03", rsa));
}

TEST_CASE("known_hosts append: file and ~/.ssh are made for their owner alone", "[ssh]") {
  const Folder folder;
  const std::string path = folder / ".ssh/known_hosts";
  HostKeys keys = load(path, folder.path());
  REQUIRE(learn(keys, web03, a));
  CHECK(mode_of(folder / ".ssh") == 0700);
  CHECK(mode_of(path) == 0600);
}

TEST_CASE("known_hosts append: a mode that somebody chose is kept", "[ssh]") {
  const Folder folder;
  const std::string path = folder / "known_hosts";
  write_file(path, "");
  REQUIRE(::chmod(path.c_str(), 0644) == 0);
  HostKeys keys = load(path);
  REQUIRE(learn(keys, web03, a));
  CHECK(mode_of(path) == 0644);
}

TEST_CASE("known_hosts append: a missing last newline is added first", "[ssh]") {
  const Folder folder;
  const std::string path = folder / "known_hosts";
  write_file(path, "web01 ssh-ed25519 " + core::encode_base64(b));
  HostKeys keys = load(path);
  REQUIRE(learn(keys, web03, a));
  CHECK(read_file(path) == line("web01", b) + line("web03", a));
  CHECK(keys.check(web03, HostKeyPolicy::strict, b).cause.find("known_hosts:2 has") !=
        std::string::npos);
}

TEST_CASE("known_hosts append: names are hashed where names are hashed", "[ssh]") {
  const Folder folder;
  const std::string path = folder / "known_hosts";
  write_file(path, line(format_hashed_name("web01", {1, 2, 3}).value(), b));
  HostKeys keys = load(path);
  REQUIRE(learn(keys, web03, a));
  REQUIRE(learn(keys, {"web04", 22}, a));
  const std::string text = read_file(path);
  CHECK(text.find("web0") == std::string::npos);
  std::istringstream lines(text);
  std::vector<std::string> salts;
  for (std::string each; std::getline(lines, each);) salts.push_back(each.substr(0, 32));
  REQUIRE(salts.size() == 3);
  CHECK(salts[1] != salts[2]);
  HostKeys again = load(path);
  CHECK(again.check(web03, HostKeyPolicy::strict, a).decision == Decision::accepted);
  CHECK(again.check({"web05", 22}, HostKeyPolicy::strict, a).refusal == Refusal::unknown);
}

TEST_CASE("known_hosts append: what others wrote meanwhile is seen under the lock", "[ssh]") {
  const Folder folder;
  const std::string path = folder / "known_hosts";
  HostKeys keys = load(path);
  REQUIRE(keys.check(web03, HostKeyPolicy::accept_new, a).decision == Decision::accepted_new);

  SECTION("the same key is not written twice") {
    write_file(path, line("web03", a));
    REQUIRE(keys.remember(web03, a, soon()));
    CHECK(read_file(path) == line("web03", a));
  }
  SECTION("another key makes it changed") {
    write_file(path, line("web03", b));
    const auto remembered = keys.remember(web03, a, soon());
    REQUIRE_FALSE(remembered);
    CHECK(remembered.error().kind == ErrorKind::host_key);
    CHECK(read_file(path) == line("web03", b));
  }
  SECTION("a host that has become known by one of its keys gets no other beside it") {
    write_file(path, line("web03", a));
    const std::vector<std::string> shown{a, sample::decoded(sample::rsa2048_text)};
    CHECK(keys.remember_all(web03, shown, soon()) == std::size_t{0});
    CHECK(read_file(path) == line("web03", a));
  }
  SECTION("a file that was replaced is read anew") {
    write_file(path, line("web01", a));
    REQUIRE(learn(keys, {"web02", 22}, a));
    write_file(folder / "new", line("web03", a) + line("web04", b));
    REQUIRE(::rename((folder / "new").c_str(), path.c_str()) == 0);
    REQUIRE(keys.remember(web03, a, soon()));
    CHECK(read_file(path) == line("web03", a) + line("web04", b));
    CHECK(keys.check({"web02", 22}, HostKeyPolicy::strict, a).refusal == Refusal::unknown);
  }
}

TEST_CASE(
    "known_hosts append: a file that is replaced while its lock is awaited is not the one written "
    "to",
    "[ssh]") {
  const Folder folder;
  const std::string path = folder / "known_hosts";
  KnownHostsFile file = KnownHostsFile::read(path).value();
  auto held = file.lock(soon());
  REQUIRE(held);
  Crowd crowd;
  crowd.add([&] {
    held->close();
    auto keys = HostKeys::load({.files = {path}, .home = ""});
    return keys && learn(*keys, web03, a) ? 0 : 11;
  });
  crowd.add([&] {
    // Time for the other to open the file and to wait. Without it it would find the new file, and the test shows less.
    std::this_thread::sleep_for(200ms);
    write_file(folder / "new", line("web01", b));
    const bool replaced = ::rename((folder / "new").c_str(), path.c_str()) == 0;
    held->close();
    return replaced ? 0 : 12;
  });
  // Every process that holds a copy of the descriptor holds the lock: now that is the second child.
  held->close();
  CHECK(crowd.run() == std::map<int, int>{{0, 2}});
  CHECK(read_file(path) == line("web01", b) + line("web03", a));
}

TEST_CASE("known_hosts append: a key that is not whole, revoked or of an odd type is never written",
          "[ssh]") {
  const Folder folder;
  const std::string path = folder / "known_hosts";
  const std::string text = "@revoked * " + line("", a).substr(1);
  write_file(path, text);
  HostKeys keys = load(path);
  for (const std::string &blob :
       {a, b.substr(0, 30), b + "x", sample::field("x@example.com") + "y"}) {
    const auto remembered = keys.remember(web03, blob, soon());
    REQUIRE_FALSE(remembered);
    CHECK(remembered.error().kind == ErrorKind::host_key);
  }
  CHECK(read_file(path) == text);
}

TEST_CASE("known_hosts append: a name that would be read back as another is never written",
          "[ssh]") {
  const Folder folder;
  const std::string path = folder / "known_hosts";
  HostKeys keys = load(path);
  for (const std::string name :
       {"*", "web03,web04", "web03 ssh-rsa", "web03\nweb04", "@revoked", "!web03", ""}) {
    const auto remembered = keys.remember({name, 22}, a, soon());
    REQUIRE_FALSE(remembered);
    CHECK(remembered.error().kind == ErrorKind::local);
  }
  CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("known_hosts append: a symbolic link to a file is followed", "[ssh]") {
  const Folder folder;
  write_file(folder / "real", "");
  REQUIRE(::symlink((folder / "real").c_str(), (folder / "known_hosts").c_str()) == 0);
  HostKeys keys = load(folder / "known_hosts");
  REQUIRE(learn(keys, web03, a));
  CHECK(read_file(folder / "real") == line("web03", a));
  CHECK(std::filesystem::is_symlink(folder / "known_hosts"));
}

TEST_CASE(
    "known_hosts append: FIFO, folder and device are refused at once, when reading and when "
    "writing",
    "[ssh]") {
  const Folder folder;
  const std::string path = folder / "known_hosts";
  std::vector<std::string> odd{folder / "fifo", folder / "folder", folder / "device",
                               folder / "link"};
  REQUIRE(::mkfifo(odd[0].c_str(), 0600) == 0);
  REQUIRE(::mkdir(odd[1].c_str(), 0700) == 0);
  REQUIRE(::symlink("/dev/full", odd[2].c_str()) == 0);
  REQUIRE(::symlink("fifo", odd[3].c_str()) == 0);
  for (const std::string &each : odd) {
    const auto read = HostKeys::load({.files = {each}, .home = ""});
    REQUIRE_FALSE(read);
    CHECK(read.error().kind == ErrorKind::local);
    CHECK(read.error().message == each + ": not a regular file");

    // It was a file, or missing, when the run began.
    HostKeys keys = load(path);
    REQUIRE(::rename(each.c_str(), path.c_str()) == 0);
    const auto learned = learn(keys, web03, a);
    REQUIRE_FALSE(learned);
    CHECK(learned.error().kind == ErrorKind::local);
    CHECK(keys.check(web03, HostKeyPolicy::strict, a).refusal == Refusal::unknown);
    REQUIRE(::rename(path.c_str(), each.c_str()) == 0);
  }
}

TEST_CASE(
    "known_hosts append: the null device knows nothing and keeps nothing, but one run remembers",
    "[ssh]") {
  HostKeys keys = load("/dev/null");
  REQUIRE(learn(keys, web03, a));
  CHECK(keys.check(web03, HostKeyPolicy::accept_new, b).refusal == Refusal::changed);
  HostKeys again = load("/dev/null");
  CHECK(again.check(web03, HostKeyPolicy::strict, a).refusal == Refusal::unknown);
}

TEST_CASE(
    "known_hosts append: a file that may not be read stops the run, one that may not be written "
    "the host",
    "[ssh]") {
  const Folder folder;
  const std::string path = folder / "known_hosts";
  write_file(path, line("web01", a));
  REQUIRE(::chmod(folder.path().c_str(), 0755) == 0);
  // Root may read and write everything, so this is asked by somebody else.
  const auto asked_by_somebody = [&](mode_t mode) {
    REQUIRE(::chmod(path.c_str(), mode) == 0);
    Crowd crowd;
    crowd.add([&] {
      if (::geteuid() == 0 &&
          (::setgroups(0, nullptr) != 0 || ::setgid(65534) != 0 || ::setuid(65534) != 0))
        return 20;
      auto keys = HostKeys::load({.files = {path}, .home = ""});
      if (!keys) return keys.error().kind == ErrorKind::local ? 1 : 21;
      if (keys->check({"web01", 22}, HostKeyPolicy::strict, a).refused()) return 22;
      const auto learned = learn(*keys, web03, a);
      return !learned && learned.error().kind == ErrorKind::local ? 2 : 23;
    });
    return crowd.run().begin()->first;
  };
  CHECK(asked_by_somebody(0000) == 1);
  CHECK(asked_by_somebody(0444) == 2);
  CHECK(read_file(path) == line("web01", a));
}

TEST_CASE("known_hosts append: a missing folder other than ~/.ssh is not made", "[ssh]") {
  const Folder folder;
  HostKeys keys = load(folder / "etc/known_hosts", folder.path());
  const auto learned = learn(keys, web03, a);
  REQUIRE_FALSE(learned);
  CHECK(learned.error().kind == ErrorKind::local);
  CHECK_FALSE(std::filesystem::exists(folder / "etc"));
}

TEST_CASE(
    "known_hosts append: when the disk is full the file stays as it was and the host is not "
    "accepted",
    "[ssh]") {
  const Folder folder;
  const std::string path = folder / "known_hosts";
  write_file(path, line("web01", a));
  // A limit on the size of files cuts the write short in the middle of the line, as a full disk does.
  for (const std::size_t room : {std::size_t{10}, std::size_t{0}}) {
    Crowd crowd;
    crowd.add([&] {
      ::signal(SIGXFSZ, SIG_IGN);
      const rlim_t limit = line("web01", a).size() + room;
      const rlimit bytes{limit, limit};
      if (::setrlimit(RLIMIT_FSIZE, &bytes) != 0) return 20;
      auto keys = HostKeys::load({.files = {path}, .home = ""});
      if (!keys) return 21;
      const auto learned = learn(*keys, web03, a);
      if (learned || learned.error().kind != ErrorKind::local) return 22;
      return keys->check(web03, HostKeyPolicy::strict, a).refusal == Refusal::unknown ? 0 : 23;
    });
    CHECK(crowd.run() == std::map<int, int>{{0, 1}});
    CHECK(read_file(path) == line("web01", a));
  }
}

TEST_CASE("known_hosts append: a file of 100 MB is refused", "[ssh]") {
  const Folder folder;
  const std::string path = folder / "known_hosts";
  write_file(path, line("web01", a));
  REQUIRE(::truncate(path.c_str(), 100'000'000) == 0);
  const auto keys = HostKeys::load({.files = {path}, .home = ""});
  REQUIRE_FALSE(keys);
  CHECK(keys.error().kind == ErrorKind::local);
  CHECK(keys.error().message == path + ": larger than 67108864 bytes");
}

TEST_CASE("known_hosts append: a lock that is never given up ends with the deadline", "[ssh]") {
  const Folder folder;
  const std::string path = folder / "known_hosts";
  KnownHostsFile file = KnownHostsFile::read(path).value();
  const auto held = file.lock(soon());
  REQUIRE(held);
  HostKeys keys = load(path);
  const auto remembered = keys.remember(web03, a, Deadline::in(50ms, sys::now()));
  REQUIRE_FALSE(remembered);
  CHECK(remembered.error().kind == ErrorKind::local);
  CHECK(remembered.error().message == "lock " + path + ": held by another process");
}

TEST_CASE(
    "known_hosts append: missing files are empty, and the first of several is the one that grows",
    "[ssh]") {
  const Folder folder;
  write_file(folder / "second", line("web01", a));
  auto keys = HostKeys::load(
      {.files = {folder / "first", folder / "second", folder / "third"}, .home = ""});
  REQUIRE(keys);
  CHECK(keys->check({"web01", 22}, HostKeyPolicy::strict, a).decision == Decision::accepted);
  REQUIRE(learn(*keys, web03, b));
  CHECK(read_file(folder / "first") == line("web03", b));
  CHECK(read_file(folder / "second") == line("web01", a));
}

}  // namespace fanout::ssh
