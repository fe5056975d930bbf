// The folder of --outdir: real files, with things planted where they should be, disks that are full, and kills.

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <fmt/format.h>

#include "fanout/report/output_folder.hpp"
#include "fanout/sys/io.hpp"
#include "fanout/sys/pipe.hpp"
#include "fanout/sys/process.hpp"
#include "report/printed.hpp"
#include "report/whole_file.hpp"

using namespace fanout;
using core::ErrorKind;
using report::file_name_of;
using report::OutputFolder;
using report::Printed;

namespace {

constexpr uid_t nobody = 65534;
constexpr std::string_view record = R"({"v":1,"status":"ok"})";

using Files = std::map<std::string, std::string>;

class Scratch {
public:
  Scratch() {
    ::umask(022);
    path_ = (std::filesystem::temp_directory_path() / "fanout-outdir-XXXXXX").string();
    REQUIRE(::mkdtemp(path_.data()) != nullptr);
    REQUIRE(::chmod(path_.c_str(), 0755) == 0);
  }
  ~Scratch() { std::filesystem::remove_all(path_); }
  Scratch(const Scratch &) = delete;
  Scratch &operator=(const Scratch &) = delete;

  [[nodiscard]] std::string path(const std::string &name) const { return path_ + "/" + name; }
  [[nodiscard]] std::string folder() const { return path("out"); }
  [[nodiscard]] std::string file(const std::string &name) const { return folder() + "/" + name; }

  void make_folder(const Files &files = {}) const {
    std::filesystem::create_directory(folder());
    for (const auto &[name, text] : files) std::ofstream(file(name), std::ios::binary) << text;
  }
  // All that is in the folder, under names and under none that were meant.
  [[nodiscard]] Files files() const {
    Files files;
    for (const auto &each : std::filesystem::directory_iterator(folder())) {
      std::ifstream in(each.path(), std::ios::binary);
      files[each.path().filename()] = {std::istreambuf_iterator<char>(in), {}};
    }
    return files;
  }

private:
  std::string path_;
};

core::Host host_called(std::string name) {
  core::Host host;
  host.name = std::move(name);
  return host;
}

std::vector<core::Host> hosts_called(const std::vector<std::string> &names) {
  std::vector<core::Host> hosts;
  for (const std::string &name : names) hosts.push_back(host_called(name));
  return hosts;
}

core::Outcome ended() {
  core::Outcome outcome;
  outcome.status = core::Status::ok;
  outcome.remote_end = core::RemoteEnd::exited;
  return outcome;
}

core::Outcome not_reached() {
  core::Outcome outcome;
  outcome.status = core::Status::unreachable;
  return outcome;
}

core::Result<void> add(OutputFolder &folder, const std::string &host, std::string_view out,
                       std::string_view err = {}, const core::Outcome &outcome = ended()) {
  report::Spill spill;
  Printed printed(spill);
  TRY(printed.out.text.append(out));
  TRY(printed.err.text.append(err));
  return folder.add(host_called(host), outcome, printed, record);
}

std::string index_line(const std::string &out, const std::string &err) {
  return fmt::format("{{\"v\":1,\"status\":\"ok\",\"stdout_file\":{},\"stderr_file\":{}}}\n", out,
                     err);
}

template <class T>
std::string message_of(const core::Result<T> &result) {
  return result ? "no error" : result.error().message;
}

// In a process of its own, which may be limited and killed. Exit status 0, or the number of the first check that failed.
std::string end_of(const std::function<int()> &program) {
  auto child = sys::fork_child([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    ::alarm(60);
    return program();
  });
  REQUIRE(child);
  return sys::describe(child->reap_blocking());
}
#define STEP(number, condition) \
  if (!(condition)) return number

}  // namespace

// --- names --------------------------------------------------------------------------------------------------------

TEST_CASE("outdir: names of hosts are readable as names of files", "[report]") {
  CHECK(file_name_of("web01") == "web01");
  CHECK(file_name_of("Web_01-a.example.org") == "Web_01-a.example.org");
  CHECK(file_name_of(".hidden") == "%2Ehidden");
  CHECK(file_name_of("..") == "%2E.");
  CHECK(file_name_of("[2001:db8::1]:22") == "%5B2001%3Adb8%3A%3A1%5D%3A22");
  CHECK(file_name_of("root@db01") == "root%40db01");
  CHECK(file_name_of("a/../../b") == "a%2F..%2F..%2Fb");
  CHECK(file_name_of("100%") == "100%25");
  CHECK(file_name_of("%2E") == "%252E");
  CHECK(file_name_of("\xff\n~") == "%FF%0A%7E");
}

