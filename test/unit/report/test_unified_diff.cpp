#include <algorithm>
#include <chrono>
#include <cstdio>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "report/line_diff.hpp"
#include "report/unified_diff.hpp"

using namespace fanout;
using report::compare_lines;
using report::DiffBase;
using report::DiffLine;
using report::LineChanges;
using report::LineId;

namespace {

std::string diff(std::string a, std::string_view b) {
  std::string text;
  DiffBase base(std::move(a));
  REQUIRE(base.compare(b, [&text](const DiffLine &line) -> core::Result<void> {
    text += line.text;
    text += '\n';
    return {};
  }));
  return text;
}

// As patch(1): goes through the hunks, whose lines and places have to be those of `a`.
std::string patched(std::string_view a, const std::string &patch) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < a.size();) {
    const std::size_t end = std::min(a.find('\n', at), a.size() - 1) + 1;
    lines.emplace_back(a.substr(at, end - at));
    at = end;
  }
  std::string result;
  std::size_t next = 0;
  std::size_t lines_of_result = 0;
  std::string last;  // was written by this sign, and may lose its newline yet
  for (std::size_t at = 0; at < patch.size();) {
    const std::size_t end = patch.find('\n', at);
    const std::string line = patch.substr(at, end - at);
    at = end + 1;
    const bool no_newline = at < patch.size() && patch[at] == '\\';
    const std::string text = line.substr(1) + (no_newline ? "" : "\n");
    switch (line[0]) {
      case '@': {
        unsigned from = 0;
        unsigned count = 1;
        unsigned to = 0;
        unsigned to_count = 1;
        const std::size_t plus = line.find('+');
        (void)std::sscanf(line.c_str(), "@@ -%u,%u", &from, &count);
        (void)std::sscanf(line.c_str() + plus, "+%u,%u", &to, &to_count);
        const std::size_t first = count == 0 ? from : from - 1;
        REQUIRE(first >= next);
        for (; next < first; ++next, ++lines_of_result) result += lines.at(next);
        REQUIRE(lines_of_result == (to_count == 0 ? to : to - 1));
        break;
      }
      case '-': REQUIRE(lines.at(next++) == text); break;
      case '+':
        result += text;
        ++lines_of_result;
        break;
      case ' ':
        REQUIRE(lines.at(next++) == text);
        result += text;
        ++lines_of_result;
        break;
      case '\\': break;
      default: FAIL("no line of a diff: " << line);
    }
  }
  for (; next < lines.size(); ++next) result += lines[next];
  return result;
}

std::size_t longest_common(const std::vector<LineId> &a, const std::vector<LineId> &b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (const LineId line : a) {
    std::size_t diagonal = 0;
    for (std::size_t i = 0; i < b.size(); ++i) {
      const std::size_t above = row[i + 1];
      row[i + 1] = line == b[i] ? diagonal + 1 : std::max(above, row[i]);
      diagonal = above;
    }
  }
  return row.back();
}

std::vector<LineId> random_lines(std::mt19937 &random, std::size_t count, LineId kinds) {
  std::vector<LineId> lines(random() % (count + 1));
  for (LineId &line : lines) line = static_cast<LineId>(random() % kinds);
  return lines;
}

std::vector<LineId> kept(const std::vector<LineId> &lines, const std::vector<bool> &changed) {
  std::vector<LineId> left;
  for (std::size_t i = 0; i < lines.size(); ++i)
    if (!changed[i]) left.push_back(lines[i]);
  return left;
}

std::string numbered(int first, int last) {
  std::string text;
  for (int i = first; i <= last; ++i) text += std::to_string(i) + "\n";
  return text;
}

}  // namespace

TEST_CASE("diff: equal texts have no diff", "[report]") {
  CHECK(diff("", "").empty());
  CHECK(diff("a\nb", "a\nb").empty());
}

TEST_CASE("diff: one changed line stands between three of context", "[report]") {
  std::string other = numbered(1, 20);
  other.replace(other.find("10\n"), 3, "ten\n");
  CHECK(diff(numbered(1, 20), other) == "@@ -7,7 +7,7 @@\n 7\n 8\n 9\n-10\n+ten\n 11\n 12\n 13\n");
}

TEST_CASE("diff: changes with six lines between them share a hunk, with seven they do not",
          "[report]") {
  CHECK(diff("x\n" + numbered(1, 6) + "y\n", numbered(1, 6)) ==
        "@@ -1,8 +1,6 @@\n-x\n 1\n 2\n 3\n 4\n 5\n 6\n-y\n");
  CHECK(diff("x\n" + numbered(1, 7) + "y\n", numbered(1, 7)) ==
        "@@ -1,4 +1,3 @@\n-x\n 1\n 2\n 3\n@@ -6,4 +5,3 @@\n 5\n 6\n 7\n-y\n");
}

TEST_CASE("diff: an empty text has no first line, and one line has no count", "[report]") {
  CHECK(diff("", "a\n") == "@@ -0,0 +1 @@\n+a\n");
  CHECK(diff("a\nb\n", "") == "@@ -1,2 +0,0 @@\n-a\n-b\n");
  CHECK(diff("1\n2\n3\n4\n", "1\n2\n3\n4\nnew\n") == "@@ -2,3 +2,4 @@\n 2\n 3\n 4\n+new\n");
}

