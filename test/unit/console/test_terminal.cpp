#include <fcntl.h>

#include <catch2/catch_test_macros.hpp>

#include "fanout/console/terminal.hpp"
#include "fanout/sys/fd.hpp"
#include "fanout/sys/pipe.hpp"

using fanout::console::choose_columns;

TEST_CASE("terminal: the window's width decides", "[console]") {
  CHECK(choose_columns(132, "") == 132);
  CHECK(choose_columns(132, "90") == 132);
  CHECK(choose_columns(1, "") == 1);
}

TEST_CASE("terminal: without a window COLUMNS decides, and without both it is 80", "[console]") {
  CHECK(choose_columns(std::nullopt, "90") == 90);
  CHECK(choose_columns(0, "90") == 90);
  CHECK(choose_columns(0, "") == 80);
  for (const char *nonsense : {"0", "-5", "wide", "80x24", "99999999999999999999", " 90"})
    CHECK(choose_columns(std::nullopt, nonsense) == 80);
}

TEST_CASE("terminal: an absurd width is not believed", "[console]") {
  CHECK(choose_columns(65535, "") == 1000);
  CHECK(choose_columns(std::nullopt, "1000000") == 1000);
}

TEST_CASE("terminal: a pipe is none, a pseudo terminal is one", "[console]") {
  auto pipe = fanout::sys::make_pipe();
  REQUIRE(pipe);
  CHECK_FALSE(fanout::console::is_terminal(pipe->write_end.get()));
  CHECK_FALSE(fanout::console::is_terminal(-1));
  const auto pseudo =
      fanout::sys::UniqueFd::adopt(::open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!pseudo) SKIP("no pseudo terminals here");
  CHECK(fanout::console::is_terminal(pseudo.get()));
}
