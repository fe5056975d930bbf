// The archive of small files: what is in it, and what is not.
#include <sys/time.h>

#include <ctime>

#include "fanout/files/sha256.hpp"
#include "files/tar_header.hpp"
#include "sources.hpp"

using namespace fanout::files;

namespace {

std::string pack_bytes(const Source &source, const Entry &entry) {
  std::string bytes(entry.member_bytes, '\0');
  REQUIRE(source.read_pack(bytes.data(), bytes.size(), entry.member_offset));
  return bytes;
}

std::string text_of(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 31 + i / 251);
  return text;
}

void set_mtime(const std::string &path, time_t seconds) {
  const struct timeval times[2] = {{seconds, 0}, {seconds, 0}};
  REQUIRE(::utimes(path.c_str(), times) == 0);
}

}  // namespace

TEST_CASE("pack: files of every size up to the limit are packed, and hold what the file holds",
          "[files]") {
  const Sources sources;
  sources.folder("d");
  std::vector<std::size_t> sizes{0, 1, 511, 512, 513, 65'535, 65'536, 65'537, 3'000'000};
  for (const std::size_t size : sizes) sources.write("d/" + std::to_string(size), text_of(size));
  const Catalogue made =
      catalogue_of({sources.path("d")}, {.recursive = true, .hash = true, .preserve = true});
  CHECK(made.packed_files == 7);
  Source source = source_of(made);
  CHECK(source.packed_files() == 7);
  CHECK(source.files() == sizes.size());
  CHECK(source.bytes() == made.bytes);
  std::uint64_t end = 0;
  for (const Entry &entry : entries_of(source)) {
    if (entry.kind == Kind::directory) continue;
    CAPTURE(entry.path);
    const std::string text = text_of(entry.size);
    CHECK(entry.path == "d/" + std::to_string(entry.size));
    CHECK(entry.packed == (entry.size <= 65'536));
    CHECK((content_of(source, entry) == text));
    Sha256 sum;
    sum.add(text);
    CHECK(hexadecimal(entry.sha256) == hexadecimal(sum.finish()));
    if (!entry.packed) continue;
    CHECK(entry.member_offset == end);
    CHECK(entry.member_bytes == tar_header_bytes + entry.size + tar_padding(entry.size));
    end += entry.member_bytes;
    const std::string header = format_tar_header(
        {.number = entry.number, .mode = 0644, .size = entry.size, .mtime = entry.mtime.seconds});
    CHECK(
        (pack_bytes(source, entry) == header + text + std::string(tar_padding(entry.size), '\0')));
  }
}

TEST_CASE("pack: members have the mode of the file without special bits, or the one asked for",
          "[files]") {
  const Sources sources;
  const std::string file = sources.write("f", "x", 04751);
  const auto mode_in_pack = [&](const CatalogueOptions &options) {
    const Catalogue made = catalogue_of({file}, options);
    const Source source = source_of(made);
    const Entry entry = entries_of(made).at(0);
    CHECK(entry.mode == 04751);
    return pack_bytes(source, entry).substr(100, 7);
  };
  CHECK(mode_in_pack({}) == "0000751");
  CHECK(mode_in_pack({.preserve = true}) == "0000751");
  CHECK(mode_in_pack({.mode = 0600}) == "0000600");
  CHECK(mode_in_pack({.preserve = true, .mode = 02755}) == "0002755");
}

TEST_CASE("pack: members have the time of the file if it is to be preserved, else that of now",
          "[files]") {
  const Sources sources;
  const std::string file = sources.write("f", "x");
  set_mtime(file, 1'000'000'000);
  const auto time_in_pack = [&](const CatalogueOptions &options) {
    const Catalogue made = catalogue_of({file}, options);
    const Source source = source_of(made);
    const Entry entry = entries_of(made).at(0);
    CHECK(entry.mtime.seconds == 1'000'000'000);
    return std::stoll(pack_bytes(source, entry).substr(136, 11), nullptr, 8);
  };
  CHECK(time_in_pack({.preserve = true}) == 1'000'000'000);
  const time_t before = ::time(nullptr);
  const auto now = time_in_pack({});
  CHECK(now >= before);
  CHECK(now <= ::time(nullptr));
}

TEST_CASE("pack: a time to preserve that the archive cannot say keeps a file out of it",
          "[files]") {
  const Sources sources;
  const std::string file = sources.write("f", "x");
  set_mtime(file, -1);
  CHECK(catalogue_of({file}).packed_files == 1);
  const Catalogue made = catalogue_of({file}, {.preserve = true});
  CHECK(made.packed_files == 0);
  CHECK(entries_of(made).at(0).mtime.seconds == -1);
}

TEST_CASE("pack: what is beyond the limit of all is sent on its own", "[files]") {
  const Sources sources;
  sources.folder("d");
  for (const char *name : {"d/a", "d/b", "d/c"}) sources.write(name, std::string(512, 'd'));
  const Catalogue made =
      catalogue_of({sources.path("d")}, {.recursive = true, .pack_limit_bytes = 2'048});
  CHECK(made.packed_files == 2);
  CHECK(made.notes ==
        std::vector<std::string>{
            "1 small files are sent one by one: 2048 bytes of them are packed already"});
  Source source = source_of(made);
  const auto entries = entries_of(source);
  CHECK_FALSE(entries.at(3).packed);
  CHECK(content_of(source, entries.at(3)) == std::string(512, 'd'));
}

TEST_CASE("pack: a copy does not change any more", "[files]") {
  const Sources sources;
  const std::string file = sources.write("f", "before");
  const Catalogue made = catalogue_of({file});
  Source source = source_of(made);
  const Entry entry = entries_of(source).at(0);
  sources.write("f", "after, and longer");
  CHECK(content_of(source, entry) == "before");
  REQUIRE(::unlink(file.c_str()) == 0);
  CHECK(content_of(source, entry) == "before");
}
