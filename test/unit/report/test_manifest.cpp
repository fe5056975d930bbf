#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <catch2/catch_test_macros.hpp>

#include "fanout/report/manifest.hpp"

using namespace fanout;
using report::Manifest;
namespace fs = std::filesystem;

namespace {

class Folder {
public:
  Folder() {
    std::string pattern = fs::temp_directory_path() / "manifest-XXXXXX";
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~Folder() { fs::remove_all(path_); }
  Folder(const Folder &) = delete;
  Folder &operator=(const Folder &) = delete;
  [[nodiscard]] std::string file(const std::string &name) const { return path_ / name; }
  [[nodiscard]] std::size_t files() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(path_), fs::directory_iterator()));
  }

private:
  fs::path path_;
};

std::string text_of(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

const core::FetchedFile log{"/var/log/a", 12, 0644, 1769860800, std::string(64, 'a')};
const std::string log_line =
    R"({"host":"db01","path":"/var/log/a","size":12,"mode":"0644","time":"2026-01-31T12:00:00Z","sha256":")" +
    std::string(64, 'a') + "\"}\n";

}  // namespace

TEST_CASE("manifest: a file is one line", "[report]") {
  CHECK(report::format_fetched("db01", log) == log_line);
}

TEST_CASE("manifest: what is not known is null, and a path that is not UTF-8 is Base64",
          "[report]") {
  core::FetchedFile file = log;
  file.path = "/\xff";
  file.sha256.clear();
  file.mode = 04755;
  file.mtime = -1;
  CHECK(report::format_fetched("db01", file) ==
        R"({"host":"db01","path_base64":"L/8=","size":12,"mode":"4755",)"
        R"("time":"1969-12-31T23:59:59Z","sha256":null})"
        "\n");
  file.mtime = INT64_MAX;
  CHECK(report::format_fetched("db01", file).find(R"("time":null)") != std::string::npos);
  file.path = "/a\nb\"";
  CHECK(report::format_fetched("db01", file).find(R"("path":"/a\nb\"")") != std::string::npos);
}

TEST_CASE("manifest: the file is there at the end, whole, and nothing beside it", "[report]") {
  const Folder folder;
  const std::string path = folder.file("list.jsonl");
  std::ofstream(path) << "of the last run\n";
  {
    auto manifest = Manifest::open(path);
    REQUIRE(manifest);
    REQUIRE(manifest->add("db01", log));
    CHECK(text_of(path) == "of the last run\n");
    REQUIRE(manifest->finish());
  }
  CHECK(text_of(path) == log_line);
  CHECK(folder.files() == 1);
  struct stat facts {};
  REQUIRE(::stat(path.c_str(), &facts) == 0);
  CHECK((facts.st_mode & 0600U) == 0600U);
  CHECK((facts.st_mode & 0111U) == 0);
}

TEST_CASE("manifest: one that is given up leaves nothing", "[report]") {
  const Folder folder;
  {
    auto manifest = Manifest::open(folder.file("list.jsonl"));
    REQUIRE(manifest);
    const Manifest moved = std::move(*manifest);
    CHECK(folder.files() == 1);
  }
  CHECK(folder.files() == 0);
}

TEST_CASE("manifest: a long one is written as it grows", "[report]") {
  const Folder folder;
  const std::string path = folder.file("list.jsonl");
  auto manifest = Manifest::open(path);
  REQUIRE(manifest);
  for (int i = 0; i < 2000; ++i) REQUIRE(manifest->add("db01", log));
  REQUIRE(manifest->finish());
  CHECK(fs::file_size(path) == 2000 * log_line.size());
}

TEST_CASE("manifest: through a link the file is written that it leads to", "[report]") {
  const Folder folder;
  std::ofstream(folder.file("there")) << "old";
  fs::create_symlink(folder.file("there"), folder.file("list.jsonl"));
  auto manifest = Manifest::open(folder.file("list.jsonl"));
  REQUIRE(manifest);
  REQUIRE(manifest->add("db01", log));
  REQUIRE(manifest->finish());
  CHECK(fs::is_symlink(folder.file("list.jsonl")));
  CHECK(text_of(folder.file("there")) == log_line);
}

TEST_CASE("manifest: where no file can be made it is refused beforehand", "[report]") {
  const Folder folder;
  const auto error = [](const std::string &path) {
    const auto manifest = Manifest::open(path);
    REQUIRE_FALSE(manifest);
    CHECK(manifest.error().kind == core::ErrorKind::usage);
    return manifest.error().message;
  };
  const std::string beneath_nothing = folder.file("no/list.jsonl");
  CHECK(error(beneath_nothing) == "--manifest " + beneath_nothing + ": No such file or directory");
  CHECK(error(folder.file("")) == "--manifest " + folder.file("") + ": not a regular file");
  CHECK(error("/dev/null") == "--manifest /dev/null: not a regular file");
}
