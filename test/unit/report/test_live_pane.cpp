#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "fanout/core/result.hpp"
#include "fanout/sys/temporary_file.hpp"
#include "report/live_pane.hpp"
#include "report/live_texts.hpp"

using namespace fanout;
using report::LivePane;
using report::LiveTexts;

namespace {

using Lines = std::vector<std::string>;

Lines sight(const LivePane &pane, std::size_t lines) {
  Lines texts;
  for (const LivePane::Line &line : pane.in_sight(lines)) texts.push_back(line.text);
  return texts;
}

Lines wrapped(std::string_view text, std::size_t columns) {
  LivePane pane;
  pane.set_text(0, text, columns);
  return sight(pane, 1000);
}

std::string numbered(int first, int last) {
  std::string text;
  for (int i = first; i <= last; ++i) text += std::to_string(i) + "\n";
  return text;
}

}  // namespace

TEST_CASE("live pane: lines are wrapped to the width, and empty ones are there", "[report]") {
  CHECK(wrapped("abcdefgh\n\nij", 5) == Lines{"abcde", "fgh", "", "ij"});
  CHECK(wrapped("", 5).empty());
  CHECK(wrapped("abcde\n", 5) == Lines{"abcde"});
}

TEST_CASE("live pane: no wide character is cut in two", "[report]") {
  CHECK(wrapped("x日本語", 4) == Lines{"x日", "本語"});
  CHECK(wrapped("日本", 1) == Lines{""});
}

TEST_CASE("live pane: what hosts print is made safe, and stays one line", "[report]") {
  CHECK(wrapped("a\x1b[2Jb\n", 80) == Lines{"a\\x1b[2Jb"});
  CHECK(wrapped("\xff\n", 80) == Lines{"\\xff"});
  CHECK(wrapped("a\tb\n123456789\tc\n", 80) == Lines{"a       b", "123456789       c"});
  CHECK(wrapped("dos\r\n10%\r100%\n", 80) == Lines{"dos", "100%"});
}

TEST_CASE("live pane: it follows the end until it is scrolled, and again when it is back there",
          "[report]") {
  LivePane pane;
  pane.set_text(0, numbered(1, 9), 80);
  CHECK(sight(pane, 3) == Lines{"7", "8", "9"});
  pane.set_text(0, numbered(1, 10), 80);
  CHECK(sight(pane, 3) == Lines{"8", "9", "10"});
  pane.scroll(-2, 3);
  CHECK(sight(pane, 3) == Lines{"6", "7", "8"});
  CHECK_FALSE(pane.follows());
  pane.set_text(0, numbered(1, 20), 80);
  CHECK(sight(pane, 3) == Lines{"6", "7", "8"});
  pane.scroll(-1000, 3);
  CHECK(sight(pane, 3) == Lines{"1", "2", "3"});
  pane.scroll(1000, 3);
  CHECK(pane.follows());
  pane.set_text(0, numbered(1, 21), 80);
  CHECK(sight(pane, 3) == Lines{"19", "20", "21"});
  CHECK(sight(pane, 100).size() == 21);
}

TEST_CASE(
    "live pane: what somebody reads does not move when the beginning is dropped or the width "
    "changes",
    "[report]") {
  LivePane pane;
  pane.set_text(0, "aaaa\nbbbb\ncccc\ndddd\n", 80);
  pane.scroll(-2, 1);
  CHECK(sight(pane, 1) == Lines{"bbbb"});
  pane.set_text(0, "aaaa\nbbbb\ncccc\ndddd\n", 2);
  CHECK(sight(pane, 2) == Lines{"bb", "bb"});
  // Of the text only "a\nbbbb..." is left: the rest of a line is not shown.
  pane.set_text(3, "a\nbbbb\ncccc\ndddd\n", 80);
  CHECK(sight(pane, 1) == Lines{"bbbb"});
  CHECK(sight(pane, 100) == Lines{"bbbb", "cccc", "dddd"});
  // Gone: the first that is there.
  pane.set_text(10, "cccc\ndddd\neeee\n", 80);
  CHECK(sight(pane, 1) == Lines{"dddd"});
}

TEST_CASE("live texts: the end of what a host prints is kept, and how much is missing",
          "[report]") {
  LiveTexts texts(2);
  CHECK(texts.end_of(0).text.empty());
  std::string all;
  for (int i = 0; i < 100'000; ++i) {
    const std::string line = std::to_string(i) + " of many lines\n";
    all += line;
    texts.append(1, line);
  }
  const LiveTexts::End end = texts.end_of(1);
  CHECK(end.missing_bytes + end.text.size() == all.size());
  CHECK(end.text.size() > LiveTexts::part_bytes - 1000);
  CHECK(end.text.size() <= 2 * LiveTexts::part_bytes);
  CHECK(all.ends_with(end.text));
  CHECK(texts.end_of(0).text.empty());
  CHECK(texts.failure().empty());
}

TEST_CASE("live texts: without a file the end is lost, and what comes next is not taken for it",
          "[report]") {
  LiveTexts texts(1, []() -> core::Result<sys::UniqueFd> {
    return core::fail(core::ErrorKind::local, "temporary file: No space left on device");
  });
  texts.append(0, "short\n");
  CHECK(texts.end_of(0).text == "short\n");
  texts.append(0, std::string(10'000, 'x'));
  CHECK(texts.failure() == "temporary file: No space left on device");
  texts.append(0, "after\n");
  const LiveTexts::End end = texts.end_of(0);
  CHECK(end.missing_bytes == 10'006);
  CHECK(end.text == "after\n");
}
