#include <chrono>
#include <cstdint>

#include <catch2/catch_test_macros.hpp>

#include "fanout/plan/start_pace.hpp"

using namespace fanout;
using namespace std::chrono_literals;
using core::Phase;

namespace {

const core::TimePoint begin{1000s};

// So many workers, started one millisecond after the other.
plan::StartPace started(std::size_t most, std::uint32_t count) {
  plan::StartPace pace(most, 10);
  for (std::uint32_t host = 0; host < count; ++host) {
    const core::TimePoint now = begin + std::chrono::milliseconds(host);
    REQUIRE(pace.may_start(now));
    pace.started(host, now);
  }
  return pace;
}

}  // namespace

TEST_CASE("start pace: no more than so many are at their beginning", "[plan]") {
  plan::StartPace pace = started(3, 3);
  CHECK_FALSE(pace.may_start(begin + 10ms));
}

TEST_CASE("start pace: whose command runs, or who has ended, makes room for one", "[plan]") {
  plan::StartPace pace = started(3, 3);
  for (const Phase phase : {Phase::connect, Phase::kex, Phase::verify, Phase::auth, Phase::open})
    pace.entered(1, phase);
  CHECK_FALSE(pace.may_start(begin + 10ms));
  pace.entered(1, Phase::run);
  CHECK(pace.may_start(begin + 10ms));
  CHECK(pace.next(begin + 10ms) == begin + 10ms);
  pace.started(3, begin + 11ms);
  CHECK_FALSE(pace.may_start(begin + 12ms));
  pace.ended(0);
  CHECK(pace.may_start(begin + 12ms));
  // Its end makes no second place.
  pace.ended(1);
  pace.started(4, begin + 13ms);
  CHECK_FALSE(pace.may_start(begin + 14ms));
}

TEST_CASE("start pace: a host that does not accept the connection counts for 300 ms", "[plan]") {
  plan::StartPace pace = started(3, 3);
  CHECK(pace.next(begin + 10ms) == begin + 300ms);
  pace.entered(1, Phase::connect);
  CHECK_FALSE(pace.may_start(begin + 299ms));
  CHECK(pace.may_start(begin + 300ms));
  pace.started(3, begin + 300ms);
  // Connected too late to count again.
  pace.entered(0, Phase::kex);
  CHECK_FALSE(pace.may_start(begin + 300ms));
  CHECK(pace.next(begin + 300ms) == begin + 301ms);
}

TEST_CASE("start pace: one that is connected and comes no further counts for a second", "[plan]") {
  plan::StartPace pace = started(3, 3);
  for (std::uint32_t host = 0; host < 3; ++host) pace.entered(host, Phase::kex);
  CHECK(pace.next(begin + 10ms) == begin + 1s);
  CHECK_FALSE(pace.may_start(begin + 999ms));
  CHECK(pace.may_start(begin + 1s));
  pace.started(3, begin + 1s);
  CHECK(pace.next(begin + 1s) == begin + 1001ms);
}

TEST_CASE("start pace: the time to try again is that of one that still counts", "[plan]") {
  plan::StartPace pace = started(3, 3);
  pace.ended(0);
  pace.started(3, begin + 100ms);
  CHECK(pace.next(begin + 101ms) == begin + 301ms);
}

TEST_CASE("start pace: a host that is started again counts for its new attempt", "[plan]") {
  plan::StartPace pace = started(1, 1);
  pace.ended(0);
  pace.started(0, begin + 200ms);
  CHECK_FALSE(pace.may_start(begin + 300ms));
  CHECK(pace.next(begin + 300ms) == begin + 500ms);
  CHECK(pace.may_start(begin + 500ms));
  pace.started(0, begin + 600ms);
  pace.entered(0, Phase::kex);
  CHECK_FALSE(pace.may_start(begin + 1200ms));
  CHECK(pace.next(begin + 1200ms) == begin + 1600ms);
}

TEST_CASE("start pace: what an earlier attempt of the host began is over", "[plan]") {
  plan::StartPace pace = started(1, 1);
  pace.entered(0, Phase::kex);
  pace.ended(0);
  pace.started(0, begin + 500ms);
  pace.entered(0, Phase::kex);
  CHECK_FALSE(pace.may_start(begin + 1s));
  CHECK(pace.next(begin + 1s) == begin + 1500ms);
}
