// What is listed, under which names, and what is refused.
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>

#include <catch2/matchers/catch_matchers_string.hpp>

#include "fanout/files/sha256.hpp"
#include "sources.hpp"

using namespace fanout::files;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::EndsWith;
using fanout::core::ErrorKind;

namespace {

using Paths = std::vector<std::string>;

constexpr CatalogueOptions recursive{.recursive = true};
// Nothing is packed, so that everything has a place to be opened at.
constexpr CatalogueOptions opened{
    .recursive = true, .hash = false, .preserve = false, .mode = {}, .largest_packed_bytes = 0};

void check_refused(const fanout::core::Error &error, const std::string &words) {
  CHECK(error.kind == ErrorKind::usage);
  CHECK_THAT(error.message, ContainsSubstring(words));
}

}  // namespace

TEST_CASE("catalogue: a file has its last component for a name", "[files]") {
  const Sources sources;
  const std::string file = sources.write("file.tar", "content", 0640);
  const Catalogue made = catalogue_of({file}, {.hash = true});
  CHECK(made.files == 1);
  CHECK(made.directories == 0);
  CHECK(made.bytes == 7);
  CHECK(made.single_file);
  CHECK_FALSE(made.single_directory);
  Sha256 sum;
  sum.add("content");
  CHECK(made.single_sha256 == hexadecimal(sum.finish()));
  const auto entries = entries_of(made);
  REQUIRE(entries.size() == 1);
  CHECK(entries[0].path == "file.tar");
  CHECK(entries[0].mode == 0640);
  CHECK(entries[0].size == 7);
  CHECK(hexadecimal(entries[0].sha256) == made.single_sha256);
}

TEST_CASE("catalogue: without a reason nothing is hashed", "[files]") {
  const Sources sources;
  const Catalogue made = catalogue_of({sources.write("a", "x")});
  CHECK(made.single_sha256.empty());
  CHECK(entries_of(made).at(0).sha256.empty());
}

TEST_CASE("catalogue: a tree is listed in the order of its names, folders before what they hold",
          "[files]") {
  const Sources sources;
  sources.folder("conf", 0751);
  sources.folder("conf/b");
  sources.folder("conf/empty");
  sources.write("conf/b/2", "");
  sources.write("conf/b/10", "");
  sources.write("conf/c", "");
  sources.write("conf/a", "");
  sources.write("conf/\xc3\xa9", "");
  sources.write("conf/.hidden", "");
  const Catalogue made = catalogue_of({sources.path("conf")}, recursive);
  CHECK(paths_of(made) == Paths{"conf/", "conf/.hidden", "conf/a", "conf/b/", "conf/b/10",
                                "conf/b/2", "conf/c", "conf/empty/", "conf/\xc3\xa9"});
  CHECK(made.files == 6);
  CHECK(made.directories == 3);
  CHECK(made.single_directory);
  CHECK_FALSE(made.single_file);
  CHECK(entries_of(made)[0].mode == 0751);
  const auto entries = entries_of(made);
  for (std::size_t i = 0; i < entries.size(); ++i) CHECK(entries[i].number == i);
}

TEST_CASE("catalogue: slashes at the end are not part of a name", "[files]") {
  const Sources sources;
  sources.folder("conf");
  sources.write("conf/a", "");
  for (const char *typed : {"conf/", "conf///", "./conf/", "conf/../conf"})
    CHECK(paths_of(catalogue_of({sources.path(typed)}, recursive)) == Paths{"conf/", "conf/a"});
  check_refused(failure_of({sources.path("conf/a/")}), "Not a directory");
}

TEST_CASE("catalogue: a dot is called as the folder that it means", "[files]") {
  const Sources sources;
  sources.folder("conf");
  sources.folder("conf/sub");
  CHECK(paths_of(catalogue_of({sources.path("conf/.")}, recursive)) == Paths{"conf/", "conf/sub/"});
  CHECK(paths_of(catalogue_of({sources.path("conf/sub/../")}, recursive)) ==
        Paths{"conf/", "conf/sub/"});
  check_refused(failure_of({"/"}), "has no name");
  check_refused(failure_of({"/."}), "has no name");
  check_refused(failure_of({"/.."}), "has no name");
  check_refused(failure_of({"//"}), "has no name");
  check_refused(failure_of({""}), "empty name");
  check_refused(failure_of({std::string("a\0b", 3)}), "zero byte");
}

