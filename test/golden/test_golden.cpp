// Plays the events of every case folder here into a report and compares what comes out, byte by byte.
//
//     FORMAT/CASE/events.txt     with settings of its own; stdout and stderr beside it
//     events/CASE/events.txt     played in each of the `ways` below; WAY.out and WAY.err beside it
//
// case.hpp explains the language, expected.hpp the files.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "case.hpp"
#include "expected.hpp"

namespace {

using namespace fanout;
using golden::Case;
using golden::compare;
using golden::read_file;
namespace fs = std::filesystem;

struct Way {
  const char *name;
  const char *settings;
};

constexpr Way ways[] = {
    {"block", "form block"},
    {"block_sorted", "form block\nsorted"},
    {"block_terminal", "form block\nterminal out err\ncolor"},
    {"line", "form line"},
    {"line_terminal", "form line\nterminal out err\ncolor"},
    {"line_merge", "form line merge"},
    {"merge", "form merge"},
    {"merge_masked", "form merge\nmask host ip number"},
    {"merge_terminal", "form merge\nterminal out err\ncolor"},
    {"diff", "form diff"},
    {"diff_terminal", "form diff\nterminal out err\ncolor"},
    {"json", "form json"},
    {"json_sorted", "form json\nsorted"},
    {"none", "form none"},
    {"expect_same", "form none\nexpect-same"},
};

std::vector<fs::path> cases_of(const std::string &folder) {
  std::vector<fs::path> cases;
  for (const auto &entry : fs::directory_iterator(fs::path(GOLDEN_FOLDER) / folder))
    cases.push_back(entry.path());
  std::sort(cases.begin(), cases.end());
  REQUIRE_FALSE(cases.empty());
  return cases;
}

console::Lock make_lock() {
  auto lock = console::Lock::create();
  REQUIRE(lock);
  // Of a terminal whose size nobody knows.
  REQUIRE(::setenv("COLUMNS", "80", 1) == 0);
  return std::move(*lock);
}

void play_all(const std::string &format) {
  console::Lock lock = make_lock();
  for (const fs::path &folder : cases_of(format)) {
    INFO(folder);
    REQUIRE(fs::exists(folder / "events.txt"));
    Case played(lock);
    played.play(read_file(folder / "events.txt"));
    compare(played.stdout_text(), folder / "stdout");
    compare(played.stderr_text(), folder / "stderr");
  }
}

void play_every_way(const fs::path &folder) {
  console::Lock lock = make_lock();
  const std::string events = read_file(folder / "events.txt");
  REQUIRE_FALSE(events.empty());
  std::set<std::string> expected{"events.txt"};
  for (const Way &way : ways) {
    INFO(folder << ", " << way.name);
    Case played(lock);
    played.play(way.settings);
    played.play(events);
    expected.insert(compare(played.stdout_text(), folder / (std::string(way.name) + ".out")));
    expected.insert(compare(played.stderr_text(), folder / (std::string(way.name) + ".err")));
  }
  for (const auto &entry : fs::directory_iterator(folder)) {
    INFO(entry.path());
    CHECK(expected.count(entry.path().filename()) == 1);
  }
}

}  // namespace

TEST_CASE("golden: blocks look as they always did", "[golden]") { play_all("block"); }
TEST_CASE("golden: lines look as they always did", "[golden]") { play_all("line"); }
TEST_CASE("golden: the summary looks as it always did", "[golden]") { play_all("summary"); }
TEST_CASE("golden: JSON looks as it always did", "[golden]") { play_all("json"); }

TEST_CASE("golden: the same events look as they always did in every form", "[golden]") {
  for (const fs::path &folder : cases_of("events")) DYNAMIC_SECTION(folder.filename().string()) {
      play_every_way(folder);
    }
}
