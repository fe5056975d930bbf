#include <catch2/catch_test_macros.hpp>

#include "fanout/core/deadline.hpp"

using namespace fanout::core;
using namespace std::chrono_literals;

namespace {
const TimePoint now = TimePoint(1000s);
}

TEST_CASE("deadline: zero is none, as on the command line", "[core]") {
  CHECK(Deadline::in(0ms, now).never());
  CHECK(Deadline::in(-1ms, now).never());
  CHECK_FALSE(Deadline::in(0ms, now).passed(TimePoint::max()));
  CHECK(Deadline().poll_timeout(now) == -1);
}

TEST_CASE("deadline: it has passed at its own instant and not before", "[core]") {
  const Deadline deadline = Deadline::in(5ms, now);
  CHECK_FALSE(deadline.passed(now + 4999us));
  CHECK(deadline.passed(now + 5ms));
}

TEST_CASE("deadline: poll waits up to it, rounded up, and never in a busy loop", "[core]") {
  const Deadline deadline = Deadline::in(5ms, now);
  CHECK(deadline.poll_timeout(now) == 5);
  CHECK(deadline.poll_timeout(now + 4500us) == 1);
  CHECK(deadline.poll_timeout(now + 5ms) == 0);
  CHECK(deadline.poll_timeout(now + 1h) == 0);
  CHECK(Deadline::in(std::chrono::hours(100'000), now).poll_timeout(now) == 1'000'000'000);
}

TEST_CASE("deadline: the sooner of two, and one that is put off", "[core]") {
  const Deadline early = Deadline::in(1s, now);
  const Deadline late = Deadline::in(2s, now);
  CHECK(early.or_sooner(late).at() == early.at());
  CHECK(Deadline().or_sooner(late).at() == late.at());
  CHECK(early.postponed(1s).at() == late.at());
  CHECK(Deadline().postponed(1s).never());
}
