#include <chrono>
#include <random>
#include <set>

#include <catch2/catch_test_macros.hpp>

#include "fanout/inventory/pattern.hpp"
#include "inventories.hpp"

namespace fanout::inventory {
namespace {

Names expanded(std::string_view text) {
  auto targets = expand(text);
  if (!targets) FAIL(targets.error().message);
  Names names;
  for (const Target &target : *targets) names.push_back(target.name);
  return names;
}

std::string refused(std::string_view text) {
  const auto targets = expand(text);
  if (targets) return "";
  CHECK(targets.error().kind == core::ErrorKind::usage);
  return targets.error().message;
}

TEST_CASE("pattern: a range keeps leading zeros", "[inventory]") {
  CHECK(expanded("web[08-12]") == Names{"web08", "web09", "web10", "web11", "web12"});
  CHECK(expanded("web[8-11]") == Names{"web8", "web9", "web10", "web11"});
  CHECK(expanded("web[099-101]") == Names{"web099", "web100", "web101"});
  CHECK(expanded("web[098-100]") == Names{"web098", "web099", "web100"});
  CHECK(expanded("web[08,8,008]") == Names{"web08", "web8", "web008"});
  CHECK(expanded("web[0-2]") == Names{"web0", "web1", "web2"});
  CHECK(expanded("web[00-02]") == Names{"web00", "web01", "web02"});
}

TEST_CASE("pattern: a padded range grows over its width when its end is longer", "[inventory]") {
  CHECK(expanded("web[98-101]") == Names{"web98", "web99", "web100", "web101"});
  const Names names = expanded("web[08-100]");
  CHECK(names.size() == 93);
  CHECK(names.front() == "web08");
  CHECK(names.back() == "web100");
}

TEST_CASE("pattern: lists, steps and several brackets", "[inventory]") {
  CHECK(expanded("web[1,3,7-9]") == Names{"web1", "web3", "web7", "web8", "web9"});
  CHECK(expanded("web[0-100/25]") == Names{"web0", "web25", "web50", "web75", "web100"});
  CHECK(expanded("web[1-10/4]") == Names{"web1", "web5", "web9"});
  CHECK(expanded("web[01-09/4,20]") == Names{"web01", "web05", "web09", "web20"});
  CHECK(expanded("r[1-2]n[01-02]") == Names{"r1n01", "r1n02", "r2n01", "r2n02"});
  CHECK(expanded("[1-3]") == Names{"1", "2", "3"});
  CHECK(expanded("n[ 1 - 3 , 5 ]") == Names{"n1", "n2", "n3", "n5"});
  CHECK(expanded("10.0.0.[9-11]") == Names{"10.0.0.9", "10.0.0.10", "10.0.0.11"});
  CHECK(expanded("[1-2].example.org") == Names{"1.example.org", "2.example.org"});
}

TEST_CASE("pattern: ranges may stand in ports, and users before them", "[inventory]") {
  const auto targets = expand("root@127.0.0.1:[2201-2202],db[1-2]:22");
  REQUIRE(targets);
  REQUIRE(targets->size() == 4);
  CHECK((*targets)[0].name == "127.0.0.1:2201");
  CHECK((*targets)[0].user == "root");
  CHECK((*targets)[1].port == 2202);
  CHECK((*targets)[3].name == "db2:22");
  CHECK((*targets)[3].host() == "db2");
  CHECK((*targets)[3].user.empty());
}

TEST_CASE("pattern: a bracket that holds a colon is an address", "[inventory]") {
  CHECK(expanded("[2001:db8::1]:22,user@[::1],::1") == Names{"[2001:db8::1]:22", "::1"});
  CHECK(expanded("[2001:db8::1]:[22-23]") == Names{"[2001:db8::1]:22", "[2001:db8::1]:23"});
  CHECK(expanded("2001:db8::[1-3]") == Names{"2001:db8::1", "2001:db8::2", "2001:db8::3"});
  CHECK(expanded("[fe80::1%eth0]:22") == Names{"[fe80::1%eth0]:22"});
}

TEST_CASE("pattern: operators are applied from left to right", "[inventory]") {
  CHECK(expanded("a,b") == Names{"a", "b"});
  CHECK(expanded("a[1-5]!a[2-3]") == Names{"a1", "a4", "a5"});
  CHECK(expanded("a[1-5]&a[4-9]") == Names{"a4", "a5"});
  CHECK(expanded("a[1-3]^a[3-4]") == Names{"a1", "a2", "a4"});
  CHECK(expanded("a,b&b") == Names{"b"});
  CHECK(expanded("a&b,c") == Names{"c"});
  CHECK(expanded("a[1-2]!a1^a3") == Names{"a2", "a3"});
  CHECK(expanded("a[1-9]!a[2-3]&a[1-4],b") == Names{"a1", "a4", "b"});
}

TEST_CASE("pattern: blanks do not matter around operators, and are a union between words",
          "[inventory]") {
  CHECK(expanded("  a1 , a2 ! a1\t& a2 ") == Names{"a2"});
  CHECK(expanded("a1 a2  a3") == Names{"a1", "a2", "a3"});
}

TEST_CASE("pattern: the result has each host once, in order of first mention", "[inventory]") {
  CHECK(expanded("b,a,b,a[1-2],a,a1") == Names{"b", "a", "a1", "a2"});
  CHECK(expanded("a,b!a,c,a") == Names{"a", "b", "c"});
}

TEST_CASE("pattern: what is malformed is refused and named", "[inventory]") {
  struct Case {
    std::string_view pattern;
    std::string_view message;
  };
  for (const Case &wrong : std::initializer_list<Case>{
           {"web[9-1]", "'web[9-1]': the range 9-1 runs backwards"},
           {"web[1-5/0]", "'web[1-5/0]': a step of 0"},
           {"web[5/2]", "'web[5/2]': a step needs a range, as in [0-100/10]"},
           {"web[1-5/]", "'web[1-5/]': a number is missing in the brackets"},
           {"web[]", "'web[]': empty brackets"},
           {"web[ ]", "'web[ ]': empty brackets"},
           {"web[1", "'web[1': a [ without its ]"},
           {"web1]", "'web1]': a ] without its ["},
           {"web[1[2]]", "'web[1[2]]': a bracket inside a bracket"},
           {"web[1,]", "'web[1,]': a number is missing in the brackets"},
           {"web[,1]", "'web[,1]': a number is missing in the brackets"},
           {"web[1-]", "'web[1-]': a number is missing in the brackets"},
           {"a[-1]", "'a[-1]': a number is missing in the brackets"},
           {"web[a-c]", "'web[a-c]': 'a' is not a number"},
           {"web[1-2-3]", "'web[1-2-3]': '2-3' is not a number"},
           {"web[+1-2]", "'web[+1-2]': '+1' is not a number"},
           {"web[8-012]", "'web[8-012]': 8 and 012 are padded differently"},
           {"web[001-12]", "'web[001-12]': 001 and 12 are padded differently"},
           {"web[01-012]", "'web[01-012]': 01 and 012 are padded differently"},
           {"a[12345678901234567890]",
            "'a[12345678901234567890]': '12345678901234567890' has more than 18 digits"},
           {"a[1-12345678901234567890]",
            "'a[1-12345678901234567890]': '12345678901234567890' has more than 18 digits"},
           {"", "an empty pattern"},
           {"  ", "an empty pattern"},
           {",a", "',a': nothing stands before the ,"},
           {"a,,b", "'a,,b': nothing stands after a ,"},
           {"a,", "'a,': nothing stands after a ,"},
           {"a !", "'a !': nothing stands after a !"},
           {"a,!b", "'a,!b': nothing stands after a ,"},
           {"!a", "'!a': nothing stands before the !"},
           {"@", "'@': the name of a group is missing"},
           {"~", "'~': the regular expression is missing"},
           {"@db", "'db': groups need an inventory"},
           {"web*", "'web*': globs and regular expressions need an inventory"},
           {"~web", "'~web': globs and regular expressions need an inventory"},
           {"root@web*", "'root@web*': a glob matches names alone and takes no user"},
       }) {
    INFO(wrong.pattern);
    CHECK(refused(wrong.pattern) == wrong.message);
  }
}

TEST_CASE("pattern: a bad regular expression is refused where it is written", "[inventory]") {
  for (const std::string_view pattern : {"~web(", "~[a", "~*", "a,~x{2,1}"}) {
    INFO(pattern);
    CHECK(refused(pattern).find("is not a regular expression") != std::string::npos);
  }
  CHECK(refused("~(a)\\1") == "'~(a)\\1': back-references are not supported");
  CHECK(refused("~" + std::string(1001, 'a')).find("more than 1000 bytes") != std::string::npos);
}

TEST_CASE("pattern: a regular expression ends at the next operator outside its own brackets",
          "[inventory]") {
  const auto words = [](std::string_view text) {
    const auto pattern = Pattern::parse(text);
    if (!pattern) FAIL(pattern.error().message);
    Names written;
    for (const Pattern::Term &term : pattern->terms()) written.push_back(term.written);
    return written;
  };
  CHECK(words("~web\\d{1,3},db01") == Names{"~web\\d{1,3}", "db01"});
  CHECK(words("~a(b,c|d&e),f") == Names{"~a(b,c|d&e)", "f"});
  CHECK(words("~a[,!&^ ]b!c") == Names{"~a[,!&^ ]b", "c"});
  CHECK(words("~a\\,b,c") == Names{"~a\\,b", "c"});
  CHECK(words("~^web|^db^c") == Names{"~^web|^db", "c"});
  CHECK(words("~^(?!web) x") == Names{"~^(?!web)", "x"});
  CHECK(words("@~^db,x") == Names{"@~^db", "x"});
}

TEST_CASE("pattern: too many names are refused before they are made", "[inventory]") {
  std::string thirty;
  for (int i = 0; i < 30; ++i) thirty += "a[0-9]";
  std::string sum = "a[1-600000],b[1-600000]";
  for (const std::string &pattern :
       {std::string("a[1-999999999]"), std::string("a[1-99999][1-99999]"), thirty, sum,
        std::string("a[0-999999999999999999]"), std::string("a[1-1000001]"),
        std::string("a[0-999999999999999999,0-999999999999999999][0-999999999999999999]")}) {
    INFO(pattern);
    const auto begin = std::chrono::steady_clock::now();
    CHECK(refused(pattern).ends_with("stands for more than 1000000 names"));
    // Making a million names takes a hundred times as long, a billion does not fit.
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::milliseconds(20));
  }
  CHECK(Pattern::parse("a[1-1000000]"));
}

TEST_CASE("pattern: a glob with a thousand ranges is as far as it goes", "[inventory]") {
  CHECK(Pattern::parse("a[1-1000]*"));
  CHECK(!Pattern::parse("a[1-1001]*"));
}

TEST_CASE("pattern: the count is the size of the expansion", "[inventory]") {
  std::mt19937 random(20240607);
  const auto number = [&](unsigned below) { return static_cast<unsigned>(random() % below); };
  for (int round = 0; round < 500; ++round) {
    std::string text = "n";
    const unsigned brackets = number(4);
    for (unsigned bracket = 0; bracket < brackets; ++bracket) {
      text += '[';
      const unsigned ranges = 1 + number(3);
      // Apart from each other, so that no name is made twice.
      unsigned first = number(5);
      for (unsigned range = 0; range < ranges; ++range) {
        if (range > 0) text += ',';
        const unsigned last = first + number(6);
        text += std::to_string(first);
        if (last != first || number(2) == 0) {
          text += "-" + std::to_string(last);
          if (number(3) == 0) text += "/" + std::to_string(1 + number(4));
        }
        first = last + 1 + number(3);
      }
      text += "]x";
    }
    INFO(text);
    const auto pattern = Pattern::parse(text);
    REQUIRE(pattern);
    const Names names = expanded(text);
    CHECK(pattern->count() == names.size());
    CHECK(std::set<std::string>(names.begin(), names.end()).size() == names.size());
  }
}

TEST_CASE("pattern: no text makes the parser do anything but answer", "[inventory]") {
  constexpr std::string_view alphabet = "ab01[]-,/!&^@~*?:%. \\()\t\x01\xff";
  std::mt19937 random(7);
  for (int round = 0; round < 20000; ++round) {
    std::string text;
    for (std::size_t length = random() % 24; length > 0; --length)
      text += alphabet[random() % alphabet.size()];
    INFO(text);
    const auto pattern = Pattern::parse(text);
    if (!pattern) {
      CHECK(pattern.error().kind == core::ErrorKind::usage);
      continue;
    }
    if (pattern->count() > 100000) continue;
    const auto targets = expand(text);
    if (targets) CHECK(targets->size() <= pattern->count());
  }
}

}  // namespace
}  // namespace fanout::inventory
