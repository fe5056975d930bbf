// The sources of put in the processes that use them: a worker in its sandbox, a parent that is not root, and the tar of
// a host.

#include <grp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>

#include <cerrno>
#include <cstdlib>

#include "../unit/files/sources.hpp"
#include "fanout/files/sha256.hpp"
#include "fanout/sandbox/confinement.hpp"
#include "fanout/sys/io.hpp"
#include "fanout/sys/process.hpp"

using namespace fanout;
using namespace fanout::files;

namespace {

constexpr uid_t nobody = 65534;
constexpr int unprepared = 254;  // a child could not be set up

// Root may read everything, so a child becomes somebody else.
void be_nobody() {
  if (::getuid() != 0) return;
  if (::setgroups(0, nullptr) != 0 || ::setresgid(nobody, nobody, nobody) != 0 ||
      ::setresuid(nobody, nobody, nobody) != 0)
    ::_exit(unprepared);
}

std::string describe_run(const std::function<int()> &program) {
  auto child = sys::fork_child(program);
  REQUIRE(child);
  return sys::describe(child->reap_blocking());
}

const std::string success = "exited with status 0";

std::string text_of(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 31 + i / 251);
  return text;
}

// A tree with files of sizes that matter, packed and not, a link to elsewhere, and a file that is a root itself.
struct Tree {
  Tree() {
    // Everybody may look into it: what is refused below is refused by the sandbox or by the mode of a file.
    REQUIRE(::chmod(sources.path("").c_str(), 0755) == 0);
    sources.folder("conf");
    sources.folder("conf/sub");
    sources.folder("elsewhere");
    for (const std::size_t size : {0U, 1U, 65'535U, 65'536U, 65'537U, 1'000'000U})
      sources.write("conf/sub/" + std::to_string(size), text_of(size), 0640 + size % 8);
    sources.write("elsewhere/100000", text_of(100'000));
    sources.write("200000", text_of(200'000));
    sources.write("secret", text_of(300'000));
    sources.link("../elsewhere", "conf/link");
  }
  [[nodiscard]] std::vector<std::string> locals() const {
    return {sources.path("conf"), sources.path("200000")};
  }
  Sources sources;
};

}  // namespace

TEST_CASE("sources: a worker in its sandbox reads all of them, and nothing beside them",
          "[sources]") {
  const Tree tree;
  const Catalogue made = catalogue_of(tree.locals(), {.recursive = true, .hash = true});
  REQUIRE(made.roots.size() == 3);
  const std::string secret = tree.sources.path("secret");
  // The number of the step that failed.
  const auto worker = [&] {
    std::vector<sys::UniqueFd> descriptors;
    for (const int fd : made.descriptors())
      descriptors.push_back(sys::UniqueFd::adopt(::fcntl(fd, F_DUPFD_CLOEXEC, 0)));
    auto source = Source::open(std::move(descriptors));
    if (!source) return 1;
    auto confinement =
        sandbox::Confinement::prepare(sandbox::Mode::automatic, sandbox::Profile::put);
    if (!confinement) return unprepared;
    Sha256 warm;  // finds the algorithm, as a worker does before
    const std::vector<int> roots = source->roots();
    if (!confinement->before_connecting(22, roots)) return 2;
    if (!confinement->before_reading(roots)) return 3;
    int files = 0;
    for (;;) {
      const auto next = source->next();
      if (!next) return 4;
      if (!*next) break;
      const Entry &entry = **next;
      if (entry.kind == Kind::directory) continue;
      const auto content = source->content(entry);
      if (!content) return 5;
      std::string bytes(entry.size, '\0');
      if (!content->read(bytes.data(), bytes.size(), 0)) return 6;
      if (bytes != text_of(entry.size)) return 7;
      if (entry.size > 0 && content->run_at(0).end != entry.size) return 8;
      if (!content->check_unchanged()) return 9;
      Sha256 sum;
      sum.add(bytes);
      if (sum.finish() != entry.sha256) return 10;
      ++files;
    }
    if (files != 8) return 11;
    if (::open(secret.c_str(), O_RDONLY | O_CLOEXEC) >= 0) return 12;
    return 0;
  };
  CHECK(describe_run(worker) == success);
}

TEST_CASE("sources: what the user may not read is refused by name before anybody is contacted",
          "[sources]") {
  const Tree tree;
  const auto refused = [&](const std::string &path) {
    return describe_run([&] {
      be_nobody();
      const auto made = make_catalogue(tree.locals(), {.recursive = true});
      if (made) return 1;
      if (made.error().kind != core::ErrorKind::usage) return 2;
      return made.error().message == "open " + path + ": Permission denied" ? 0 : 3;
    });
  };
  const std::string file = tree.sources.path("conf/sub/65536");
  REQUIRE(::chmod(tree.sources.path("conf/sub/0").c_str(), 0644) == 0);
  REQUIRE(::chmod(tree.sources.path("conf/sub/1").c_str(), 0644) == 0);
  REQUIRE(::chmod(tree.sources.path("conf/sub/1000000").c_str(), 0644) == 0);
  REQUIRE(::chmod(tree.sources.path("conf/sub/65535").c_str(), 0644) == 0);
  REQUIRE(::chmod(file.c_str(), 0000) == 0);
  CHECK(refused(file) == success);
  const std::string folder = tree.sources.path("conf/sub");
  REQUIRE(::chmod(folder.c_str(), 0000) == 0);
  CHECK(refused(folder) == success);
  REQUIRE(::chmod(folder.c_str(), 0755) == 0);
}

TEST_CASE("sources: a process that nobody may look into makes a catalogue like any other",
          "[sources]") {
  const Sources sources;
  REQUIRE(::chmod(sources.path("").c_str(), 0755) == 0);
  sources.folder("conf");
  sources.write("conf/large", text_of(100'000));
  sources.link("large", "conf/link");
  CHECK(describe_run([&] {
          be_nobody();
          if (::prctl(PR_SET_DUMPABLE, 0) != 0) return unprepared;
          const auto made = make_catalogue({sources.path("conf")}, {.recursive = true});
          if (!made) return 1;
          // The link was found to lie inside, which takes /proc.
          return made->roots.size() == 1 ? 0 : 2;
        }) == success);
}

TEST_CASE("sources: no descriptors are a failure of this machine", "[sources]") {
  const Tree tree;
  CHECK(describe_run([&] {
          const struct rlimit few { 6, 6 };
          if (::setrlimit(RLIMIT_NOFILE, &few) != 0) return unprepared;
          const auto made = make_catalogue(tree.locals(), {.recursive = true});
          if (made) return 1;
          return made.error().kind == core::ErrorKind::local ? 0 : 2;
        }) == success);
}

TEST_CASE("sources: the tars of this machine unpack what was packed, with content, mode and time",
          "[sources]") {
  const Sources sources;
  sources.folder("conf");
  sources.folder("conf/sub");
  std::vector<std::size_t> sizes{0, 1, 511, 512, 513, 65'535, 65'536};
  for (const std::size_t size : sizes)
    sources.write("conf/sub/" + std::to_string(size), text_of(size), size % 2 == 0 ? 0640 : 0755);
  const struct timeval times[2] = {{1, 0}, {1'234'567'890, 0}};
  REQUIRE(::utimes(sources.path("conf/sub/512").c_str(), times) == 0);
  const Catalogue made =
      catalogue_of({sources.path("conf")}, {.recursive = true, .preserve = true});
  Source source = source_of(made);
  const auto entries = entries_of(source);
  const Entry &last = entries.back();
  std::string archive(last.member_offset + last.member_bytes, '\0');
  REQUIRE(source.read_pack(archive.data(), archive.size(), 0));
  archive.append(1024, '\0');
  sources.write("archive", archive);

  int tars = 0;
  for (const std::string tar : {"tar", "busybox tar", "bsdtar"}) {
    if (std::system(("command -v " + tar.substr(0, tar.find(' ')) + " >/dev/null").c_str()) != 0)
      continue;
    ++tars;
    CAPTURE(tar);
    const std::string target = sources.folder("out" + std::to_string(tars));
    const std::string command =
        "umask 077; cd " + target + " && " + tar + " -xpf - < " + sources.path("archive");
    REQUIRE(std::system(command.c_str()) == 0);
    std::size_t files = 0;
    for (const Entry &entry : entries) {
      if (entry.kind == Kind::directory) continue;
      ++files;
      const std::string path = target + '/' + std::to_string(entry.number);
      std::ifstream stream(path, std::ios::binary);
      const std::string content{std::istreambuf_iterator<char>(stream), {}};
      CHECK((content == text_of(entry.size)));
      struct stat status {};
      REQUIRE(::stat(path.c_str(), &status) == 0);
      CHECK((status.st_mode & 07777) == entry.mode);
      CHECK(status.st_mtim.tv_sec == entry.mtime.seconds);
    }
    CHECK(files == sizes.size());
  }
  if (tars == 0) SKIP("there is no tar here");
}
