// Where moments stand on the page.
#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

#include "report/html_time_scale.hpp"

namespace fanout::report {
namespace {

using Catch::Approx;

TEST_CASE("time scale: without pauses it is even", "[report]") {
  const TimeScale scale(10, {{0, 6}, {5, 10}});
  CHECK(scale.percent(0) == Approx(0));
  CHECK(scale.percent(2.5) == Approx(25));
  CHECK(scale.percent(10) == Approx(100));
  CHECK(scale.percent(11) == Approx(100));
  CHECK(scale.breaks().empty());
}

TEST_CASE("time scale: a long time in which nothing ran takes little room", "[report]") {
  const TimeScale scale(1'000'010, {{0, 5}, {1'000'005, 1'000'010}});
  REQUIRE(scale.breaks().size() == 1);
  CHECK(scale.percent(5) == Approx(48));
  CHECK(scale.percent(1'000'005) == Approx(52));
  CHECK(scale.percent(1'000'010) == Approx(100));
  // What ran as long is as wide, before and after.
  CHECK(scale.percent(1'000'007) - scale.percent(1'000'006) ==
        Approx(scale.percent(2) - scale.percent(1)));
  for (const double tick : scale.ticks(5)) CHECK((tick <= 5 || tick >= 1'000'005));
}

TEST_CASE("time scale: it never goes back, whatever the clocks said", "[report]") {
  const TimeScale scale(100, {{50, 40}, {3, 4}, {90, 200}, {60, 61}});
  double before = -1;
  for (double second = 0; second <= 100; second += 0.5) {
    const double percent = scale.percent(second);
    CHECK(percent >= before);
    CHECK(percent <= 100);
    before = percent;
  }
}

TEST_CASE("time scale: a run without any time has an axis", "[report]") {
  const TimeScale scale(0, {});
  CHECK(scale.percent(0) == Approx(0));
  CHECK_FALSE(scale.ticks(5).empty());
  CHECK(scale.ticks(5).size() < 20);
}

TEST_CASE("time scale: steps are round", "[report]") {
  CHECK(round_step(10, 5) == Approx(2));
  CHECK(round_step(1, 4) == Approx(0.5));
  CHECK(round_step(0.07, 5) == Approx(0.02));
  CHECK(round_step(250, 5) == Approx(60));
  CHECK(round_step(7000, 5) == Approx(1800));
}

}  // namespace
}  // namespace fanout::report