TEST_CASE("catalogue: a folder needs -r", "[files]") {
  const Sources sources;
  sources.folder("conf");
  const auto error = failure_of({sources.path("conf/")}, {});
  CHECK(error.kind == ErrorKind::usage);
  CHECK(error.message == sources.path("conf") + ": is a directory (use -r)");
}

TEST_CASE("catalogue: several sources are listed as they were given, none of them twice",
          "[files]") {
  const Sources sources;
  sources.folder("x");
  const std::string b = sources.write("b", "1");
  const std::string a = sources.write("a", "22");
  const Catalogue made = catalogue_of({b, a});
  CHECK(paths_of(made) == Paths{"b", "a"});
  CHECK(made.bytes == 3);
  CHECK_FALSE(made.single_file);
  CHECK(made.single_sha256.empty());
  const std::string other = sources.write("x/a", "333");
  const auto error = failure_of({b, a, other});
  CHECK(error.kind == ErrorKind::usage);
  CHECK(error.message == a + " and " + other + ": two sources with the name a");
  check_refused(failure_of({a, a}), "two sources with the name a");
}

TEST_CASE("catalogue: any bytes may be a name", "[files]") {
  const Sources sources;
  sources.folder("odd");
  for (const char *name : {"-rf", "a\nb", "\xff\xfe", "\x1b[31m", "*", "$(x)", " "})
    sources.write(std::string("odd/") + name, name);
  const Catalogue made = catalogue_of({sources.path("odd")}, recursive);
  CHECK(paths_of(made) == Paths{"odd/", "odd/\x1b[31m", "odd/ ", "odd/$(x)", "odd/*", "odd/-rf",
                                "odd/a\nb", "odd/\xff\xfe"});
  Source source = source_of(made);
  for (const Entry &entry : entries_of(source))
    if (entry.kind == Kind::file) CHECK("odd/" + content_of(source, entry) == entry.path);
}

