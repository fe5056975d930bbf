#include <string>

#include <catch2/catch_test_macros.hpp>

#include "fanout/core/error.hpp"
#include "worker/listing_check.hpp"

using namespace fanout;
using core::ErrorKind;
using worker::ListingCheck;

TEST_CASE("listing: a name that comes twice is refused, and only the second", "[worker]") {
  ListingCheck check;
  for (int i = 0; i < 5'000; ++i) REQUIRE_FALSE(check.fault_of("/srv", "file" + std::to_string(i)));
  CHECK(check.names() == 5'000);
  for (int i = 0; i < 5'000; i += 7) {
    const auto fault = check.fault_of("/srv", "file" + std::to_string(i));
    REQUIRE(fault);
    CHECK(fault->kind == ErrorKind::protocol);
  }
  CHECK_FALSE(check.fault_of("/srv", "file5000"));
}

TEST_CASE("listing: a name that leads elsewhere is a fault of the server", "[worker]") {
  ListingCheck check;
  const std::string with_nul("a\0b", 3);
  for (const std::string &name :
       {std::string(), std::string(".."), std::string("."), std::string("../x"),
        std::string("/etc/passwd"), with_nul, std::string(256, 'x')}) {
    CAPTURE(name);
    const auto fault = check.fault_of("/srv", name);
    REQUIRE(fault);
    CHECK(fault->kind == ErrorKind::protocol);
    CHECK(fault->message.size() < 256);
    CHECK(fault->message.starts_with("/srv: "));
  }
  for (const std::string name : {"a\nb", "-rf", "\xff\xfe", " ", "...", "a\\b", "~"}) {
    CAPTURE(name);
    CHECK_FALSE(check.fault_of("/srv", name));
  }
}

TEST_CASE("listing: names of every length are told apart by each of their bytes", "[worker]") {
  ListingCheck check;
  for (std::size_t length = 1; length <= 255; ++length) {
    std::string name(length, 'x');
    REQUIRE_FALSE(check.fault_of("/srv", name));
    for (char &c : name) {
      c = 'y';
      CHECK_FALSE(check.fault_of("/srv", name));
      c = 'x';
    }
  }
}

TEST_CASE("listing: one without end is given up", "[worker]") {
  ListingCheck empty;
  bool ended = false;
  for (int i = 0; i < 100 && !ended; ++i) ended = !empty.part("/srv", 0);
  CHECK(ended);

  ListingCheck same;
  ended = false;
  for (int i = 0; i < 10'000 && !ended; ++i) {
    static_cast<void>(same.fault_of("/srv", "same"));
    ended = !same.part("/srv", 1);
  }
  CHECK(ended);

  ListingCheck long_one;
  for (std::size_t i = 0; i < worker::max_entries_of_directory / 1'000; ++i)
    REQUIRE(long_one.part("/srv", 1'000));
  const auto more = long_one.part("/srv", 1);
  REQUIRE_FALSE(more);
  CHECK(more.error().kind == ErrorKind::remote);
}
