#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "report/outliers.hpp"

using namespace fanout;
using core::HostIndex;
using report::Outliers;
using Hosts = std::vector<HostIndex>;

TEST_CASE("outliers: a single host is never one, nor are two that differ", "[report]") {
  Outliers outliers(20);
  CHECK(outliers.add(0, "a").hosts.empty());
  CHECK(outliers.add(1, "b").hosts.empty());
}

TEST_CASE("outliers: who differs from more than half is named at once, and how many those are",
          "[report]") {
  Outliers outliers(20);
  (void)outliers.add(0, "a");
  (void)outliers.add(1, "a");
  const auto named = outliers.add(2, "b");
  CHECK(named.hosts == Hosts{2});
  CHECK(named.others == 2);
  CHECK(outliers.add(3, "a").hosts.empty());
  const auto second = outliers.add(4, "b");
  CHECK(second.hosts == Hosts{4});
  CHECK(second.others == 3);
}

TEST_CASE("outliers: who came before there was a majority is named when there is one", "[report]") {
  Outliers outliers(20);
  CHECK(outliers.add(7, "b").hosts.empty());
  CHECK(outliers.add(3, "c").hosts.empty());
  CHECK(outliers.add(0, "a").hosts.empty());
  CHECK(outliers.add(1, "a").hosts.empty());
  CHECK(outliers.add(2, "a").hosts == Hosts{3, 7});
}

TEST_CASE("outliers: half of the hosts are no majority", "[report]") {
  Outliers outliers(20);
  for (const char *identity : {"a", "b", "c", "a"}) CHECK(outliers.add(0, identity).hosts.empty());
}

TEST_CASE("outliers: when another output becomes that of most, its first hosts are not named",
          "[report]") {
  Outliers outliers(20);
  (void)outliers.add(0, "a");
  (void)outliers.add(1, "a");
  CHECK(outliers.add(2, "b").hosts == Hosts{2});
  CHECK(outliers.add(3, "b").hosts.empty());
  CHECK(outliers.add(4, "b").hosts == Hosts{0, 1});
}

TEST_CASE("outliers: the same as by the rule, for random ends", "[report]") {
  std::mt19937 random(3);
  for (int round = 0; round < 300; ++round) {
    Outliers outliers(20);
    std::map<std::string, std::set<HostIndex>> groups;
    std::set<HostIndex> named;
    const unsigned kinds = 1 + random() % 4;
    for (HostIndex host = 0; host < 60; ++host) {
      // Mostly the first kind.
      const std::string identity(
          1, static_cast<char>('a' + (random() % 3 == 0 ? random() % kinds : 0)));
      groups[identity].insert(host);
      Hosts expected;
      for (const auto &[other, hosts] : groups) {
        if (hosts.size() < 2 || hosts.size() * 2 <= host + 1) continue;
        for (HostIndex ended = 0; ended <= host; ++ended)
          if (!hosts.contains(ended) && named.insert(ended).second) expected.push_back(ended);
      }
      REQUIRE(outliers.add(host, identity).hosts == expected);
    }
  }
}

TEST_CASE("outliers: a hundred thousand hosts that all differ are quick", "[report]") {
  Outliers outliers(20);
  std::size_t named = 0;
  for (HostIndex host = 0; host < 100'000; ++host)
    named += outliers.add(host, host % 2 == 0 ? "same" : std::to_string(host)).hosts.size();
  // The even ones come first each time: always one more than half.
  CHECK(named == 49'999);
}

TEST_CASE("outliers: in a large run the first few that end name nobody", "[report]") {
  Outliers outliers(1'000);
  CHECK(outliers.add(0, "other").hosts.empty());
  for (core::HostIndex host = 1; host < 20; ++host) CHECK(outliers.add(host, "same").hosts.empty());
  CHECK(outliers.add(20, "same").hosts == std::vector<core::HostIndex>{0});
}
