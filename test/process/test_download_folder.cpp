// Where get writes: real folders, with things planted in them that a server or another user of this machine would like to
// see followed, and a process that swaps folders for links all the time.

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include "fanout/files/folder.hpp"
#include "fanout/files/sha256.hpp"
#include "fanout/sandbox/confinement.hpp"
#include "fanout/sys/process.hpp"

using namespace fanout;
using core::ErrorKind;
using files::Folder;
using files::Incoming;

namespace {

constexpr std::string_view token = "0123456789abcdef";
constexpr uid_t nobody = 65534;

void write_file(const std::string &path, std::string_view content) {
  std::ofstream(path, std::ios::binary) << content;
}

std::string read_file(const std::string &path) {
  std::ostringstream content;
  content << std::ifstream(path, std::ios::binary).rdbuf();
  return content.str();
}

struct stat status_of(const std::string &path) {
  struct stat facts {};
  REQUIRE(::lstat(path.c_str(), &facts) == 0);
  return facts;
}

std::uint32_t mode_of(const std::string &path) { return status_of(path).st_mode & 07777; }

// Everything beneath a folder: names, kinds, sizes and contents.
std::set<std::string> listing(const std::string &path) {
  std::set<std::string> all;
  for (const auto &each : std::filesystem::recursive_directory_iterator(path))
    all.insert(fmt::format("{} {:o} {}", each.path().string(), status_of(each.path()).st_mode,
                           each.is_regular_file() ? read_file(each.path()) : ""));
  return all;
}

// "here" is the folder of a host, "outside" has what must not be reached.
class Scratch {
public:
  Scratch() {
    ::umask(022);
    path_ = (std::filesystem::temp_directory_path() / "fanout-download-XXXXXX").string();
    REQUIRE(::mkdtemp(path_.data()) != nullptr);
    REQUIRE(::chmod(path_.c_str(), 0755) == 0);
    std::filesystem::create_directories(here());
    std::filesystem::create_directories(outside("a/b"));
    write_file(outside("file"), "the user's own");
    write_file(outside("a/file"), "the user's own");
    write_file(outside("a/b/file"), "the user's own");
    before_ = listing(outside());
  }
  ~Scratch() { std::filesystem::remove_all(path_); }
  Scratch(const Scratch &) = delete;
  Scratch &operator=(const Scratch &) = delete;

  [[nodiscard]] std::string here(const std::string &path = {}) const {
    return path_ + "/here" + (path.empty() ? "" : "/" + path);
  }
  [[nodiscard]] std::string outside(const std::string &path = {}) const {
    return path_ + "/outside" + (path.empty() ? "" : "/" + path);
  }
  [[nodiscard]] bool outside_is_unchanged() const { return listing(outside()) == before_; }
  [[nodiscard]] const std::string &path() const { return path_; }
  [[nodiscard]] Folder folder() const {
    return Folder(sys::UniqueFd::adopt(::open(here().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)),
                  "web01");
  }
  [[nodiscard]] std::vector<std::string> names_here() const {
    std::vector<std::string> names;
    for (const auto &each : std::filesystem::directory_iterator(here()))
      names.push_back(each.path().filename());
    return names;
  }

private:
  std::string path_;
  std::set<std::string> before_;
};

core::Result<void> fetch(Folder &folder, const std::string &path, std::string_view content) {
  TRY_ASSIGN(Incoming incoming, folder.create(path));
  TRY(incoming.write(content, 0));
  return incoming.put_in_place(content.size(), std::nullopt, std::nullopt);
}

template <class T>
std::string message_of(const core::Result<T> &result) {
  return result ? "no error" : result.error().message;
}

struct Planted {
  std::string what;
  std::function<bool(const std::string &path)> plant;
};

// Root can make devices.
std::vector<Planted> things_to_plant(const Scratch &scratch, const std::string &target) {
  std::vector<Planted> all = {
      {"a symbolic link",
       [=, &scratch](const std::string &path) {
         return ::symlink(scratch.outside(target).c_str(), path.c_str()) == 0;
       }},
      {"a symbolic link",
       [](const std::string &path) { return ::symlink("nowhere", path.c_str()) == 0; }},
      {"a FIFO", [](const std::string &path) { return ::mkfifo(path.c_str(), 0666) == 0; }},
      {"a socket",
       [](const std::string &path) { return ::mknod(path.c_str(), S_IFSOCK | 0666, 0) == 0; }},
  };
  if (::getuid() == 0)
    all.push_back({"a device", [](const std::string &path) {
                     return ::mknod(path.c_str(), S_IFCHR | 0666, 0x0103) == 0;  // null(4)
                   }});
  return all;
}

sys::ProcessStatus end_of(const std::function<int()> &program) {
  auto child = sys::fork_child([&] {
    ::alarm(60);
    return program();
  });
  REQUIRE(child);
  return child->reap_blocking();
}

// Exit status 0, or the number of the first check that failed.
#define STEP(number, condition) \
  if (!(condition)) return number

}  // namespace

