#include <catch2/catch_test_macros.hpp>

#include "fanout/core/nearest.hpp"

using namespace fanout::core;

TEST_CASE("nearest: a slip of the finger finds its word", "[core]") {
  const std::vector<std::string> known = {"--parallel", "--port", "--pick", "web", "db"};
  CHECK(nearest("--paralel", known) == "--parallel");
  CHECK(nearest("--prot", known) == "--port");
  CHECK(nearest("wbe", known) == "web");
  CHECK(nearest("bd", known) == "db");
}

TEST_CASE("nearest: a word that is far from everything finds nothing", "[core]") {
  const std::vector<std::string> known = {"--parallel", "web", "db"};
  CHECK_FALSE(nearest("storage", known));
  CHECK_FALSE(nearest("", known));
  CHECK_FALSE(nearest("x", {}));
  CHECK_FALSE(nearest(std::string(10'000, 'a'), known));
}

TEST_CASE("nearest: the first of equally near words", "[core]") {
  CHECK(nearest("wec", {"web", "wed"}) == "web");
}
