#include <catch2/catch_test_macros.hpp>

#include "fanout/console/colors.hpp"

using fanout::console::Colors;
using fanout::console::Style;
using When = Colors::When;

TEST_CASE("colors: a terminal has them, and a file has not", "[console]") {
  CHECK(Colors::choose(When::automatic, true, "", "xterm").on());
  CHECK_FALSE(Colors::choose(When::automatic, false, "", "xterm").on());
}

TEST_CASE("colors: NO_COLOR, a dumb terminal and one that nobody knows have none", "[console]") {
  CHECK_FALSE(Colors::choose(When::automatic, true, "1", "xterm").on());
  CHECK_FALSE(Colors::choose(When::automatic, true, "", "dumb").on());
  CHECK_FALSE(Colors::choose(When::automatic, true, "", "").on());
}

TEST_CASE("colors: what the user says on the command line is stronger", "[console]") {
  CHECK(Colors::choose(When::always, false, "1", "dumb").on());
  CHECK_FALSE(Colors::choose(When::never, true, "", "xterm").on());
}

TEST_CASE("colors: a text stands within them, its newline after them", "[console]") {
  const Colors on(true);
  CHECK(on.paint(Style::bad, "== a ==\n") == "\x1b[31m== a ==\x1b[0m\n");
  CHECK(on.paint(Style::good, "ok") == "\x1b[32mok\x1b[0m");
  CHECK(on.paint(Style::good, "").empty());
}

TEST_CASE("colors: without them a text stays as it is", "[console]") {
  CHECK(Colors().paint(Style::bad, "== a ==\n") == "== a ==\n");
}
