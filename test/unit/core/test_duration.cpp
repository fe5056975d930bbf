#include <catch2/catch_test_macros.hpp>

#include "fanout/core/duration.hpp"

using namespace fanout::core;
using namespace std::chrono_literals;

TEST_CASE("duration: the units of the command line, and seconds without one", "[core]") {
  CHECK(parse_duration("500ms") == 500ms);
  CHECK(parse_duration("10s") == 10s);
  CHECK(parse_duration("5m") == 5min);
  CHECK(parse_duration("1h") == 1h);
  CHECK(parse_duration("7") == 7s);
  CHECK(parse_duration("0") == 0ms);
}

TEST_CASE("duration: anything else is refused with its own text in the message", "[core]") {
  for (const char *text : {"", "s", "-1s", "+1s", "1.5s", "1 s", "10d", "10S", "1hh", "0x1",
                           "99999999999999999999", "1000001h"}) {
    const auto parsed = parse_duration(text);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().kind == ErrorKind::usage);
    CHECK(parsed.error().message.find("'" + std::string(text) + "'") != std::string::npos);
  }
  CHECK(parse_duration("1000000h"));
}

TEST_CASE("duration: a text that could control a terminal is not repeated", "[core]") {
  for (const char *text : {"5ms\x1b[31m", "\n", "5\x7f",
                           "\xc2\x9b"
                           "31m",
                           "\x9b"
                           "5s"}) {
    const auto parsed = parse_duration(text);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().message ==
          "the value is not a duration (500ms, 10s, 5m, 1h; a bare number is seconds)");
  }
}

TEST_CASE("duration: the shortest exact form", "[core]") {
  CHECK(format_duration(0ms) == "0");
  CHECK(format_duration(90s) == "90s");
  CHECK(format_duration(120s) == "2m");
  CHECK(format_duration(1500ms) == "1500ms");
  CHECK(format_duration(2h) == "2h");
}

TEST_CASE("duration: for people", "[core]") {
  CHECK(describe_duration(420ms) == "0.4 s");
  CHECK(describe_duration(12'400ms) == "12 s");
  CHECK(describe_duration(200s) == "3 min 20 s");
  CHECK(describe_duration(3720s) == "1 h 2 min");
}
