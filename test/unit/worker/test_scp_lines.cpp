#include <string>
#include <string_view>

#include <catch2/catch_test_macros.hpp>

#include "worker/scp_lines.hpp"

using namespace fanout;
using namespace fanout::worker;

namespace {

bool refused(std::string_view bytes) {
  const auto item = take_scp_item(bytes);
  return !item && item.error().kind == core::ErrorKind::protocol;
}

template <class T>
T take(std::string_view bytes) {
  const auto item = take_scp_item(bytes);
  REQUIRE(item);
  REQUIRE(*item);
  REQUIRE(std::holds_alternative<T>(**item));
  return std::get<T>(**item);
}

}  // namespace

TEST_CASE("scp lines: each thing that scp says is understood", "[worker]") {
  const auto entry = take<ScpEntry>("C0644 1234 a b\n");
  CHECK_FALSE(entry.directory);
  CHECK(entry.mode == 0644);
  CHECK(entry.size == 1234);
  CHECK(entry.name == "a b");
  CHECK(take<ScpEntry>("C4755 0 x\n").mode == 04755);
  CHECK(take<ScpEntry>("C0644 9223372036854775807 x\n").size == 0x7fff'ffff'ffff'ffff);
  CHECK(take<ScpEntry>("D0755 0 sub\n").directory);
  const auto times = take<ScpTimes>("T1700000000 0 1600000000 999999\n");
  CHECK(times.modification == 1'700'000'000);
  CHECK(times.access == 1'600'000'000);
  CHECK_FALSE(take<ScpMessage>("\1scp: x: No such file\n").fatal);
  CHECK(take<ScpMessage>("\2gone\n").text == "gone");
  take<ScpFolderEnd>("E\n");
  take<ScpYes>(std::string_view("\0", 1));
}

TEST_CASE("scp lines: what is not whole waits, and what follows stays", "[worker]") {
  std::string_view bytes = "C0644 3 a\nabc";
  CHECK(take_scp_item(bytes));
  CHECK(bytes == "abc");
  for (const std::string_view part : {"", "C", "C0644 3 a", "T1 0", "\1text"}) {
    std::string_view rest = part;
    const auto item = take_scp_item(rest);
    REQUIRE(item);
    CHECK_FALSE(*item);
    CHECK(rest == part);
  }
}

TEST_CASE("scp lines: numbers that are none, and lines without end, are refused", "[worker]") {
  for (const std::string_view line : {"C0644 -1 x\n",
                                      "C0644 9223372036854775808 x\n",
                                      "C0644 18446744073709551616 x\n",
                                      "C0644 1x x\n",
                                      "C0644  1 x\n",
                                      "C0644 +1 x\n",
                                      "C0644 1 \n",
                                      "C0644 1\n",
                                      "C644 1 x\n",
                                      "C00644 1 x\n",
                                      "C0689 1 x\n",
                                      "C0644\n",
                                      "C\n",
                                      "D0755 x\n",
                                      "T1 0 1\n",
                                      "T-1 0 1 0\n",
                                      "T1 1000000 1 0\n",
                                      "T1 0 1 0 \n",
                                      "T1 0 1 0 0\n",
                                      "T9223372036854775808 0 1 0\n",
                                      "Ex\n",
                                      "\n",
                                      "hello\n",
                                      "\3text\n",
                                      "x",
                                      "\3"}) {
    CAPTURE(line);
    CHECK(refused(line));
  }
  CHECK(refused(std::string(max_scp_line_bytes, 'C')));
  CHECK(refused("\1" + std::string(max_scp_line_bytes, 'x') + "\n"));
}

TEST_CASE("scp lines: what a sender writes is what a receiver reads", "[worker]") {
  const auto entry = take<ScpEntry>(scp_file_line(0640, 5'000'000'000, "17"));
  CHECK(entry.mode == 0640);
  CHECK(entry.size == 5'000'000'000);
  CHECK(entry.name == "17");
  CHECK(take<ScpTimes>(scp_times_line(1'700'000'000)).modification == 1'700'000'000);
  // scp has no sign.
  CHECK(take<ScpTimes>(scp_times_line(-5)).modification == 0);
}