TEST_CASE("catalogue: a path that no host could open is refused", "[files]") {
  const Sources sources;
  std::string path = "deep";
  const std::string name(250, 'x');
  sources.folder(path);
  // As a path from the top the system would not take it.
  int at = ::open(sources.path(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  for (int depth = 0; depth < 17; ++depth) {
    REQUIRE(::mkdirat(at, name.c_str(), 0755) == 0);
    const int below = ::openat(at, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    REQUIRE(below >= 0);
    ::close(at);
    at = below;
  }
  ::close(at);
  const auto error = failure_of({sources.path("deep")});
  check_refused(error, "a path of more than 4095 bytes");
  CHECK(error.message.size() < 300);
}

TEST_CASE("catalogue: a tree that is too deep is refused", "[files]") {
  const Sources sources;
  std::string path = "d";
  sources.folder(path);
  for (int depth = 1; depth < 256; ++depth) sources.folder(path += "/d");
  CHECK(catalogue_of({sources.path("d")}, recursive).directories == 256);
  sources.folder(path += "/d");
  check_refused(failure_of({sources.path("d")}), "more than 256 folders deep");
}

TEST_CASE("catalogue: what is not there is said with its name", "[files]") {
  const Sources sources;
  const auto error = failure_of({sources.path("none")});
  CHECK(error.kind == ErrorKind::usage);
  CHECK(error.message == "open " + sources.path("none") + ": No such file or directory");
}

TEST_CASE("catalogue: a FIFO, a socket and a device are refused and not waited for", "[files]") {
  const Sources sources;
  sources.folder("conf");
  const std::string fifo = sources.path("conf/fifo");
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  check_refused(failure_of({fifo}), fifo + ": is a FIFO");
  check_refused(failure_of({sources.path("conf")}), fifo + ": is a FIFO");
  const std::string link = sources.link("conf/fifo", "link");
  check_refused(failure_of({link}), link + ": is a FIFO");
  REQUIRE(::unlink(fifo.c_str()) == 0);

  const int listening = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_un address {};
  address.sun_family = AF_UNIX;
  const std::string socket = sources.path("conf/socket");
  std::strncpy(address.sun_path, socket.c_str(), sizeof address.sun_path - 1);
  REQUIRE(::bind(listening, reinterpret_cast<const struct sockaddr *>(&address), sizeof address) ==
          0);
  ::close(listening);
  check_refused(failure_of({sources.path("conf")}), socket + ": is a socket");

  check_refused(failure_of({"/dev/null"}), "/dev/null: is a device");
}

TEST_CASE("catalogue: links to files and folders are followed and keep their own names",
          "[files]") {
  const Sources sources;
  sources.folder("real");
  sources.write("real/file", "abc", 0600);
  const std::string file = sources.link("real/file", "link");
  const std::string folder = sources.link("real", "folder");
  const Catalogue made = catalogue_of({file, folder}, opened);
  CHECK(paths_of(made) == Paths{"link", "folder/", "folder/file"});
  Source source = source_of(made);
  const auto entries = entries_of(source);
  CHECK(entries[0].mode == 0600);
  CHECK(content_of(source, entries[0]) == "abc");
  CHECK(content_of(source, entries[2]) == "abc");
}

TEST_CASE("catalogue: a link that leads nowhere, or to itself, is refused", "[files]") {
  const Sources sources;
  sources.folder("conf");
  const std::string dangling = sources.link("none", "conf/dangling");
  check_refused(failure_of({dangling}), dangling + ": is a symbolic link that leads nowhere");
  check_refused(failure_of({sources.path("conf")}),
                dangling + ": is a symbolic link that leads nowhere");
  const std::string self = sources.link("self", "self");
  check_refused(failure_of({self}), "Too many levels of symbolic links");
}

TEST_CASE("catalogue: a folder that a link puts into itself is refused", "[files]") {
  const Sources sources;
  sources.folder("conf");
  sources.folder("conf/sub");
  const std::string loop = sources.link("../../conf", "conf/sub/loop");
  check_refused(failure_of({sources.path("conf")}), loop + ": leads back to a folder");
  REQUIRE(::unlink(loop.c_str()) == 0);
  sources.link(".", "conf/sub/loop");
  check_refused(failure_of({sources.path("conf")}), loop + ": leads back to a folder");

  // Two folders outside that lead to each other.
  REQUIRE(::unlink(loop.c_str()) == 0);
  sources.folder("a");
  sources.folder("b");
  sources.link("../b", "a/b");
  sources.link("../a", "b/a");
  sources.link("../../a", "conf/sub/a");
  check_refused(failure_of({sources.path("conf")}), "conf/sub/a/b/a: leads back to a folder");
}

TEST_CASE("catalogue: the same folder may be there twice when neither is in the other", "[files]") {
  const Sources sources;
  sources.folder("conf");
  sources.folder("conf/real");
  sources.write("conf/real/f", "1");
  sources.link("real", "conf/other");
  CHECK(paths_of(catalogue_of({sources.path("conf")}, recursive)) ==
        Paths{"conf/", "conf/other/", "conf/other/f", "conf/real/", "conf/real/f"});
}

TEST_CASE("catalogue: links inside a tree are opened at their real place", "[files]") {
  const Sources sources;
  sources.folder("conf");
  sources.folder("conf/real");
  sources.folder("conf/real/deep");
  sources.write("conf/real/deep/f", "inside");
  sources.link("real", "conf/folder");
  sources.link(sources.path("conf/real/deep/f"), "conf/file");
  const Catalogue made = catalogue_of({sources.path("conf")}, opened);
  CHECK(made.roots.size() == 1);
  Source source = source_of(made);
  for (const Entry &entry : entries_of(source))
    if (entry.kind == Kind::file) {
      CHECK(entry.open_path == "real/deep/f");
      CHECK(content_of(source, entry) == "inside");
    }
}

TEST_CASE("catalogue: links that leave a tree become roots of their own, each place once",
          "[files]") {
  const Sources sources;
  sources.folder("conf");
  sources.folder("elsewhere");
  sources.folder("elsewhere/sub");
  sources.write("elsewhere/f", "1");
  sources.write("elsewhere/sub/g", "2");
  sources.write("file", "3");
  sources.write("conf/own", "4");
  sources.link("../elsewhere", "conf/a");
  sources.link("../elsewhere", "conf/b");
  sources.link("../file", "conf/c");
  sources.link("../file", "conf/d");
  // From outside back in, and around inside what is outside.
  sources.link("../conf/own", "elsewhere/back");
  sources.link("sub", "elsewhere/around");
  const Catalogue made = catalogue_of({sources.path("conf")}, opened);
  CHECK(made.roots.size() == 3);
  Source source = source_of(made);
  std::vector<std::string> places;
  std::string contents;
  for (const Entry &entry : entries_of(source))
    if (entry.kind == Kind::file) {
      places.push_back(entry.path + " " + std::to_string(entry.root) + " " + entry.open_path);
      contents += content_of(source, entry);
    }
  CHECK(places == Paths{"conf/a/around/g 0 sub/g", "conf/a/back 1 own", "conf/a/f 0 f",
                        "conf/a/sub/g 0 sub/g", "conf/b/around/g 0 sub/g", "conf/b/back 1 own",
                        "conf/b/f 0 f", "conf/b/sub/g 0 sub/g", "conf/c 2 ", "conf/d 2 ",
                        "conf/own 1 own"});
  CHECK(contents == "24122412334");
}

TEST_CASE("catalogue: more roots than a worker can be handed are refused with a way out",
          "[files]") {
  const Sources sources;
  std::vector<std::string> locals;
  for (std::size_t i = 0; i < max_roots; ++i)
    locals.push_back(sources.write("f" + std::to_string(i), "x"));
  CHECK(catalogue_of(locals, opened).roots.size() == max_roots);
  locals.push_back(sources.write("one more", "x"));
  CHECK(catalogue_of(locals).roots.empty());  // all are packed
  check_refused(failure_of(locals, opened), "put them into one folder and copy that with -r");
}

TEST_CASE("catalogue: small files and folders take no root", "[files]") {
  const Sources sources;
  sources.folder("conf");
  sources.write("conf/small", "x");
  CHECK(catalogue_of({sources.path("conf")}, recursive).roots.empty());
  sources.write("conf/large", std::string(65'537, 'x'));
  const Catalogue made = catalogue_of({sources.path("conf")}, recursive);
  CHECK(made.roots.size() == 1);
  CHECK(made.packed_files == 1);
  CHECK(made.descriptors().size() == 3);
}

TEST_CASE("catalogue: descriptors for workers cannot be written", "[files]") {
  const Sources sources;
  sources.folder("conf");
  sources.write("conf/small", "x");
  sources.write("conf/large", std::string(65'537, 'x'));
  const Catalogue made = catalogue_of({sources.path("conf")}, recursive);
  for (const int fd : made.descriptors()) {
    CHECK((::fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY);
    CHECK((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
  }
}

TEST_CASE("catalogue: it gives up when it is told to", "[files]") {
  const Sources sources;
  sources.folder("many");
  for (int i = 0; i < 200; ++i) sources.write("many/" + std::to_string(i), "");
  int asked = 0;
  const auto made = make_catalogue({sources.path("many")}, recursive, [&] { return ++asked == 2; });
  REQUIRE_FALSE(made);
  CHECK(made.error().kind == ErrorKind::interrupted);

  // In the middle of one file that would take minutes.
  const std::string large = sources.write("large", "");
  REQUIRE(::truncate(large.c_str(), off_t{1} << 40) == 0);
  const auto hashed = make_catalogue({large}, {.hash = true}, [] { return true; });
  REQUIRE_FALSE(hashed);
  CHECK(hashed.error().kind == ErrorKind::interrupted);
}

TEST_CASE("catalogue: without hashing a huge file is not read", "[files]") {
  const Sources sources;
  const std::string large = sources.write("large", "");
  REQUIRE(::truncate(large.c_str(), off_t{1} << 40) == 0);
  bool asked = false;
  const auto made = make_catalogue({large}, {}, [&] { return asked = true; });
  REQUIRE(made);
  CHECK(made->bytes == std::uint64_t{1} << 40);
  CHECK_FALSE(asked);
}