TEST_CASE("diff: a last line without a newline is another line, and said", "[report]") {
  CHECK(diff("a\nb", "a\nb\n") == "@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+b\n");
  CHECK(diff("a", "b") ==
        "@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+b\n\\ No newline at end of file\n");
  CHECK(diff("a\nz", "b\nz") == "@@ -1,2 +1,2 @@\n-a\n+b\n z\n\\ No newline at end of file\n");
}

TEST_CASE("diff: what ends lines elsewhere is part of them, and any byte is kept", "[report]") {
  CHECK(diff("a\r\n", "a\n") == "@@ -1 +1 @@\n-a\r\n+a\n");
  CHECK(diff("\xff\n", "\x1b[2J\n") == "@@ -1 +1 @@\n-\xff\n+\x1b[2J\n");
  const std::string null("a\0b\n", 4);
  CHECK(diff(null, "a\n") == "@@ -1 +1 @@\n-" + null + "+a\n");
}

TEST_CASE("diff: the first error of who takes it ends it", "[report]") {
  DiffBase base("a\n");
  int lines = 0;
  const auto result = base.compare("b\n", [&lines](const DiffLine &) -> core::Result<void> {
    ++lines;
    return core::fail(core::ErrorKind::local, "full");
  });
  REQUIRE_FALSE(result);
  CHECK(result.error().message == "full");
  CHECK(lines == 1);
}

TEST_CASE("diff: binary and huge texts are not compared line by line", "[report]") {
  CHECK(report::can_be_diffed(""));
  CHECK(report::can_be_diffed("\xff\r\n"));
  CHECK_FALSE(report::can_be_diffed(std::string_view("a\0b", 3)));
  CHECK(report::can_be_diffed(std::string(report::longest_diffed_text, 'x')));
  CHECK_FALSE(report::can_be_diffed(std::string(report::longest_diffed_text + 1, 'x')));
  CHECK_FALSE(report::can_be_diffed(std::string(report::most_diffed_lines + 1, '\n')));
}

TEST_CASE("diff: applied to one text it makes the other", "[report]") {
  std::mt19937 random(7);
  const auto text = [&random] {
    std::string lines;
    for (std::size_t i = random() % 40; i > 0; --i) {
      lines += static_cast<char>('a' + random() % 4);
      if (i > 1 || random() % 2 == 0) lines += '\n';
    }
    return lines;
  };
  for (int round = 0; round < 2000; ++round) {
    const std::string a = text();
    const std::string b = text();
    const std::string patch = diff(a, b);
    REQUIRE(patched(a, patch) == b);
    REQUIRE(patch.empty() == (a == b));
  }
}

TEST_CASE("diff: no shorter one is possible", "[report]") {
  std::mt19937 random(11);
  for (int round = 0; round < 3000; ++round) {
    const auto kinds = static_cast<LineId>(1 + random() % 12);
    const auto a = random_lines(random, 40, kinds);
    const auto b = random_lines(random, 40, kinds);
    const LineChanges changes = compare_lines(a, b);
    const auto left = kept(a, changes.removed);
    REQUIRE(left == kept(b, changes.added));
    REQUIRE(left.size() == longest_common(a, b));
  }
}

TEST_CASE("diff: with little work it is longer, and correct", "[report]") {
  std::mt19937 random(13);
  for (const std::uint64_t work : {0, 1, 10, 100, 1000, 10'000}) {
    for (int round = 0; round < 100; ++round) {
      const auto a = random_lines(random, 300, 20);
      const auto b = random_lines(random, 300, 20);
      const LineChanges changes = compare_lines(a, b, work);
      REQUIRE(kept(a, changes.removed) == kept(b, changes.added));
    }
  }
}

TEST_CASE("diff: texts that have little in common take seconds at most", "[report]") {
  std::mt19937 random(17);
  constexpr std::size_t lines = 50'000;
  std::vector<LineId> a(lines);
  std::vector<LineId> b(lines);
  for (LineId &line : a) line = static_cast<LineId>(random() % 1000);
  for (LineId &line : b) line = static_cast<LineId>(random() % 1000);
  const auto begin = std::chrono::steady_clock::now();
  const LineChanges changes = compare_lines(a, b);
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(20));
  const auto left = kept(a, changes.removed);
  CHECK(left == kept(b, changes.added));
  CHECK_FALSE(left.empty());
}

TEST_CASE("diff: many small changes in a long text are all found", "[report]") {
  std::vector<LineId> a(100'000);
  for (std::size_t i = 0; i < a.size(); ++i) a[i] = static_cast<LineId>(i % 5000);
  std::vector<LineId> b = a;
  for (std::size_t i = 0; i < b.size(); i += 1000) b[i] = static_cast<LineId>((b[i] + 1) % 5000);
  const LineChanges changes = compare_lines(a, b);
  CHECK(kept(a, changes.removed) == kept(b, changes.added));
  CHECK(std::count(changes.removed.begin(), changes.removed.end(), true) == 100);
}
