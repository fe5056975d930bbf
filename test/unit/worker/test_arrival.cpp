#include <string>

#include <catch2/catch_test_macros.hpp>

#include "worker/arrival.hpp"

using namespace fanout;
using worker::next_data;

TEST_CASE("arrival: zeros of whole blocks of the file are not written", "[worker]") {
  const std::string zeros(3 * 4096, '\0');
  CHECK(next_data(zeros, 0, 0).length == 0);
  CHECK(next_data(zeros, 17, 0).length == 0);

  std::string one = zeros;
  one[5000] = 'x';
  const auto run = next_data(one, 0, 0);
  CHECK(run.begin == 4096);
  CHECK(run.length == 4096);
  CHECK(next_data(one, 0, run.begin + run.length).length == 0);
}

TEST_CASE("arrival: blocks are those of the file, wherever a piece of it begins", "[worker]") {
  std::string bytes(8192, '\0');
  bytes[0] = 'x';  // at 4000 of the file: its block ends at 4096
  const auto run = next_data(bytes, 4000, 0);
  CHECK(run.begin == 0);
  CHECK(run.length == 96);
}

TEST_CASE("arrival: every byte that is not zero is in some run, in its place", "[worker]") {
  std::string bytes(100'000, '\0');
  for (const std::size_t at : {0U, 4095U, 4096U, 50'000U, 99'999U}) bytes[at] = 'x';
  for (const std::uint64_t offset : {0U, 1U, 4095U, 12'345U}) {
    std::string written(bytes.size(), '\0');
    std::size_t count = 0;
    for (std::size_t at = 0;;) {
      const auto run = next_data(bytes, offset, at);
      if (run.length == 0) break;
      REQUIRE(run.begin >= at);
      written.replace(run.begin, run.length, bytes, run.begin, run.length);
      at = run.begin + run.length;
      count += run.length;
    }
    CHECK(written == bytes);
    CHECK(count <= 6U * 4096);
  }
}
