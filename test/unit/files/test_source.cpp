// A worker's side: reading entry by entry, and noticing what has changed since.
#include <sys/mman.h>
#include <sys/time.h>

#include <catch2/matchers/catch_matchers_string.hpp>

#include "files/list_format.hpp"
#include "sources.hpp"

using namespace fanout::files;
using fanout::core::ErrorKind;
using fanout::sys::UniqueFd;

namespace {

constexpr CatalogueOptions opened{
    .recursive = true, .hash = false, .preserve = false, .mode = {}, .largest_packed_bytes = 0};

// One file in a folder that is a source, listed and not packed.
struct Listed {
  Listed() : Listed(std::string(100'000, 'a')) {}
  explicit Listed(const std::string &content) {
    sources.folder("conf");
    path = sources.write("conf/file", content);
    catalogue = catalogue_of({sources.path("conf")}, opened);
    source.emplace(source_of(catalogue));
    entry = entries_of(*source).at(1);
  }
  Sources sources;
  std::string path;
  Catalogue catalogue;
  std::optional<Source> source;
  Entry entry;
};

void check_changed(const fanout::core::Error &error) {
  CHECK(error.kind == ErrorKind::local);
  CHECK(error.message == "source changed: conf/file");
}

UniqueFd memory_with(const std::string &bytes) {
  UniqueFd fd = UniqueFd::adopt(::memfd_create("list", MFD_CLOEXEC));
  REQUIRE(::write(fd.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  return fd;
}

fanout::core::Result<Source> source_from(const std::string &list) {
  std::vector<UniqueFd> descriptors;
  descriptors.push_back(memory_with(list));
  descriptors.push_back(memory_with(""));
  return Source::open(std::move(descriptors));
}

std::string folder_record(std::uint64_t number) {
  Entry entry;
  entry.kind = Kind::directory;
  entry.path = "folder" + std::to_string(number);
  entry.number = number;
  return format_record(entry);
}

}  // namespace

TEST_CASE("source: a list of any length is read in order, and once more after rewind", "[files]") {
  constexpr std::uint64_t count = 5'000;
  std::string list = format_list_head({count, 0, 0, 0});
  for (std::uint64_t i = 0; i < count; ++i) list += folder_record(i);
  auto source = source_from(list);
  REQUIRE(source);
  for (int round = 0; round < 2; ++round) {
    const auto entries = entries_of(*source);
    REQUIRE(entries.size() == count);
    for (std::uint64_t i = 0; i < count; ++i)
      REQUIRE(entries[i].path == "folder" + std::to_string(i));
    const auto after = source->next();
    REQUIRE(after);
    CHECK_FALSE(*after);
    source->rewind();
  }
}

TEST_CASE("source: records of the greatest length fit", "[files]") {
  Entry entry;
  entry.path = std::string(4'095, 'a');
  entry.open_path = std::string(4'095, 'b');
  entry.sha256 = std::string(32, 'c');
  CHECK(format_record(entry).size() <= max_record_bytes);
}

TEST_CASE("source: a list that is cut or changed is malformed, wherever", "[files]") {
  const std::string list =
      format_list_head({3, 0, 0, 0}) + folder_record(0) + folder_record(1) + folder_record(2);
  const auto reads_well = [](const std::string &bytes) {
    auto source = source_from(bytes);
    if (!source) {
      CHECK(source.error().kind == ErrorKind::internal);
      return false;
    }
    for (;;) {
      const auto entry = source->next();
      if (!entry) CHECK(entry.error().kind == ErrorKind::internal);
      if (!entry || !*entry) return entry.has_value();
    }
  };
  CHECK(reads_well(list));
  for (std::size_t size = 0; size < list.size(); ++size)
    CHECK_FALSE(reads_well(list.substr(0, size)));
  std::string long_record = list;
  long_record[list_head_bytes] = '\xff';
  CHECK_FALSE(reads_well(long_record));
  CHECK_FALSE(reads_well(format_list_head({2, 0, 0, 0}) + folder_record(1) + folder_record(0)));
}

TEST_CASE("source: descriptors that are missing are noticed", "[files]") {
  std::vector<UniqueFd> one;
  one.push_back(memory_with(""));
  const auto source = Source::open(std::move(one));
  REQUIRE_FALSE(source);
  CHECK(source.error().kind == ErrorKind::internal);
}

TEST_CASE("source: any part of a file can be read, and nothing beyond its end", "[files]") {
  const Listed listed("0123456789");
  const auto content = listed.source->content(listed.entry);
  REQUIRE(content);
  std::string bytes(4, '\0');
  REQUIRE(content->read(bytes.data(), 4, 3));
  CHECK(bytes == "3456");
  REQUIRE(content->read(bytes.data(), 0, 10));
  for (const auto &[size, offset] :
       {std::pair<std::size_t, std::uint64_t>{1, 10}, {4, 7}, {1, ~std::uint64_t{0}}}) {
    const auto beyond = content->read(bytes.data(), size, offset);
    REQUIRE_FALSE(beyond);
    CHECK(beyond.error().kind == ErrorKind::internal);
  }
}

TEST_CASE("source: what has changed before it is opened is not sent", "[files]") {
  const Listed listed;
  SECTION("grown") { REQUIRE(::truncate(listed.path.c_str(), 100'001) == 0); }
  SECTION("shrunk") { REQUIRE(::truncate(listed.path.c_str(), 99'999) == 0); }
  SECTION("gone") { REQUIRE(::unlink(listed.path.c_str()) == 0); }
  SECTION("replaced by another file") {
    const std::string other = listed.sources.write("other", std::string(100'000, 'a'));
    REQUIRE(::rename(other.c_str(), listed.path.c_str()) == 0);
  }
  SECTION("replaced by a link to the same content") {
    REQUIRE(::rename(listed.path.c_str(), listed.sources.path("conf/moved").c_str()) == 0);
    listed.sources.link("moved", "conf/file");
  }
  SECTION("replaced by a FIFO") {
    REQUIRE(::unlink(listed.path.c_str()) == 0);
    REQUIRE(::mkfifo(listed.path.c_str(), 0600) == 0);
  }
  SECTION("rewritten with its old time") {
    struct stat status {};
    REQUIRE(::stat(listed.path.c_str(), &status) == 0);
    listed.sources.write("conf/file", std::string(100'000, 'b'));
    const struct timespec times[2] = {status.st_atim, status.st_mtim};
    REQUIRE(::utimensat(AT_FDCWD, listed.path.c_str(), times, 0) == 0);
  }
  const auto content = listed.source->content(listed.entry);
  REQUIRE_FALSE(content);
  check_changed(content.error());
}

TEST_CASE("source: what changes while it is open is noticed at the end", "[files]") {
  const Listed listed;
  const auto content = listed.source->content(listed.entry);
  REQUIRE(content);
  REQUIRE(content->check_unchanged());
  SECTION("grown") { REQUIRE(::truncate(listed.path.c_str(), 100'001) == 0); }
  SECTION("shrunk, and grown again") {
    REQUIRE(::truncate(listed.path.c_str(), 0) == 0);
    REQUIRE(::truncate(listed.path.c_str(), 100'000) == 0);
  }
  SECTION("rewritten") { listed.sources.write("conf/file", std::string(100'000, 'b')); }
  SECTION("rewritten with its old time") {
    struct stat status {};
    REQUIRE(::stat(listed.path.c_str(), &status) == 0);
    const int fd = ::open(listed.path.c_str(), O_WRONLY | O_CLOEXEC);
    REQUIRE(::pwrite(fd, "b", 1, 50'000) == 1);
    ::close(fd);
    const struct timespec times[2] = {status.st_atim, status.st_mtim};
    REQUIRE(::utimensat(AT_FDCWD, listed.path.c_str(), times, 0) == 0);
  }
  const auto unchanged = content->check_unchanged();
  REQUIRE_FALSE(unchanged);
  check_changed(unchanged.error());
}

TEST_CASE("source: a file that has become shorter cannot be read to its end", "[files]") {
  const Listed listed;
  const auto content = listed.source->content(listed.entry);
  REQUIRE(content);
  REQUIRE(::truncate(listed.path.c_str(), 50'000) == 0);
  std::string bytes(100'000, '\0');
  const auto read = content->read(bytes.data(), bytes.size(), 0);
  REQUIRE_FALSE(read);
  check_changed(read.error());
}

TEST_CASE("source: a file that is written twice in one tick of the clock is seen to change",
          "[files]") {
  const Sources sources;
  int noticed = 0;
  constexpr int rounds = 20;
  for (int round = 0; round < rounds; ++round) {
    const std::string file = sources.write("f", "old");
    const Catalogue made = catalogue_of({file}, opened);
    sources.write("f", "new");
    Source source = source_of(made);
    const Entry entry = entries_of(source).at(0);
    if (!source.content(entry)) ++noticed;
  }
  CHECK(noticed == rounds);
}

TEST_CASE("source: what replaces a name while it is read does not matter to what was opened",
          "[files]") {
  const Listed listed;
  const auto content = listed.source->content(listed.entry);
  REQUIRE(content);
  REQUIRE(::rename(listed.path.c_str(), listed.sources.path("aside").c_str()) == 0);
  listed.sources.write("conf/file", "another");
  std::string bytes(100'000, '\0');
  REQUIRE(content->read(bytes.data(), bytes.size(), 0));
  CHECK((bytes == std::string(100'000, 'a')));
}

TEST_CASE("source: a folder that is swapped for a link leads nowhere", "[files]") {
  const Sources sources;
  sources.folder("conf");
  sources.folder("conf/sub");
  sources.folder("secret");
  sources.write("conf/sub/file", "wanted");
  sources.write("secret/file", "secret");
  const Catalogue made = catalogue_of({sources.path("conf")}, opened);
  Source source = source_of(made);
  const Entry entry = entries_of(source).at(2);
  REQUIRE(entry.path == "conf/sub/file");
  REQUIRE(::rename(sources.path("conf/sub").c_str(), sources.path("aside").c_str()) == 0);
  sources.link("../secret", "conf/sub");
  const auto content = source.content(entry);
  REQUIRE_FALSE(content);
  CHECK(content.error().message == "source changed: conf/sub/file");
}

TEST_CASE("source: the runs of a file with holes cover it", "[files]") {
  const Sources sources;
  const std::string file = sources.write("sparse", "");
  constexpr std::uint64_t size = std::uint64_t{1} << 40;
  REQUIRE(::truncate(file.c_str(), static_cast<off_t>(size)) == 0);
  const int fd = ::open(file.c_str(), O_WRONLY | O_CLOEXEC);
  REQUIRE(::pwrite(fd, "data", 4, off_t{1} << 30) == 4);
  ::close(fd);
  const Catalogue made = catalogue_of({file});
  Source source = source_of(made);
  const Entry entry = entries_of(source).at(0);
  const auto content = source.content(entry);
  REQUIRE(content);
  bool data_is_in_data = false;
  std::uint64_t data_bytes = 0;
  int runs = 0;
  for (std::uint64_t offset = 0; offset < size && runs < 10; ++runs) {
    const Content::Run run = content->run_at(offset);
    REQUIRE(run.end > offset);
    REQUIRE(run.end <= size);
    if (!run.hole) {
      data_bytes += run.end - offset;
      data_is_in_data |= offset <= 1U << 30 && run.end >= (1U << 30) + 4;
    }
    offset = run.end;
  }
  CHECK(data_is_in_data);
  if (data_bytes == size) SKIP("this file system has no holes");
  CHECK(runs == 3);
  CHECK(data_bytes <= 1'048'576);
}

TEST_CASE("source: a packed file is all data", "[files]") {
  const Sources sources;
  const Catalogue made = catalogue_of({sources.write("f", std::string(60'000, '\0'))});
  Source source = source_of(made);
  const Entry entry = entries_of(source).at(0);
  const auto content = source.content(entry);
  REQUIRE(content);
  CHECK_FALSE(content->run_at(0).hole);
  CHECK(content->run_at(0).end == 60'000);
}