// --- files --------------------------------------------------------------------------------------------------------

TEST_CASE("download: a file has its name once it is whole, and not before", "[files]") {
  const Scratch scratch;
  Folder folder = scratch.folder();
  {
    auto incoming = folder.create("file");
    REQUIRE(incoming);
    CHECK(incoming->write("world", 6));
    CHECK(incoming->write("hello ", 0));
    REQUIRE(scratch.names_here().size() == 1);
    const std::string temporary = scratch.names_here().front();
    CHECK(temporary.starts_with(".file.fanout-"));
    CHECK(mode_of(scratch.here(temporary)) == 0600);
    REQUIRE(incoming->put_in_place(11, std::nullopt, 1'000'000'000));
  }
  CHECK(scratch.names_here() == std::vector<std::string>{"file"});
  CHECK(read_file(scratch.here("file")) == "hello world");
  CHECK(mode_of(scratch.here("file")) == 0644);
  CHECK(status_of(scratch.here("file")).st_mtime == 1'000'000'000);
}

TEST_CASE("download: a file that does not come to its end leaves nothing", "[files]") {
  const Scratch scratch;
  Folder folder = scratch.folder();
  REQUIRE(folder.make_folders("sub"));
  {
    auto incoming = folder.create("sub/file");
    REQUIRE(incoming);
    REQUIRE(incoming->write("half", 0));
    const Incoming moved = std::move(*incoming);
    CHECK(std::filesystem::directory_iterator(scratch.here("sub")) !=
          std::filesystem::directory_iterator());
  }
  CHECK(std::filesystem::is_empty(scratch.here("sub")));
}

TEST_CASE("download: what is kept of a file can be gone on with", "[files]") {
  const Scratch scratch;
  Folder folder = scratch.folder();
  {
    auto incoming = folder.resume("file", token);
    REQUIRE(incoming);
    CHECK(incoming->size_before() == 0);
    REQUIRE(incoming->write("hello XX", 0));
    incoming->keep();
  }
  const std::string part = fmt::format(".file.fanout-{}.part", token);
  CHECK(scratch.names_here() == std::vector<std::string>{part});
  CHECK(mode_of(scratch.here(part)) == 0600);
  {
    auto incoming = folder.resume("file", token);
    REQUIRE(incoming);
    REQUIRE(incoming->size_before() == 8);
    std::string start(6, '\0');
    REQUIRE(incoming->read(start.data(), start.size(), 0));
    CHECK(start == "hello ");
    CHECK(message_of(incoming->read(start.data(), 6, 3)) ==
          "read web01/file: it has become shorter");
    REQUIRE(incoming->truncate(6));
    REQUIRE(incoming->write("world", 6));
    REQUIRE(incoming->put_in_place(11, std::nullopt, std::nullopt));
  }
  CHECK(scratch.names_here() == std::vector<std::string>{"file"});
  CHECK(read_file(scratch.here("file")) == "hello world");
  // Not kept: gone.
  REQUIRE(folder.resume("other", token));
  CHECK(scratch.names_here() == std::vector<std::string>{"file"});
}

TEST_CASE("download: what another user has left is not gone on with", "[files]") {
  if (::getuid() != 0) SKIP("only root can give a file away");
  const Scratch scratch;
  Folder folder = scratch.folder();
  const std::string part = scratch.here(fmt::format(".file.fanout-{}.part", token));
  write_file(part, "hello XX");
  constexpr uid_t other = 65534;
  REQUIRE(::chown(part.c_str(), other, other) == 0);
  const int planted = ::open(part.c_str(), O_WRONLY | O_CLOEXEC);
  REQUIRE(planted >= 0);
  auto incoming = folder.resume("file", token);
  REQUIRE(incoming);
  CHECK(incoming->size_before() == 0);
  REQUIRE(incoming->write("hello world", 0));
  REQUIRE(incoming->put_in_place(11, std::nullopt, std::nullopt));
  CHECK(::pwrite(planted, "evil", 4, 0) == 4);
  ::close(planted);
  CHECK(read_file(scratch.here("file")) == "hello world");
  CHECK(status_of(scratch.here("file")).st_uid == ::geteuid());
}

TEST_CASE("download: what a killed transfer has left is found by its token", "[files]") {
  const Scratch scratch;
  Folder folder(
      sys::UniqueFd::adopt(::open(scratch.here().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)),
      "web01", std::string(token));
  REQUIRE(folder.make_folders("a/b"));
  for (const std::string name : {"file", "a/b/file", "a/b/other"}) {
    auto incoming = folder.create(name);
    REQUIRE(incoming);
    incoming->keep();
  }
  // Neither what is not a file, nor of another transfer, nor outside.
  const std::string left = fmt::format(".x.fanout-{}-00000000", token);
  write_file(scratch.outside(left), "the user's own");
  write_file(scratch.here(".x.fanout-fedcba9876543210-00000000"), "");
  write_file(scratch.here(fmt::format(".x.fanout-{}.part", token)), "");
  std::filesystem::create_directory_symlink(scratch.outside(), scratch.here("link"));
  std::filesystem::create_symlink("nowhere", scratch.here("a/" + left));
  std::filesystem::create_directory(scratch.here("a/b/" + left));
  REQUIRE(files::remove_leftovers(folder.fd(), token));
  std::set<std::string> names;
  for (const auto &each : std::filesystem::recursive_directory_iterator(scratch.here()))
    names.insert(each.path().lexically_relative(scratch.here()).string());
  CHECK(names == std::set<std::string>{".x.fanout-fedcba9876543210-00000000",
                                       fmt::format(".x.fanout-{}.part", token), "a", "a/" + left,
                                       "a/b", "a/b/" + left, "link"});
  CHECK(std::filesystem::exists(scratch.outside(left)));
}

TEST_CASE("download: what is not written is a hole, also at the end", "[files]") {
  const Scratch scratch;
  Folder folder = scratch.folder();
  constexpr std::uint64_t size = 1ULL << 30;
  auto incoming = folder.create("sparse");
  REQUIRE(incoming);
  REQUIRE(incoming->write("in the middle", size / 2));
  REQUIRE(incoming->put_in_place(size, std::nullopt, std::nullopt));
  const struct stat facts = status_of(scratch.here("sparse"));
  CHECK(facts.st_size == size);
  CHECK(facts.st_blocks * 512 < 1 << 20);
}

TEST_CASE("download: what was longer is cut", "[files]") {
  const Scratch scratch;
  Folder folder = scratch.folder();
  auto incoming = folder.create("file");
  REQUIRE(incoming);
  REQUIRE(incoming->write("hello world", 0));
  REQUIRE(incoming->put_in_place(5, std::nullopt, std::nullopt));
  CHECK(read_file(scratch.here("file")) == "hello");
}

TEST_CASE("download: modes are the umask's, those of the replaced file, or those asked for",
          "[files]") {
  const Scratch scratch;
  ::umask(027);
  Folder folder = scratch.folder();
  ::umask(022);
  REQUIRE(fetch(folder, "new", "x"));
  CHECK(mode_of(scratch.here("new")) == 0640);
  for (const std::uint32_t mode : {0751U, 0400U, 06755U}) {
    INFO(fmt::format("replaces a file of mode {:o}", mode));
    write_file(scratch.here("old"), "before");
    REQUIRE(::chmod(scratch.here("old").c_str(), mode) == 0);
    REQUIRE(fetch(folder, "old", "after"));
    CHECK(mode_of(scratch.here("old")) == (mode & 0777));
    CHECK(read_file(scratch.here("old")) == "after");
    std::filesystem::remove(scratch.here("old"));
  }
  for (const std::uint32_t mode : {0777U, 0200U, 07711U}) {
    INFO(fmt::format("mode {:o} is asked for", mode));
    auto incoming = folder.create("new");
    REQUIRE(incoming);
    REQUIRE(incoming->put_in_place(0, mode, std::nullopt));
    CHECK(mode_of(scratch.here("new")) == (mode & 0777));
  }
}

TEST_CASE("download: a replaced file stays whole for whoever has it open", "[files]") {
  const Scratch scratch;
  Folder folder = scratch.folder();
  write_file(scratch.here("file"), "before");
  std::filesystem::create_hard_link(scratch.here("file"), scratch.here("other name"));
  REQUIRE(fetch(folder, "file", "after"));
  CHECK(read_file(scratch.here("file")) == "after");
  CHECK(read_file(scratch.here("other name")) == "before");
}

TEST_CASE("download: names of every kind that Linux has", "[files]") {
  const Scratch scratch;
  Folder folder = scratch.folder();
  std::vector<std::string> names = {" ",           "-rf",       "~",     "...",  "a\nb",
                                    "\x1b[31mred", "\xff\xfe",  "*?[x]", "a\\b", ".hidden",
                                    "äöü",         ".fanout-x", "con",   "\x7f", "'\"$(id)`"};
  names.emplace_back(255, 'x');
  std::string long_utf8;
  while (long_utf8.size() + 2 <= 255) long_utf8 += "ü";
  names.push_back(long_utf8);
  for (const std::string &name : names) {
    INFO(name);
    REQUIRE_FALSE(files::wrong_with_entry_name(name));
    for (const char *content : {"first", "second"}) REQUIRE(fetch(folder, name, content));
    CHECK(read_file(scratch.here(name)) == "second");
    REQUIRE(folder.resume(name, token));
    const std::string deep = fmt::format("in {}/{}", name.substr(0, 250), name);
    REQUIRE(folder.make_folders(deep));
    REQUIRE(fetch(folder, files::join(deep, name), "deep"));
  }
  CHECK(scratch.names_here().size() == 2 * names.size());
}

TEST_CASE("download: a path that could lead elsewhere is a fault of the server", "[files]") {
  const Scratch scratch;
  Folder folder = scratch.folder();
  REQUIRE(folder.make_folders("a/b"));
  for (const std::string &path :
       {std::string(".."), std::string("."), std::string("../outside/file"), std::string("a/../b"),
        std::string("a/.."), std::string("/etc/passwd"), std::string("a//b"), std::string("a/"),
        std::string("a/./b"), std::string("/"), std::string("a\0b", 3), std::string(256, 'x'),
        "a/" + std::string(256, 'x'), std::string()}) {
    INFO(path);
    const auto is_protocol = [](const auto &result) {
      return !result && result.error().kind == ErrorKind::protocol;
    };
    CHECK(is_protocol(folder.look(path)));
    CHECK(is_protocol(folder.create(path)));
    CHECK(is_protocol(folder.resume(path, token)));
    CHECK(is_protocol(folder.hash(path)));
    CHECK(is_protocol(folder.set_attributes(path, 0755, std::nullopt)));
    if (path.empty())
      CHECK(folder.make_folders(path));
    else
      CHECK(is_protocol(folder.make_folders(path)));
  }
  CHECK_FALSE(folder.resume("file", "../x"));
  CHECK(scratch.outside_is_unchanged());
}

TEST_CASE("download: a path that is too long is a failure of this machine", "[files]") {
  const Scratch scratch;
  Folder folder = scratch.folder();
  std::string path = "x";
  while (path.size() < 5000) path += "/" + std::string(200, 'x');
  const auto made = folder.create(path);
  REQUIRE_FALSE(made);
  CHECK(made.error().kind == ErrorKind::local);
  CHECK(made.error().message.ends_with(": File name too long"));
}

// --- what is there already ----------------------------------------------------------------------------------------

TEST_CASE("download: looking tells files from folders, and nothing from neither", "[files]") {
  const Scratch scratch;
  Folder folder = scratch.folder();
  REQUIRE(folder.make_folders("sub"));
  auto incoming = folder.create("sub/file");
  REQUIRE(incoming->write("content", 0));
  REQUIRE(incoming->put_in_place(7, 0640, 1'234'567'890));
  const auto file = folder.look("sub/file");
  REQUIRE(file);
  REQUIRE(*file);
  CHECK((*file)->kind == files::Kind::file);
  CHECK((*file)->size == 7);
  CHECK((*file)->mode == 0640);
  CHECK((*file)->mtime == files::Timestamp{1'234'567'890, 0});
  const auto sub = folder.look("sub");
  REQUIRE(sub);
  REQUIRE(*sub);
  CHECK((*sub)->kind == files::Kind::directory);
  for (const char *path : {"nothing", "sub/nothing", "no/such"}) {
    const auto nothing = folder.look(path);
    REQUIRE(nothing);
    CHECK_FALSE(*nothing);
  }
  CHECK(message_of(folder.look("sub/file/x")) == "look at web01/sub/file/x: Not a directory");
}

TEST_CASE("download: the hash is that of the whole file, and can be given up", "[files]") {
  const Scratch scratch;
  Folder folder = scratch.folder();
  const std::string content(3'000'000, 'x');
  REQUIRE(fetch(folder, "file", content));
  files::Sha256 expected;
  expected.add(content);
  const auto hash = folder.hash("file");
  REQUIRE(hash);
  CHECK(*hash == expected.finish());
  int asked = 0;
  const auto stopped = folder.hash("file", [&] { return ++asked > 2; });
  REQUIRE_FALSE(stopped);
  CHECK(stopped.error().kind == ErrorKind::interrupted);
  CHECK(asked == 3);
  CHECK(message_of(folder.hash("nothing")) == "read web01/nothing: No such file or directory");
}

TEST_CASE("download: folders are made with those above them, and get mode and time", "[files]") {
  const Scratch scratch;
  Folder folder = scratch.folder();
  REQUIRE(folder.make_folders("a/b/c"));
  REQUIRE(folder.make_folders("a/b/c"));
  REQUIRE(folder.make_folders("a/b/d"));
  CHECK(mode_of(scratch.here("a/b")) == 0755);
  REQUIRE(fetch(folder, "a/b/c/file", "x"));
  REQUIRE(folder.set_attributes("a/b/c", 06750, 1'000'000'000));
  CHECK(mode_of(scratch.here("a/b/c")) == 0750);
  CHECK(status_of(scratch.here("a/b/c")).st_mtime == 1'000'000'000);
  REQUIRE(folder.set_attributes("a/b/c", std::nullopt, std::nullopt));
  CHECK(message_of(folder.set_attributes("a/b/c/file", 0600, std::nullopt)) ==
        "open folder web01/a/b/c/file: Not a directory");
}

TEST_CASE("download: file and folder never take each other's place", "[files]") {
  const Scratch scratch;
  Folder folder = scratch.folder();
  REQUIRE(fetch(folder, "file", "content"));
  REQUIRE(folder.make_folders("folder"));
  CHECK(message_of(folder.make_folders("file")) == "make folder web01/file: Not a directory");
  CHECK(message_of(folder.make_folders("file/sub")) == "make folder web01/file: Not a directory");
  CHECK(message_of(folder.create("file/sub")) == "make web01/file/sub: Not a directory");
  CHECK(message_of(folder.create("folder")) == "make web01/folder: there is a folder of that name");
  CHECK(message_of(folder.resume("folder", token)) ==
        "make web01/folder: there is a folder of that name");
  CHECK(message_of(folder.create("no/such")) == "make web01/no/such: No such file or directory");
  // An empty folder that comes while the file is on its way.
  auto incoming = folder.create("late");
  REQUIRE(incoming);
  REQUIRE(folder.make_folders("late"));
  CHECK(message_of(incoming->put_in_place(0, std::nullopt, std::nullopt)) ==
        "replace web01/late: there is a folder of that name");
  CHECK(std::filesystem::is_directory(scratch.here("late")));
  CHECK(read_file(scratch.here("file")) == "content");
}

// --- what somebody has planted ------------------------------------------------------------------------------------

TEST_CASE("download: what is planted at the name of a file is neither followed nor replaced",
          "[files]") {
  const Scratch scratch;
  Folder folder = scratch.folder();
  for (const Planted &each : things_to_plant(scratch, "file")) {
    INFO(each.what);
    const std::string refusal = fmt::format("web01/file: there is {} of that name", each.what);
    // Before.
    REQUIRE(each.plant(scratch.here("file")));
    CHECK(message_of(folder.create("file")) == "make " + refusal);
    CHECK(message_of(folder.resume("file", token)) == "make " + refusal);
    CHECK(message_of(folder.hash("file")) == "read " + refusal);
    CHECK(message_of(folder.look("file")) == fmt::format("web01/file is {} here", each.what));
    CHECK_FALSE(folder.make_folders("file"));
    CHECK_FALSE(folder.set_attributes("file", 0777, 1));
    CHECK(scratch.names_here() == std::vector<std::string>{"file"});
    REQUIRE(::unlink(scratch.here("file").c_str()) == 0);
    // While the file is on its way.
    {
      auto incoming = folder.create("file");
      REQUIRE(incoming);
      REQUIRE(incoming->write("x", 0));
      REQUIRE(each.plant(scratch.here("file")));
      CHECK(message_of(incoming->put_in_place(1, std::nullopt, std::nullopt)) ==
            "replace " + refusal);
    }
    CHECK(scratch.names_here() == std::vector<std::string>{"file"});
    CHECK_FALSE(S_ISREG(status_of(scratch.here("file")).st_mode));
    REQUIRE(::unlink(scratch.here("file").c_str()) == 0);
  }
  CHECK(scratch.outside_is_unchanged());
}

TEST_CASE("download: what is planted at the name of a part is neither followed nor written to",
          "[files]") {
  const Scratch scratch;
  Folder folder = scratch.folder();
  const std::string name = fmt::format(".file.fanout-{}.part", token);
  std::vector<Planted> all = things_to_plant(scratch, "file");
  all.push_back(
      {"a folder", [](const std::string &path) { return ::mkdir(path.c_str(), 0777) == 0; }});
  for (const Planted &each : all) {
    INFO(each.what);
    REQUIRE(each.plant(scratch.here(name)));
    CHECK(message_of(folder.resume("file", token)) ==
          fmt::format("go on with web01/{}: there is {} of that name", name, each.what));
    std::filesystem::remove(scratch.here(name));
  }
  // Another name of a file that belongs elsewhere.
  std::filesystem::create_hard_link(scratch.outside("file"), scratch.here(name));
  CHECK(message_of(folder.resume("file", token)) ==
        fmt::format("go on with web01/{}: it is not what a transfer has left", name));
  CHECK(scratch.outside_is_unchanged());
}

TEST_CASE("download: another file that took the temporary name does not get into its place",
          "[files]") {
  const Scratch scratch;
  Folder folder = scratch.folder();
  auto incoming = folder.create("file");
  REQUIRE(incoming);
  const std::string temporary = scratch.here(scratch.names_here().at(0));
  REQUIRE(::unlink(temporary.c_str()) == 0);
  CHECK(message_of(incoming->put_in_place(0, std::nullopt, std::nullopt)) ==
        "put in place web01/file: its folder has changed meanwhile");
  write_file(temporary, "foreign");
  CHECK(message_of(incoming->put_in_place(0, std::nullopt, std::nullopt)) ==
        "put in place web01/file: its folder has changed meanwhile");
  CHECK_FALSE(std::filesystem::exists(scratch.here("file")));
}

TEST_CASE("download: what is planted at any component of a path stops the path", "[files]") {
  const Scratch scratch;
  Folder folder = scratch.folder();
  const std::vector<std::string> components = {"a", "a/b", "a/b/c"};
  for (std::size_t depth = 0; depth < components.size(); ++depth) {
    // Beneath a link there is the same tree, so that it would all work.
    std::vector<Planted> all = things_to_plant(scratch, depth == 0 ? "a" : "a/b");
    all.push_back({"a link that stays inside", [&](const std::string &path) {
                     std::filesystem::create_directories(scratch.here("real/b/c"));
                     return ::symlink(scratch.here("real").c_str(), path.c_str()) == 0;
                   }});
    all.push_back({"a link to the folder above",
                   [&](const std::string &path) { return ::symlink("..", path.c_str()) == 0; }});
    for (const Planted &each : all) {
      INFO(each.what << " at " << components[depth]);
      std::filesystem::remove_all(scratch.here("a"));
      if (depth > 0) std::filesystem::create_directories(scratch.here(components[depth - 1]));
      REQUIRE(each.plant(scratch.here(components[depth])));
      const auto before = listing(scratch.here());
      const auto is_local = [](const auto &result) {
        return !result && result.error().kind == ErrorKind::local;
      };
      CHECK(is_local(folder.make_folders("a/b/c")));
      CHECK(is_local(folder.make_folders("a/b/c/d")));
      CHECK(is_local(folder.create("a/b/c/file")));
      CHECK(is_local(folder.resume("a/b/c/file", token)));
      CHECK(is_local(folder.look("a/b/c/file")));
      CHECK(is_local(folder.hash("a/b/c/file")));
      CHECK(is_local(folder.set_attributes("a/b/c", 0777, 1)));
      if (each.what.find("link") != std::string::npos)
        CHECK(message_of(folder.create("a/b/c/file")) ==
              "make web01/a/b/c/file: a symbolic link is in the way");
      CHECK(listing(scratch.here()) == before);
    }
  }
  CHECK(scratch.outside_is_unchanged());
}

namespace {

// Swaps two names in one step, again and again.
[[noreturn]] void flip(const std::string &one, const std::string &other) {
  for (;;) {
    ::renameat2(AT_FDCWD, one.c_str(), AT_FDCWD, other.c_str(), RENAME_EXCHANGE);
    ::usleep(20);
  }
}

// Notices at once whether something was made or removed in a folder, because its time is then that of the day.
class Watched {
public:
  explicit Watched(const std::string &path)
      : fd_(sys::UniqueFd::adopt(::open(path.c_str(), O_RDONLY | O_CLOEXEC))) {
    const std::array<timespec, 2> times = {{{1, 0}, {1, 0}}};
    REQUIRE(::futimens(fd_.get(), times.data()) == 0);
  }
  [[nodiscard]] bool is_untouched() const {
    struct stat facts {};
    return ::fstat(fd_.get(), &facts) == 0 && facts.st_mtim.tv_sec == 1;
  }

private:
  sys::UniqueFd fd_;
};

}  // namespace

TEST_CASE("download: nothing lands outside while folders are swapped for links", "[files]") {
  const Scratch scratch;
  // As the parent hands it over: once open, its own name does not matter any more.
  Folder folder = scratch.folder();
  std::filesystem::create_directories(scratch.here("a/b"));
  const std::vector<std::pair<std::string, std::string>> swapped = {
      {scratch.here(), scratch.path() + "/link-for-here"},
      {scratch.here("a"), scratch.path() + "/link-for-a"},
  };
  REQUIRE(::symlink(scratch.outside().c_str(), swapped[0].second.c_str()) == 0);
  REQUIRE(::symlink(scratch.outside("a").c_str(), swapped[1].second.c_str()) == 0);
  const std::array<Watched, 6> watched = {
      Watched(scratch.outside()),         Watched(scratch.outside("a")),
      Watched(scratch.outside("a/b")),    Watched(scratch.outside("file")),
      Watched(scratch.outside("a/file")), Watched(scratch.outside("a/b/file"))};

  for (const auto &[name, link] : swapped) {
    auto flipper = sys::fork_child([&, name = name, link = link]() -> int { flip(name, link); });
    REQUIRE(flipper);
    int placed = 0;
    int refused = 0;
    bool untouched = true;
    constexpr int rounds = 10'000;
    for (int round = 0; round < rounds && untouched; ++round) {
      static_cast<void>(folder.make_folders(fmt::format("a/b/{}", round % 7)));
      static_cast<void>(folder.look("a/file"));
      static_cast<void>(folder.set_attributes("a/b", 0755, std::nullopt));
      if (round % 100 == 0) static_cast<void>(folder.hash("a/b/file"));
      const char *path = round % 2 == 0 ? "a/file" : "a/b/file";
      auto incoming = round % 16 == 0 ? folder.resume(path, token) : folder.create(path);
      if (incoming) static_cast<void>(incoming->write("from the server", 0));
      // Every 20th is put in its place, which flushes it to the disk; the rest is removed.
      const auto done =
          incoming ? round % 20 != 0 ? core::Result<void>() : incoming->put_in_place(15, 0666, 2)
                   : core::fail(incoming.error());
      ++(done ? placed : refused);
      if (!done && done.error().kind != ErrorKind::local) untouched = false;
      for (const Watched &each : watched) untouched = untouched && each.is_untouched();
    }
    flipper->signal(SIGKILL);
    flipper->reap_blocking();
    CHECK(untouched);
    CHECK(placed + refused == rounds);
    CHECK(placed > 0);
    // The folder itself is held and cannot be swapped; for what is in it both must have been seen.
    if (name == scratch.here())
      CHECK(refused == 0);
    else
      CHECK(refused > 0);
    // As at the beginning.
    if (std::filesystem::is_symlink(name))
      REQUIRE(::renameat2(AT_FDCWD, name.c_str(), AT_FDCWD, link.c_str(), RENAME_EXCHANGE) == 0);
  }
  CHECK(scratch.outside_is_unchanged());
}

// --- this machine -------------------------------------------------------------------------------------------------

TEST_CASE("download: a full disk is named, and costs nothing but the file that was on its way",
          "[files]") {
  if (::getuid() != 0) SKIP("only root can mount a small disk");
  const Scratch scratch;
  const auto status = end_of([&]() -> int {
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("none", scratch.here().c_str(), "tmpfs", 0, "size=256k") != 0)
      return 77;
    Folder folder = scratch.folder();
    STEP(1, fetch(folder, "file", "whole"));
    {
      auto incoming = folder.create("file");
      STEP(2, incoming);
      core::Result<void> written;
      for (std::uint64_t at = 0; written && at < 1 << 20; at += 4096)
        written = incoming->write(std::string(4096, 'x'), at);
      STEP(3, message_of(written) == "write web01/file: No space left on device");
      STEP(4, written.error().kind == ErrorKind::local);
    }
    STEP(5, scratch.names_here() == std::vector<std::string>{"file"});
    STEP(6, read_file(scratch.here("file")) == "whole");
    STEP(7, fetch(folder, "other", std::string(100'000, 'x')));
    return 0;
  });
  if (status.exited && status.exit_status == 77) SKIP("nothing can be mounted here");
  CHECK(sys::describe(status) == "exited with status 0");
}

TEST_CASE("download: a folder that may not be written to is named", "[files]") {
  if (::getuid() != 0) SKIP("only root can become somebody else");
  const Scratch scratch;
  const auto status = end_of([&]() -> int {
    Folder folder = scratch.folder();
    STEP(1, ::setgroups(0, nullptr) == 0 && ::setresgid(nobody, nobody, nobody) == 0 &&
                ::setresuid(nobody, nobody, nobody) == 0);
    STEP(2, message_of(folder.create("file")) == "make web01/file: Permission denied");
    STEP(3, message_of(folder.make_folders("a/b")) == "make folder web01/a: Permission denied");
    return 0;
  });
  CHECK(sys::describe(status) == "exited with status 0");
}

TEST_CASE("download: the sandbox of get allows all of it, with many files under way", "[files]") {
  std::vector<uid_t> users = {::getuid()};
  if (::getuid() == 0) users.push_back(nobody);
  for (const uid_t user : users) {
    for (const bool again : {false, true}) {
      INFO("as user " << user << (again ? ", reading too" : ""));
      const Scratch scratch;
      REQUIRE(::chmod(scratch.here().c_str(), 0777) == 0);
      const auto confinement = sandbox::Confinement::prepare(
          sandbox::Mode::automatic, again ? sandbox::Profile::get_again : sandbox::Profile::get);
      REQUIRE(confinement);
      const auto status = end_of([&]() -> int {
        if (user != ::getuid())
          STEP(1, ::setgroups(0, nullptr) == 0 && ::setresgid(user, user, user) == 0 &&
                      ::setresuid(user, user, user) == 0);
        Folder folder = scratch.folder();
        const int fd = folder.fd();
        STEP(2, confinement->before_connecting(22, std::span(&fd, 1)));
        STEP(3, confinement->before_reading(std::span(&fd, 1)));
        STEP(4, folder.make_folders("a/b"));
        {
          std::vector<Incoming> under_way;
          for (int i = 0; i < 48; ++i) {
            auto incoming = folder.create(fmt::format("a/b/{}", i));
            STEP(5, incoming);
            STEP(6, incoming->write("content", 1 << 20));
            under_way.push_back(*std::move(incoming));
          }
          for (Incoming &each : under_way) STEP(7, each.put_in_place((1 << 20) + 7, 0640, 1000));
        }
        STEP(8, fetch(folder, "a/b/0", "again"));
        const auto found = folder.look("a/b/0");
        STEP(9, found && *found && (*found)->size == 5 && (*found)->mode == 0640);
        STEP(10, folder.create("a/dropped"));
        STEP(11, folder.set_attributes("a/b", 0711, 1000));
        STEP(12, !folder.create("a"));
        if (!again) return 0;
        {
          auto incoming = folder.resume("a/part", token);
          STEP(13, incoming && incoming->write("half", 0));
          incoming->keep();
        }
        auto incoming = folder.resume("a/part", token);
        char buffer[4];
        STEP(14, incoming && incoming->size_before() == 4 && incoming->read(buffer, 4, 0));
        STEP(15, incoming->truncate(2) && incoming->put_in_place(2, std::nullopt, std::nullopt));
        const auto hash = folder.hash("a/part");
        // sha256("ha")
        STEP(16, hash && files::hexadecimal(*hash) ==
                             "8693873cd8f8a2d9c7c596477180f851e525f4eaf55a4f637b445cb442a5e340");
        return 0;
      });
      CHECK(sys::describe(status) == "exited with status 0");
      CHECK(mode_of(scratch.here("a/b")) == 0711);
      CHECK_FALSE(std::filesystem::exists(scratch.here("a/dropped")));
    }
  }
}

// --- in the parent ------------------------------------------------------------------------------------------------

TEST_CASE("download: LOCALDIR is made, its parents are not", "[files]") {
  const Scratch scratch;
  const std::string local = scratch.path() + "/local";
  for (int i = 0; i < 2; ++i) CHECK(files::open_download_folder(local));
  CHECK(std::filesystem::is_directory(local));
  const auto missing = files::open_download_folder(scratch.path() + "/no/such");
  REQUIRE_FALSE(missing);
  CHECK(missing.error().kind == ErrorKind::local);
  CHECK(missing.error().message ==
        fmt::format("make folder {}/no/such: No such file or directory", scratch.path()));
  CHECK(message_of(files::open_download_folder(scratch.outside("file"))) ==
        fmt::format("open folder {}: Not a directory", scratch.outside("file")));
  // What the user types may be a link.
  REQUIRE(::symlink("local", (scratch.path() + "/link").c_str()) == 0);
  CHECK(files::open_download_folder(scratch.path() + "/link"));
}

TEST_CASE("download: the folder of a host is no link and no file", "[files]") {
  const Scratch scratch;
  const auto local = files::open_download_folder(scratch.path() + "/local");
  REQUIRE(local);
  for (int i = 0; i < 2; ++i) {
    auto host = files::open_host_folder(local->get(), "web01");
    REQUIRE(host);
    Folder folder(*std::move(host), "web01");
    CHECK(fetch(folder, "file", "x"));
  }
  CHECK(read_file(scratch.path() + "/local/web01/file") == "x");
  REQUIRE(::symlink(scratch.outside().c_str(), (scratch.path() + "/local/evil").c_str()) == 0);
  CHECK(message_of(files::open_host_folder(local->get(), "evil")) ==
        "open folder evil: a symbolic link is in the way");
  write_file(scratch.path() + "/local/file", "");
  CHECK(message_of(files::open_host_folder(local->get(), "file")) ==
        "open folder file: Not a directory");
  for (const char *name : {"..", ".", "", "a/b", "../outside"})
    CHECK_FALSE(files::open_host_folder(local->get(), name));
  CHECK(scratch.outside_is_unchanged());
}
