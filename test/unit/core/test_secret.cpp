#include <type_traits>

#include <catch2/catch_test_macros.hpp>

#include "fanout/core/secret.hpp"

using namespace fanout::core;

TEST_CASE("secret: it cannot be copied by accident", "[core]") {
  STATIC_CHECK_FALSE(std::is_copy_constructible_v<Secret>);
  STATIC_CHECK_FALSE(std::is_copy_assignable_v<Secret>);
}

TEST_CASE("secret: wiping overwrites the bytes where they stood", "[core]") {
  std::string text = "a password that is longer than any small-string buffer";
  const char *const place = text.data();
  const std::size_t size = text.size();
  wipe(text);
  CHECK(text.empty());
  // The string keeps its memory, so the place is still ours to look at.
  for (std::size_t i = 0; i < size; ++i) CHECK(place[i] == '\0');
}

TEST_CASE("secret: moving leaves nothing behind, not even of a short one", "[core]") {
  Secret first(std::string("short"));
  const Secret second(std::move(first));
  CHECK(second.reveal() == "short");
  CHECK(first.empty());  // NOLINT(bugprone-use-after-move): what is left is what this is about
  Secret third;
  third = second.clone();
  CHECK(third.reveal() == "short");
}
