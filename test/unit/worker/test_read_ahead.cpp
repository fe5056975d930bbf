#include <chrono>
#include <utility>

#include <catch2/catch_test_macros.hpp>

#include "worker/read_ahead.hpp"

using namespace fanout;
using namespace std::chrono_literals;
using worker::ReadAhead;

namespace {

// A line of so many bytes a second and that round trip: what is asked for comes back after it, or when the line is free.
void run_line(ReadAhead &ahead, core::Clock::duration round_trip, double bytes_per_second) {
  core::TimePoint now{1h};
  for (int i = 0; i < 200; ++i) {
    static_cast<void>(ahead.has_room(ReadAhead::most_bytes));  // whoever asks is held back
    const std::size_t bytes = ahead.limit();
    const auto on_line = std::chrono::duration_cast<core::Clock::duration>(
        std::chrono::duration<double>(static_cast<double>(bytes) / bytes_per_second));
    now += std::max(round_trip, on_line);
    ahead.came(bytes, now);
  }
}

}  // namespace

TEST_CASE("read ahead: a short round trip needs no more than the least", "[worker]") {
  ReadAhead ahead(200us);
  run_line(ahead, 200us, 1e10);
  CHECK(ahead.limit() == ReadAhead::least_bytes);
}

TEST_CASE("read ahead: a long and fast line is filled, up to the most", "[worker]") {
  ReadAhead ahead(200ms);
  run_line(ahead, 200ms, 1e9);
  CHECK(ahead.limit() == ReadAhead::most_bytes);
}

TEST_CASE("read ahead: a slow line is not filled with what would only wait", "[worker]") {
  ReadAhead ahead(50ms);
  run_line(ahead, 50ms, 1e6);
  CHECK(ahead.limit() <= 2 * ReadAhead::least_bytes);
}

TEST_CASE("read ahead: a share counts as long as it lives, and once", "[worker]") {
  ReadAhead ahead(1ms);
  {
    ReadAhead::Share first(ahead, ReadAhead::least_bytes - 1);
    CHECK(ahead.has_room(1));
    CHECK_FALSE(ahead.has_room(2));
    const ReadAhead::Share moved(std::move(first));
    CHECK_FALSE(ahead.has_room(2));
  }
  CHECK(ahead.has_room(ReadAhead::least_bytes));
}
