// Values with a language of their own.
#include <initializer_list>
#include <limits>

#include <catch2/catch_test_macros.hpp>

#include "../../../src/cli/values.hpp"

using namespace fanout;

TEST_CASE("values: a share is a percentage with up to two decimals and its sign", "[cli]") {
  const std::initializer_list<std::pair<const char *, std::uint32_t>> shares{
      {"0%", 0},    {"1%", 100},      {"12.5%", 1250},  {"12.50%", 1250},  {"0.01%", 1},
      {"0.1%", 10}, {"99.99%", 9999}, {"100%", 10'000}, {"100.0%", 10'000}};
  for (const auto &[text, hundredths] : shares) {
    INFO(text);
    CHECK(cli::parse_share(text).value_or(99'999) == hundredths);
  }
  for (const char *text : {"",      "%",    "50",   ".5%",  "5.%",  "1.234%",      "100.01%",
                           "101%",  "-1%",  "+1%",  "5 %",  " 5%",  "5%%",         "1.-1%",
                           "1.+1%", "0x5%", "1e1%", "1,5%", "nan%", "99999999999%"}) {
    INFO(text);
    CHECK_FALSE(cli::parse_share(text).has_value());
  }
}

TEST_CASE("values: a quantity is hosts or a share of them, and never none", "[cli]") {
  const auto hosts = cli::parse_quantity("1000000");
  REQUIRE(hosts);
  CHECK(hosts->number == 1'000'000);
  CHECK_FALSE(hosts->is_share);
  const auto share = cli::parse_quantity("0.01%");
  REQUIRE(share);
  CHECK(share->number == 1);
  CHECK(share->is_share);
  for (const char *text : {"", "0", "0%", "0.00%", "1000001", "-1", "1.5", "half", "4294967297"}) {
    INFO(text);
    CHECK_FALSE(cli::parse_quantity(text).has_value());
  }
}

TEST_CASE("values: a share of the hosts is rounded up", "[cli]") {
  CHECK(cli::parse_quantity("1%")->of(1) == 1);
  CHECK(cli::parse_quantity("10%")->of(100) == 10);
  CHECK(cli::parse_quantity("10%")->of(101) == 11);
  CHECK(cli::parse_quantity("0.01%")->of(1'000'000) == 100);
  CHECK(cli::parse_quantity("100%")->of(7) == 7);
  CHECK(cli::parse_quantity("5")->of(3) == 5);
}

TEST_CASE("values: batches are up to 64 sizes between commas", "[cli]") {
  const auto three = cli::parse_batches("1,10%,50%");
  REQUIRE(three);
  REQUIRE(three->size() == 3);
  CHECK((*three)[0].number == 1);
  CHECK((*three)[2].number == 5000);
  std::string sizes = "1";
  for (int i = 1; i < 64; ++i) sizes += ",1";
  CHECK(cli::parse_batches(sizes)->size() == 64);
  CHECK(cli::parse_batches(sizes + ",1").error().message ==
        "more than 64 sizes are given; the last one repeats");
  for (const char *text : {"", ",", "1,", ",1", "1,,2", "1, 2", "1;2", "1,x"}) {
    INFO(text);
    CHECK_FALSE(cli::parse_batches(text).has_value());
  }
}

TEST_CASE("values: an order may have a seed if it is random", "[cli]") {
  CHECK(cli::parse_order("priority")->order == core::Order::priority);
  CHECK(cli::parse_order("random")->order == core::Order::random);
  CHECK_FALSE(cli::parse_order("random")->seed);
  CHECK(cli::parse_order("random:0")->seed == 0U);
  CHECK(cli::parse_order("random:18446744073709551615")->seed ==
        std::numeric_limits<std::uint64_t>::max());
  for (const char *text : {"", "Random", "random:", "random:-1", "random:18446744073709551616",
                           "fifo:1", "random 1"}) {
    INFO(text);
    CHECK_FALSE(cli::parse_order(text).has_value());
  }
}

TEST_CASE("values: an earlier run is what of it and its journal", "[cli]") {
  CHECK(cli::parse_rerun("failed:j")->what == core::Rerun::failed);
  CHECK(cli::parse_rerun("unreached:j")->what == core::Rerun::unreached);
  CHECK(cli::parse_rerun("unfinished:j")->what == core::Rerun::unfinished);
  CHECK(cli::parse_rerun("not-ok:/a/b:c")->what == core::Rerun::not_ok);
  CHECK(cli::parse_rerun("not-ok:/a/b:c")->journal == "/a/b:c");
  for (const char *text : {"", ":", "failed", "failed:", ":j", "FAILED:j", "ok:j", "failed :j"}) {
    INFO(text);
    CHECK_FALSE(cli::parse_rerun(text).has_value());
  }
}

TEST_CASE("values: a shard is one of several, or what the environment says", "[cli]") {
  const auto shard = [](const char *text) {
    const core::Shard read = cli::parse_shard(text).value();
    return std::pair{read.index, read.count};
  };
  CHECK(shard("1/1") == std::pair{1U, 1U});
  CHECK(shard("8/8") == std::pair{8U, 8U});
  CHECK(shard("1000000/1000000") == std::pair{1'000'000U, 1'000'000U});
  CHECK(shard("auto") == std::pair{0U, 0U});
  CHECK(shard("auto/8") == std::pair{0U, 8U});
  for (const char *text : {"", "/", "1", "1/", "/2", "0/2", "3/2", "1/0", "auto/", "auto/0",
                           "1/auto", "Auto", "1/2/3", "1/1000001", "-1/2"}) {
    INFO(text);
    CHECK_FALSE(cli::parse_shard(text).has_value());
  }
}
