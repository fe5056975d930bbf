#include <fcntl.h>
#include <sys/stat.h>

#include <memory>
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "fanout/report/spill.hpp"

using namespace fanout::report;
using fanout::core::ErrorKind;
using fanout::core::Result;
using fanout::sys::UniqueFd;

namespace {

constexpr SpillLimits small{.text_bytes = 8, .resident_bytes = 1 << 20, .segment_bytes = 16};

std::string read_all(const HeldText &text) {
  std::string all;
  const auto copied = text.each_piece([&all](std::string_view piece) {
    all += piece;
    return Result<void>();
  });
  REQUIRE(copied);
  return all;
}

Result<UniqueFd> open_full_disk() {
  return UniqueFd::adopt(::open("/dev/full", O_RDWR | O_CLOEXEC));
}

}  // namespace

TEST_CASE("spill: a short text stays in memory and makes no file", "[report]") {
  bool opened = false;
  Spill spill(small, [&] {
    opened = true;
    return fanout::sys::make_temporary_file();
  });
  HeldText text(spill);
  CHECK(text.empty());
  CHECK(text.append("1234"));
  CHECK(text.append("5678"));
  CHECK(read_all(text) == "12345678");
  CHECK(text.size() == 8);
  CHECK_FALSE(opened);
}

TEST_CASE("spill: a text of any length comes back in order, however it was cut", "[report]") {
  std::string expected;
  for (int i = 0; i < 1000; ++i) expected += static_cast<char>('a' + i % 26);
  for (const std::size_t step : {1, 3, 7, 8, 9, 15, 16, 17, 100, 1000}) {
    Spill spill(small);
    HeldText text(spill);
    for (std::size_t at = 0; at < expected.size(); at += step)
      REQUIRE(text.append(expected.substr(at, step)));
    CHECK(text.size() == expected.size());
    CHECK(read_all(text) == expected);
    CHECK(read_all(text) == expected);
  }
}

TEST_CASE("spill: texts that grow side by side do not mix", "[report]") {
  Spill spill(small);
  std::vector<std::unique_ptr<HeldText>> texts;
  for (int i = 0; i < 20; ++i) texts.push_back(std::make_unique<HeldText>(spill));
  for (int round = 0; round < 50; ++round)
    for (std::size_t i = 0; i < texts.size(); ++i)
      REQUIRE(texts[i]->append(std::string(1 + i % 5, static_cast<char>('a' + i))));
  for (std::size_t i = 0; i < texts.size(); ++i)
    CHECK(read_all(*texts[i]) == std::string(50 * (1 + i % 5), static_cast<char>('a' + i)));
}

TEST_CASE("spill: segments of a text that is done are used again", "[report]") {
  Spill spill(small);
  HeldText keeps_file_in_use(spill);
  REQUIRE(keeps_file_in_use.append(std::string(20, 'k')));
  std::uint64_t after_first = 0;
  for (int round = 0; round < 100; ++round) {
    HeldText text(spill);
    REQUIRE(text.append(std::string(160, 'x')));
    CHECK(read_all(text) == std::string(160, 'x'));
    if (round == 0) after_first = spill.file_bytes();
  }
  CHECK(spill.file_bytes() == after_first);
  CHECK(spill.segments_in_use() == 2);
  CHECK(read_all(keeps_file_in_use) == std::string(20, 'k'));
}

TEST_CASE("spill: the disk space goes back when nothing waits any more", "[report]") {
  int fd = -1;
  Spill spill(small, [&] {
    auto file = fanout::sys::make_temporary_file();
    if (file) fd = file->get();
    return file;
  });
  HeldText text(spill);
  REQUIRE(text.append(std::string(1000, 'x')));
  struct stat facts {};
  REQUIRE(::fstat(fd, &facts) == 0);
  CHECK(facts.st_size == 1000);
  text.clear();
  REQUIRE(::fstat(fd, &facts) == 0);
  CHECK(facts.st_size == 0);
  CHECK(spill.segments_in_use() == 0);
  REQUIRE(text.append(std::string(1000, 'y')));
  CHECK(read_all(text) == std::string(1000, 'y'));
}

TEST_CASE("spill: all texts together take no more memory than allowed", "[report]") {
  SpillLimits limits;
  limits.resident_bytes = 64 * 1024;
  Spill spill(limits);
  std::vector<std::unique_ptr<HeldText>> texts;
  for (int i = 0; i < 1000; ++i) {
    texts.push_back(std::make_unique<HeldText>(spill));
    REQUIRE(texts.back()->append(std::string(1000, static_cast<char>('a' + i % 26))));
  }
  CHECK(spill.resident_bytes() <= limits.resident_bytes + limits.text_bytes);
  for (std::size_t i = 0; i < texts.size(); ++i)
    CHECK(read_all(*texts[i]) == std::string(1000, static_cast<char>('a' + i % 26)));
  texts.clear();
  CHECK(spill.resident_bytes() == 0);
}

TEST_CASE("spill: a full disk is an error, and what was held is still there", "[report]") {
  Spill spill(small, open_full_disk);
  HeldText text(spill);
  REQUIRE(text.append("12345678"));
  const auto appended = text.append("9");
  REQUIRE_FALSE(appended);
  CHECK(appended.error().kind == ErrorKind::local);
  CHECK(appended.error().message == "temporary file: No space left on device");
  CHECK(text.size() == 8);
  CHECK(read_all(text) == "12345678");
}

TEST_CASE("spill: a file that cannot be made is an error for every text that needs it",
          "[report]") {
  Spill spill(small,
              [] { return Result<UniqueFd>(fanout::core::fail(ErrorKind::local, "no folder")); });
  for (int i = 0; i < 2; ++i) {
    HeldText text(spill);
    const auto appended = text.append("more than eight");
    REQUIRE_FALSE(appended);
    CHECK(appended.error().message == "no folder");
  }
}

TEST_CASE("spill: an error of the reader ends the copying", "[report]") {
  Spill spill(small);
  HeldText text(spill);
  REQUIRE(text.append(std::string(100, 'x')));
  int pieces = 0;
  const auto copied = text.each_piece([&](std::string_view) {
    ++pieces;
    return Result<void>(fanout::core::fail(ErrorKind::local, "reader"));
  });
  REQUIRE_FALSE(copied);
  CHECK(copied.error().message == "reader");
  CHECK(pieces == 1);
}

TEST_CASE("spill: a text that is moved keeps what it had, and leaves an empty one", "[report]") {
  Spill spill(small);
  HeldText text(spill);
  CHECK(text.append("in memory and then in the file"));
  const auto resident = spill.resident_bytes();
  const auto segments = spill.segments_in_use();
  HeldText moved(std::move(text));
  CHECK(moved.whole() == "in memory and then in the file");
  CHECK(spill.resident_bytes() == resident);
  CHECK(spill.segments_in_use() == segments);
  CHECK(text.empty());  // NOLINT(bugprone-use-after-move): that it can be used again is the point
  CHECK(text.append("again"));
  CHECK(text.whole() == "again");
  moved.clear();
  CHECK(spill.segments_in_use() == 0);
}
