#include <algorithm>
#include <chrono>
#include <random>
#include <set>

#include <catch2/catch_test_macros.hpp>

#include "fanout/inventory/fold.hpp"
#include "fanout/inventory/pattern.hpp"
#include "inventories.hpp"

namespace fanout::inventory {
namespace {

std::string folded(const Names &names) { return fold(std::span<const std::string>(names)); }

std::set<std::string> unfolded(const std::string &text) {
  auto targets = expand(text);
  if (!targets) FAIL(text << ": " << targets.error().message);
  std::set<std::string> names;
  for (const Target &target : *targets) names.insert(target.name);
  return names;
}

TEST_CASE("fold: names become ranges", "[inventory]") {
  CHECK(folded({}).empty());
  CHECK(folded({"db"}) == "db");
  CHECK(folded({"db01"}) == "db01");
  CHECK(folded({"web01", "web02", "web03"}) == "web[01-03]");
  CHECK(folded({"web1", "web2"}) == "web[1-2]");
  CHECK(folded({"web3", "web1", "web2", "web7"}) == "web[1-3,7]");
  CHECK(folded({"1", "2", "4"}) == "[1-2,4]");
  CHECK(folded({"web1", "web1"}) == "web1");
}

TEST_CASE("fold: the gap of one failed host is seen", "[inventory]") {
  Names names;
  for (int i = 1; i <= 20; ++i)
    if (i != 7) names.push_back((i < 10 ? "web0" : "web") + std::to_string(i));
  CHECK(folded(names) == "web[01-06,08-20]");
}

TEST_CASE("fold: padding is part of the name", "[inventory]") {
  CHECK(folded({"web8", "web9", "web10"}) == "web[8-10]");
  CHECK(folded({"web08", "web09", "web10"}) == "web[08-10]");
  CHECK(folded({"web099", "web100"}) == "web[099-100]");
  CHECK(folded({"web1", "web01", "web001"}) == "web1,web01,web001");
  CHECK(folded({"web0", "web1"}) == "web[0-1]");
  CHECK(folded({"web00", "web01"}) == "web[00-01]");
  CHECK(folded({"web10", "web11"}) == "web[10-11]");
  CHECK(folded({"web08", "web9"}) == "web08,web9");
}

TEST_CASE("fold: several numbers fold where they differ", "[inventory]") {
  CHECK(folded({"r1n01", "r1n02", "r2n01", "r2n02"}) == "r[1-2]n[01-02]");
  CHECK(folded({"r1n01", "r1n02", "r2n01"}) == "r1n[01-02],r2n01");
  CHECK(folded({"a1-x", "a2-x", "a3-y"}) == "a[1-2]-x,a3-y");
  CHECK(folded({"db1.rack7", "db2.rack7"}) == "db[1-2].rack7");
  CHECK(folded({"127.0.0.1", "127.0.0.2", "127.0.0.3"}) == "127.0.0.[1-3]");
  CHECK(folded({"10.0.0.1", "10.0.1.1"}) == "10.0.[0-1].1");
  CHECK(folded({"127.0.0.1:2201", "127.0.0.1:2202"}) == "127.0.0.1:[2201-2202]");
}

TEST_CASE("fold: a rack in full is one word", "[inventory]") {
  Names names;
  for (int rack = 1; rack <= 4; ++rack)
    for (int node = 1; node <= 16; ++node)
      names.push_back("r" + std::to_string(rack) + "n" + (node < 10 ? "0" : "") +
                      std::to_string(node));
  CHECK(folded(names) == "r[1-4]n[01-16]");
  std::shuffle(names.begin(), names.end(), std::mt19937(1));
  CHECK(folded(names) == "r[1-4]n[01-16]");
}

TEST_CASE("fold: the order is that of the first mention, then of the numbers", "[inventory]") {
  CHECK(folded({"web2", "db1", "web1", "mail"}) == "web[1-2],db1,mail");
  CHECK(folded({"n9x1", "n1x5", "n1x4"}) == "n1x[4-5],n9x1");
}

TEST_CASE("fold: an IPv6 address in brackets keeps them", "[inventory]") {
  CHECK(folded({"[::1]:2201", "[::1]:2202"}) == "[::1]:[2201-2202]");
  CHECK(folded({"[::1]:22", "[::2]:22"}) == "[::1]:22,[::2]:22");
  CHECK(folded({"2001:db8::1", "2001:db8::2"}) == "2001:db8::[1-2]");
}

TEST_CASE("fold: numbers too long for a range stay text", "[inventory]") {
  const std::string digits(19, '1');
  CHECK(folded({"a" + digits + "x1", "a" + digits + "x2"}) == "a" + digits + "x[1-2]");
  CHECK(folded({"a" + digits}) == "a" + digits);
  CHECK(folded({"a999999999999999998", "a999999999999999999"}) ==
        "a[999999999999999998-999999999999999999]");
}

TEST_CASE("fold: text that is no name at all comes back as it is", "[inventory]") {
  CHECK(folded({"a#1", "a5", "a#2"}) == "a#1,a5,a#2");
  CHECK(folded({""}).empty());
}

TEST_CASE("fold: expanding what was folded gives the same names", "[inventory]") {
  std::mt19937 random(20240608);
  const auto number = [&](unsigned below) { return static_cast<unsigned>(random()) % below; };
  constexpr std::string_view letters = "ab.-_";
  for (int round = 0; round < 2000; ++round) {
    Names names;
    for (unsigned count = 1 + number(40); count > 0; --count) {
      std::string name = "n";
      for (unsigned part = number(7); part > 0; --part) {
        if (number(3) == 0 && name.back() != '.') {
          name += letters[number(letters.size())];
        } else {
          std::string digits = std::to_string(number(number(2) == 0 ? 12 : 120));
          if (number(3) == 0) digits.insert(0, number(3), '0');
          name += digits;
        }
      }
      names.push_back(name);
    }
    const std::string text = folded(names);
    INFO(text);
    CHECK(unfolded(text) == std::set<std::string>(names.begin(), names.end()));
  }
}

TEST_CASE("fold: random names without any order in them stay what they are", "[inventory]") {
  std::mt19937 random(5);
  constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyz0123456789";
  Names names;
  for (int i = 0; i < 5000; ++i) {
    std::string name = "h";
    for (int k = 0; k < 11; ++k) name += letters[random() % letters.size()];
    names.push_back(name);
  }
  CHECK(unfolded(folded(names)) == std::set<std::string>(names.begin(), names.end()));
}

TEST_CASE("fold: a hundred thousand names are no matter", "[inventory]") {
  Names names;
  for (int i = 0; i < 100000; ++i)
    names.push_back("web" + std::to_string(1000000 + i * 7919 % 100000) + ".example.org");
  const auto begin = std::chrono::steady_clock::now();
  CHECK(folded(names) == "web[1000000-1099999].example.org");
  // Far from what it takes, and near to nothing that is quadratic.
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(5));
}

}  // namespace
}  // namespace fanout::inventory