TEST_CASE("outdir: a long name is cut and ends in a hash of the whole", "[report]") {
  const std::string longest(251, 'a');
  CHECK(file_name_of(longest) == longest);
  const std::string cut = file_name_of(longest + "b");
  CHECK(cut.size() == 251);
  CHECK(cut.substr(0, 186) == std::string(186, 'a'));
  // printf '%s' aaa...ab | sha256sum
  CHECK(cut.substr(186) == "~9124f8b01de4e3e64e86f1f98309adf6a4cb474aacd78e5f9b7247bbb08a5c20");
  CHECK(file_name_of(longest + "c") != cut);
  // No name that is short enough can be taken for one that was cut.
  CHECK(file_name_of(cut).find('~') == file_name_of(cut).rfind('~'));
  CHECK(file_name_of(cut) != cut);
  // It is not cut within %40.
  for (std::size_t length = 180; length < 190; ++length) {
    const std::string name = file_name_of(std::string(length, 'a') + std::string(60, '@'));
    const std::size_t percent = name.rfind('%');
    REQUIRE(name.size() <= 251);
    if (percent != std::string::npos) CHECK(name.find('~') >= percent + 3);
  }
}

TEST_CASE("outdir: no two hosts have the same file", "[report]") {
  std::mt19937 random(20261123);
  const std::string alphabet = "aA0.%2E~-_/:@[]\xc3\n";
  std::set<std::string> hosts;
  std::set<std::string> files;
  for (int round = 0; round < 20'000; ++round) {
    // Short ones meet each other by chance, long ones at the border where they are cut.
    const std::size_t length = round % 2 == 0 ? 1 + random() % 4 : 248 + random() % 6;
    std::string name(length, 'a');
    for (std::size_t i = length > 4 ? length - 4 : 0; i < length; ++i)
      name[i] = alphabet[random() % alphabet.size()];
    // What the file of one host is called, another may be called itself.
    if (random() % 4 == 0) name = file_name_of(name);
    hosts.insert(name);
    files.insert(file_name_of(name));
    REQUIRE(file_name_of(name).size() <= 251);
    REQUIRE(file_name_of(name).find_first_of("/\n") == std::string::npos);
  }
  CHECK(hosts.size() > 10'000);
  CHECK(files.size() == hosts.size());
}

// --- files --------------------------------------------------------------------------------------------------------

TEST_CASE("outdir: hosts have their files at once, and the list comes at the end", "[report]") {
  const Scratch scratch;
  const std::string text("a\0b\xff\n", 5);
  auto folder = OutputFolder::open(scratch.folder(), hosts_called({"web01", "[::1]:22"}));
  REQUIRE(folder);
  CHECK(scratch.files().empty());
  REQUIRE(add(*folder, "web01", text));
  CHECK(scratch.files() == Files{{"web01.out", text}, {"web01.err", ""}});
  REQUIRE(add(*folder, "[::1]:22", "", "error"));
  CHECK(scratch.files().size() == 4);
  REQUIRE(folder->finish());
  CHECK(scratch.files() == Files{{"web01.out", text},
                                 {"web01.err", ""},
                                 {"%5B%3A%3A1%5D%3A22.out", ""},
                                 {"%5B%3A%3A1%5D%3A22.err", "error"},
                                 {"index.jsonl", index_line(R"("web01.out")", R"("web01.err")") +
                                                     index_line(R"("%5B%3A%3A1%5D%3A22.out")",
                                                                R"("%5B%3A%3A1%5D%3A22.err")")}});
}

TEST_CASE("outdir: text that does not fit in memory is written whole", "[report]") {
  const Scratch scratch;
  std::string text;
  for (int i = 0; text.size() < (3U << 20); ++i) text += fmt::format("line {}\n", i);
  auto folder = OutputFolder::open(scratch.folder(), hosts_called({"web01"}));
  REQUIRE(folder);
  REQUIRE(add(*folder, "web01", text));
  CHECK(scratch.files()["web01.out"] == text);
}

TEST_CASE("outdir: a host whose command was started has files, also empty ones", "[report]") {
  const Scratch scratch;
  auto folder = OutputFolder::open(scratch.folder(), {});
  REQUIRE(folder);
  core::Outcome outcome = not_reached();
  CHECK(add(*folder, "down", "", "", outcome));
  CHECK(add(*folder, "talked", "", "said", outcome));
  outcome.remote_end = core::RemoteEnd::unknown;
  CHECK(add(*folder, "silent", "", "", outcome));
  CHECK(folder->finish());
  Files files = scratch.files();
  CHECK(files["index.jsonl"] == index_line("null", "null") +
                                    index_line(R"("talked.out")", R"("talked.err")") +
                                    index_line(R"("silent.out")", R"("silent.err")"));
  files.erase("index.jsonl");
  CHECK(files ==
        Files{{"talked.out", ""}, {"talked.err", "said"}, {"silent.out", ""}, {"silent.err", ""}});
}

TEST_CASE("outdir: a second run replaces and removes, and leaves what is not its own", "[report]") {
  const Scratch scratch;
  scratch.make_folder({{"web01.out", "old"},
                       {"web01.err", "old"},
                       {"web02.out", "old"},
                       {"web02.err", "old"},
                       {"web03.out", "of another run"},
                       {"notes", "mine"},
                       {"index.jsonl", "old"}});
  {
    auto folder = OutputFolder::open(scratch.folder(), hosts_called({"web01", "web02"}));
    REQUIRE(folder);
    // A run that ends before it has begun has changed nothing.
    CHECK(scratch.files()["index.jsonl"] == "old");
    REQUIRE(add(*folder, "web01", "new"));
    // An old list would describe what is not there any more.
    CHECK(!scratch.files().contains("index.jsonl"));
    REQUIRE(add(*folder, "web02", "", "", not_reached()));
  }
  CHECK(scratch.files() == Files{{"web01.out", "new"},
                                 {"web01.err", ""},
                                 {"web03.out", "of another run"},
                                 {"notes", "mine"}});
}

TEST_CASE("outdir: modes are those that the umask leaves", "[report]") {
  const Scratch scratch;
  const mode_t mask = GENERATE(022, 077, 002);
  ::umask(mask);
  auto folder = OutputFolder::open(scratch.folder(), {});
  REQUIRE(folder);
  REQUIRE(add(*folder, "web01", "text"));
  REQUIRE(add(*folder, "web01", "replaced"));
  REQUIRE(folder->finish());
  const auto mode_of = [](const std::string &path) {
    struct stat facts {};
    REQUIRE(::stat(path.c_str(), &facts) == 0);
    return facts.st_mode & 07777;
  };
  CHECK(mode_of(scratch.folder()) == (0777 & ~mask));
  for (const auto *name : {"web01.out", "web01.err", "index.jsonl"})
    CHECK(mode_of(scratch.file(name)) == (0666 & ~mask));
  ::umask(022);
}

TEST_CASE("outdir: whoever has an old file open keeps reading it", "[report]") {
  const Scratch scratch;
  scratch.make_folder({{"web01.out", "old"}});
  std::ifstream reader(scratch.file("web01.out"));
  auto folder = OutputFolder::open(scratch.folder(), {});
  REQUIRE(folder);
  REQUIRE(add(*folder, "web01", "new and longer"));
  CHECK(std::string(std::istreambuf_iterator<char>(reader), {}) == "old");
}

TEST_CASE("outdir: a folder of 20,000 files is checked in one look", "[report]") {
  const Scratch scratch;
  scratch.make_folder();
  std::vector<core::Host> hosts;
  for (int i = 0; i < 10'000; ++i) {
    hosts.push_back(host_called(fmt::format("host{:05}.example.org", i)));
    for (const auto *end : {".out", ".err"})
      ::close(::open(scratch.file(hosts.back().name + end).c_str(), O_CREAT | O_WRONLY, 0644));
  }
  const auto quickest_of = [&](const std::function<void()> &what) {
    auto best = std::chrono::nanoseconds::max();
    for (int round = 0; round < 3; ++round) {
      const auto start = std::chrono::steady_clock::now();
      what();
      best = std::min<std::chrono::nanoseconds>(best, std::chrono::steady_clock::now() - start);
    }
    return best;
  };
  const auto opened = quickest_of([&] { REQUIRE(OutputFolder::open(scratch.folder(), hosts)); });
  CHECK(opened < std::chrono::milliseconds(500));
}

// --- what is refused ----------------------------------------------------------------------------------------------

TEST_CASE("outdir: a link is not followed, whatever is written behind it", "[report]") {
  const Scratch scratch;
  std::filesystem::create_directory(scratch.path("real"));
  std::filesystem::create_symlink(scratch.path("real"), scratch.folder());
  for (const std::string end : {"", "/", "//"}) {
    const auto folder = OutputFolder::open(scratch.folder() + end, {});
    REQUIRE(!folder);
    CHECK(folder.error().kind == ErrorKind::usage);
    CHECK(folder.error().message ==
          fmt::format("--outdir {}: is a symbolic link", scratch.folder()));
  }
  std::filesystem::remove(scratch.folder());
  std::filesystem::create_symlink("nowhere", scratch.folder());
  CHECK(!OutputFolder::open(scratch.folder(), {}));
  CHECK(!std::filesystem::exists(scratch.path("nowhere")));
  CHECK(std::filesystem::is_empty(scratch.path("real")));
}

TEST_CASE("outdir: what is no folder, or has none to be in, is named", "[report]") {
  const Scratch scratch;
  std::ofstream(scratch.path("file")) << "mine";
  const auto file = OutputFolder::open(scratch.path("file"), {});
  CHECK(message_of(file) == fmt::format("--outdir {}: Not a directory", scratch.path("file")));
  const auto none = OutputFolder::open(scratch.path("not/there"), {});
  CHECK(message_of(none) ==
        fmt::format("--outdir {}: No such file or directory", scratch.path("not/there")));
  CHECK(none.error().kind == ErrorKind::usage);
}

TEST_CASE("outdir: a file of a host that is none is refused before anybody is contacted",
          "[report]") {
  const Scratch scratch;
  scratch.make_folder();
  const std::string name = GENERATE("web01.out", "web02.err", "index.jsonl", "%3A.out");
  const std::string path = scratch.file(name);
  std::string kind;
  SECTION("a link") {
    std::filesystem::create_symlink("/etc/passwd", path);
    kind = "a symbolic link";
  }
  SECTION("a link to nothing") {
    std::filesystem::create_symlink("nowhere", path);
    kind = "a symbolic link";
  }
  SECTION("a FIFO") {
    REQUIRE(::mkfifo(path.c_str(), 0666) == 0);
    kind = "a FIFO";
  }
  SECTION("a socket") {
    REQUIRE(::mknod(path.c_str(), S_IFSOCK | 0666, 0) == 0);
    kind = "a socket";
  }
  SECTION("a folder") {
    std::filesystem::create_directory(path);
    kind = "a folder";
  }
  const auto folder = OutputFolder::open(scratch.folder(), hosts_called({"web01", "web02", ":"}));
  REQUIRE(!folder);
  CHECK(folder.error().kind == ErrorKind::usage);
  CHECK(folder.error().message == fmt::format("--outdir: {} is {}", path, kind));
  if (name != "index.jsonl") CHECK(OutputFolder::open(scratch.folder(), hosts_called({"web03"})));
}

TEST_CASE("outdir: what is planted later is refused as well, and the others get their files",
          "[report]") {
  const Scratch scratch;
  auto folder = OutputFolder::open(scratch.folder(), hosts_called({"web01", "web02"}));
  REQUIRE(folder);
  std::ofstream(scratch.path("mine")) << "mine";
  std::filesystem::create_symlink(scratch.path("mine"), scratch.file("web01.out"));
  std::filesystem::create_directory(scratch.file("web02.out"));
  const auto linked = add(*folder, "web01", "text", "error");
  CHECK(message_of(linked) == scratch.file("web01.out") + " is a symbolic link");
  CHECK(linked.error().kind == ErrorKind::local);
  CHECK(message_of(add(*folder, "web02", "", "", not_reached())) ==
        scratch.file("web02.out") + " is a folder");
  CHECK(add(*folder, "web03", "text"));
  CHECK(folder->finish());
  CHECK(std::filesystem::is_symlink(scratch.file("web01.out")));
  std::filesystem::remove(scratch.file("web01.out"));
  std::filesystem::remove(scratch.file("web02.out"));
  CHECK(scratch.files() ==
        Files{{"web01.err", "error"},
              {"web03.out", "text"},
              {"web03.err", ""},
              {"index.jsonl", index_line("null", R"("web01.err")") + index_line("null", "null") +
                                  index_line(R"("web03.out")", R"("web03.err")")}});
  std::ifstream mine(scratch.path("mine"));
  CHECK(std::string(std::istreambuf_iterator<char>(mine), {}) == "mine");
}

TEST_CASE("outdir: it stays the folder that it was, when another takes its name", "[report]") {
  const Scratch scratch;
  auto folder = OutputFolder::open(scratch.folder(), hosts_called({"web01"}));
  REQUIRE(folder);
  std::filesystem::rename(scratch.folder(), scratch.path("moved"));
  std::filesystem::create_directory(scratch.path("other"));
  std::filesystem::create_symlink("other", scratch.folder());
  CHECK(add(*folder, "web01", "text"));
  CHECK(folder->finish());
  CHECK(std::filesystem::is_empty(scratch.path("other")));
  CHECK(std::filesystem::exists(scratch.path("moved/web01.out")));
}

TEST_CASE("outdir: a folder that may not be written to is refused", "[report]") {
  if (::getuid() != 0) SKIP("only root can become somebody else");
  const Scratch scratch;
  scratch.make_folder();
  CHECK(end_of([&] {
          STEP(1, ::setgroups(0, nullptr) == 0 && ::setresgid(nobody, nobody, nobody) == 0 &&
                      ::setresuid(nobody, nobody, nobody) == 0);
          const auto folder = OutputFolder::open(scratch.folder(), {});
          STEP(2, !folder && folder.error().kind == ErrorKind::usage);
          STEP(3, message_of(folder) ==
                      fmt::format("--outdir: {}: Permission denied", scratch.folder()));
          return 0;
        }) == "exited with status 0");
}

// --- when it goes wrong -------------------------------------------------------------------------------------------

TEST_CASE("outdir: a file that is cut off by a limit is not there, and no old one either",
          "[report]") {
  const Scratch scratch;
  scratch.make_folder({{"web01.out", "old"}, {"web01.err", "old"}});
  CHECK(end_of([&] {
          const rlimit limit{8192, 8192};
          STEP(1, ::setrlimit(RLIMIT_FSIZE, &limit) == 0);
          auto folder = OutputFolder::open(scratch.folder(), hosts_called({"web01", "web02"}));
          STEP(2, folder);
          const auto added = add(*folder, "web01", std::string(8193, 'x'), "error");
          STEP(3, message_of(added) == scratch.file("web01.out") + ": File too large");
          STEP(4, added.error().kind == ErrorKind::local);
          STEP(5, add(*folder, "web02", std::string(8192, 'y')));
          STEP(6, folder->finish());
          return 0;
        }) == "exited with status 0");
  CHECK(scratch.files() ==
        Files{{"web01.err", "error"},
              {"web02.out", std::string(8192, 'y')},
              {"web02.err", ""},
              {"index.jsonl", index_line("null", R"("web01.err")") +
                                  index_line(R"("web02.out")", R"("web02.err")")}});
}

TEST_CASE("outdir: a list that cannot be written is told of, and is not there", "[report]") {
  const Scratch scratch;
  scratch.make_folder({{"index.jsonl", "old"}});
  CHECK(end_of([&] {
          const rlimit limit{100'000, 100'000};
          STEP(1, ::setrlimit(RLIMIT_FSIZE, &limit) == 0);
          auto folder = OutputFolder::open(scratch.folder(), {});
          STEP(2, folder);
          int failures = 0;
          for (int i = 0; i < 3000; ++i)
            if (!add(*folder, "web01", "", "", not_reached())) ++failures;
          STEP(3, failures == 1);
          STEP(4, add(*folder, "web01", "still written"));
          const auto finished = folder->finish();
          STEP(5, message_of(finished) == scratch.file("index.jsonl could not be written"));
          return 0;
        }) == "exited with status 0");
  CHECK(scratch.files() == Files{{"web01.out", "still written"}, {"web01.err", ""}});
}

TEST_CASE("outdir: a full disk is named once a host, and what has room is written", "[report]") {
  if (::getuid() != 0) SKIP("only root can mount a small disk");
  const Scratch scratch;
  scratch.make_folder();
  const std::string end = end_of([&] {
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("none", scratch.folder().c_str(), "tmpfs", 0, "size=256k") != 0)
      return 77;
    auto folder = OutputFolder::open(scratch.folder(), {});
    STEP(1, folder);
    STEP(2, add(*folder, "web01", std::string(150'000, 'x')));
    const auto full = add(*folder, "web02", std::string(150'000, 'x'), "error");
    STEP(3, message_of(full) == scratch.file("web02.out: No space left on device"));
    // There is no room for the new one beside the old one, and then neither is there.
    STEP(4, !add(*folder, "web01", std::string(150'000, 'y')));
    STEP(5, add(*folder, "web03", std::string(150'000, 'z')));
    STEP(6, folder->finish());
    Files files = scratch.files();
    files.erase("index.jsonl");
    STEP(7, files == (Files{{"web01.err", ""},
                            {"web02.err", "error"},
                            {"web03.out", std::string(150'000, 'z')},
                            {"web03.err", ""}}));
    return 0;
  });
  if (end == "exited with status 77") SKIP("nothing can be mounted here");
  CHECK(end == "exited with status 0");
}

TEST_CASE("outdir: a kill leaves whole files, of this run or of the one before", "[report]") {
  const Scratch scratch;
  const std::string old(300'000, 'o');
  const std::string text(300'000, 'n');
  for (int round = 0; round < 20; ++round) {
    std::filesystem::remove_all(scratch.folder());
    scratch.make_folder({{"web01.out", old}, {"web01.err", old}, {"index.jsonl", "old"}});
    auto pipe = sys::make_pipe();
    REQUIRE(pipe);
    auto child = sys::fork_child([&] {
      ::alarm(60);
      auto folder = OutputFolder::open(scratch.folder(), {});
      for (;;)
        if (!add(*folder, "web01", text, text) || ::write(pipe->write_end.get(), "+", 1) != 1)
          return 1;
    });
    REQUIRE(child);
    char byte = 0;
    // So many whole rounds, and then somewhere in the next.
    for (int i = 0; i < round % 4; ++i) REQUIRE(sys::read_exactly(pipe->read_end.get(), &byte, 1));
    std::this_thread::sleep_for(std::chrono::microseconds(137 * round));
    child->signal(SIGKILL);
    CHECK(child->reap_blocking().signal == SIGKILL);
    const Files files = scratch.files();
    CHECK((files.contains("web01.out") && files.contains("web01.err")));
    for (const auto &[name, content] : files) {
      CAPTURE(name, content.size());
      if (name == "index.jsonl") CHECK(content == "old");
      // Where a kill may leave a name that is not meant, it is one that begins with a dot.
      else if (!name.starts_with(".fanout-"))
        CHECK((content == old || content == text));
    }
  }
}

TEST_CASE("outdir: where every file needs a name, none but its own is left", "[report]") {
  // As on NFS.
  const Scratch scratch;
  scratch.make_folder({{"a", "old"}});
  auto fd =
      sys::UniqueFd::adopt(::open(scratch.folder().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const report::WholeFileFolder folder{fd.get(), scratch.folder(), 0640, false};
  {
    auto file = report::WholeFile::make(folder, "a");
    REQUIRE(file);
    REQUIRE(file->write("half"));
    REQUIRE(scratch.files().size() == 2);
    CHECK(scratch.files().begin()->first.starts_with(".fanout-"));
    const report::WholeFile moved = std::move(*file);
  }
  CHECK(scratch.files() == Files{{"a", "old"}});
  auto file = report::WholeFile::make(folder, "a");
  REQUIRE(file);
  REQUIRE(file->write("whole"));
  REQUIRE(file->take_name());
  CHECK(scratch.files() == Files{{"a", "whole"}});
}
