#include <limits>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include "fanout/pool/capacity.hpp"

using namespace fanout::pool;

namespace {
constexpr std::uint64_t plenty = std::numeric_limits<std::uint64_t>::max();
}

TEST_CASE("capacity: what was asked for, when the machine carries it", "[pool]") {
  const Capacity result = capacity({1'000'000, plenty, 100ULL << 30}, 64, 500);
  CHECK(result.workers == 64);
  CHECK(result.note.empty());
}

TEST_CASE("capacity: never more than there are hosts, and auto is all of them", "[pool]") {
  CHECK(capacity({1'000'000, plenty, 100ULL << 30}, 64, 5).workers == 5);
  CHECK(capacity({1'000'000, plenty, 100ULL << 30}, 0, 5000).workers == 5000);
}

TEST_CASE("capacity: too few descriptors reduce it and the note says how many are needed",
          "[pool]") {
  const Capacity result = capacity({1024, plenty, 100ULL << 30}, 1000, 1000);
  CHECK(result.workers == 960);
  CHECK(result.note ==
        "960 instead of 1000 at once: open files are limited to 1024 (ulimit -n 1064 is needed)");
}

TEST_CASE("capacity: so do too few processes and too little memory", "[pool]") {
  CHECK(capacity({1'000'000, 109, 100ULL << 30}, 1000, 1000).workers == 100);
  CHECK(capacity({1'000'000, 109, 100ULL << 30}, 1000, 1000).note.find("ulimit -u") !=
        std::string::npos);
  CHECK(capacity({1'000'000, plenty, 50 << 20}, 1000, 1000).workers == 50);
  CHECK(capacity({1'000'000, plenty, 50 << 20}, 1000, 1000).note.find("50 MiB") !=
        std::string::npos);
}

TEST_CASE("capacity: one worker is always tried", "[pool]") {
  CHECK(capacity({10, 1, 0}, 64, 64).workers == 1);
}

TEST_CASE("capacity: the reason for a single worker is the limit that leaves none at all",
          "[pool]") {
  CHECK(capacity({40, plenty, 100ULL << 30}, 32, 32).note ==
        "1 instead of 32 at once: open files are limited to 40 (ulimit -n 96 is needed)");
  for (const std::uint64_t processes : {3, 6, 9})
    CHECK(
        capacity({1'000'000, processes, 100ULL << 30}, 32, 32).note ==
        fmt::format("1 instead of 32 at once: processes are limited to {} (ulimit -u)", processes));
  CHECK(capacity({1'000'000, plenty, 1000}, 32, 32).note ==
        "1 instead of 32 at once: 0 MiB of memory are free");
}
