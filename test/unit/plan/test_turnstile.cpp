#include <catch2/catch_test_macros.hpp>

#include "fanout/plan/turnstile.hpp"

using fanout::plan::Turnstiles;

TEST_CASE("turnstile: who waits comes in order, when there is a place", "[plan]") {
  Turnstiles turnstiles(10);
  const auto door = turnstiles.add(1);
  turnstiles.enter(door);
  for (const fanout::plan::Position host : {4U, 2U, 7U}) turnstiles.wait(door, host);
  CHECK_FALSE(turnstiles.take_first());
  turnstiles.leave(door);
  CHECK(turnstiles.take_first() == 4U);
  turnstiles.enter(door);
  CHECK_FALSE(turnstiles.take_first());
  turnstiles.set_limit(door, 2);
  CHECK(turnstiles.take_first() == 2U);
  // The place has not been taken.
  CHECK(turnstiles.take_first() == 7U);
  CHECK_FALSE(turnstiles.take_first());
}

TEST_CASE("turnstile: a place at one is of no use to who waits at another", "[plan]") {
  Turnstiles turnstiles(10);
  const auto one = turnstiles.add(1);
  const auto other = turnstiles.add(1);
  turnstiles.enter(one);
  turnstiles.enter(other);
  turnstiles.wait(one, 0);
  turnstiles.wait(other, 1);
  turnstiles.leave(other);
  CHECK(turnstiles.take_first() == 1U);
  CHECK_FALSE(turnstiles.take_first());
}

TEST_CASE("turnstile: of several with a place, the one whose host comes first in the order",
          "[plan]") {
  Turnstiles turnstiles(10);
  const auto one = turnstiles.add(1);
  const auto other = turnstiles.add(1);
  turnstiles.enter(one);
  turnstiles.enter(other);
  turnstiles.wait(one, 5);
  turnstiles.wait(one, 1);
  turnstiles.wait(other, 3);
  turnstiles.leave(one);
  turnstiles.leave(other);
  CHECK(turnstiles.take_first() == 3U);
  turnstiles.enter(other);
  CHECK(turnstiles.take_first() == 5U);
}

TEST_CASE("turnstile: who is inside stays when the limit falls", "[plan]") {
  Turnstiles turnstiles(10);
  const auto door = turnstiles.add(4);
  turnstiles.enter(door, 3);
  turnstiles.set_limit(door, 1);
  CHECK(turnstiles.inside(door) == 3);
  turnstiles.wait(door, 0);
  turnstiles.leave(door);
  turnstiles.leave(door);
  CHECK_FALSE(turnstiles.take_first());
  turnstiles.leave(door);
  CHECK(turnstiles.take_first() == 0U);
}
