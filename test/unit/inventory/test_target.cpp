#include <catch2/catch_test_macros.hpp>

#include "fanout/inventory/pattern.hpp"

namespace fanout::inventory {
namespace {

TEST_CASE("target: user, host and port in all their forms", "[inventory]") {
  struct Case {
    std::string_view text;
    std::string_view name;
    std::string_view user;
    std::string_view host;
    int port;
  };
  for (const Case &good : std::initializer_list<Case>{
           {"db01", "db01", "", "db01", 0},
           {"db01.example.org.", "db01.example.org.", "", "db01.example.org.", 0},
           {"root@db01", "db01", "root", "db01", 0},
           {"db01:2222", "db01:2222", "", "db01", 2222},
           {"root@db01:65535", "db01:65535", "root", "db01", 65535},
           {"10.0.0.1:1", "10.0.0.1:1", "", "10.0.0.1", 1},
           {"::1", "::1", "", "::1", 0},
           {"[::1]", "::1", "", "::1", 0},
           {"[::1]:22", "[::1]:22", "", "::1", 22},
           {"root@[2001:db8::1]:22", "[2001:db8::1]:22", "root", "2001:db8::1", 22},
           {"root@2001:db8::1", "2001:db8::1", "root", "2001:db8::1", 0},
           {"fe80::1%eth0", "fe80::1%eth0", "", "fe80::1%eth0", 0},
           {"me@realm.org@db01", "db01", "me@realm.org", "db01", 0},
           {"CORP\\me@db01", "db01", "CORP\\me", "db01", 0},
           {"_dmarc", "_dmarc", "", "_dmarc", 0},
       }) {
    INFO(good.text);
    const auto target = parse_target(good.text);
    REQUIRE(target);
    CHECK(target->name == good.name);
    CHECK(target->user == good.user);
    CHECK(target->host() == good.host);
    CHECK(target->port == good.port);
  }
}

TEST_CASE("target: nothing that could be an option, a path, shell text or a control byte",
          "[inventory]") {
  using namespace std::string_view_literals;
  const std::string longest(255, 'a');
  CHECK(parse_target(longest));
  CHECK(!parse_target(longest + "a"));
  CHECK(!parse_target(longest + ":22"));
  for (const std::string_view text : {
           ""sv,
           "-oProxyCommand=x"sv,
           "-"sv,
           "."sv,
           ".."sv,
           "a..b"sv,
           ".hidden"sv,
           "a/b"sv,
           "../../etc"sv,
           "a b"sv,
           "a\nb"sv,
           "a\tb"sv,
           "a\x1b[31m"sv,
           "a\0b"sv,
           "fe80::1\0b"sv,
           "fe80::1\0%eth0"sv,
           "a;b"sv,
           "$(id)"sv,
           "`id`"sv,
           "a|b"sv,
           "a&b"sv,
           "a'b"sv,
           "a\"b"sv,
           "a%h"sv,
           "%h"sv,
           "a\\b"sv,
           "a{b}"sv,
           "a=b"sv,
           "a\xc3\xa4"sv,
           "a\x7f"sv,
           "#a"sv,
           "a*"sv,
           "a,b"sv,
           "a~"sv,
           "<a>"sv,
           "a!"sv,
           "@db01"sv,
           "-l@db01"sv,
           "a b@db01"sv,
           "a;b@db01"sv,
           "$(id)@db01"sv,
           "a\n@db01"sv,
           "a%u@db01"sv,
           "a'@db01"sv,
           "a\\@db01"sv,
           "\\a@db01"sv,
           "a@@db01"sv,
           "root@"sv,
           "ä@db01"sv,
           "db01:"sv,
           "db01:0"sv,
           "db01:65536"sv,
           "db01:22abc"sv,
           "db01:-1"sv,
           "db01:+22"sv,
           "db01: 22"sv,
           "db01:022"sv,
           "db01:99999999999999999999"sv,
           ":22"sv,
           "db01:22:23"sv,
           "[::1"sv,
           "[::1]22"sv,
           "[::1]:"sv,
           "[::1]:0"sv,
           "[db01]:22"sv,
           "[]:22"sv,
           "[::g]"sv,
           ":::"sv,
           "1:2:3"sv,
           "::1%"sv,
           "::1%a/b"sv,
           "::1%-x"sv,
           "::ffff:1.2.3.400"sv,
       }) {
    INFO(text);
    const auto target = parse_target(text);
    REQUIRE(!target);
    CHECK(target.error().kind == core::ErrorKind::usage);
  }
}

TEST_CASE("target: the message names what is wrong and shows control bytes as text",
          "[inventory]") {
  CHECK(parse_target("a;b").error().message ==
        "'a;b' is not a host name: it holds the character ;");
  CHECK(parse_target("a\x1b").error().message ==
        "'a\\x1b' is not a host name: it holds the byte 0x1b");
  CHECK(parse_target("db01:0").error().message ==
        "'db01:0': '0' is not a port: a number from 1 to 65535 is");
  CHECK(parse_target("-l@db01").error().message ==
        "'-l@db01': '-l' is not a user name: it begins with a dash");
  CHECK(parse_target("..").error().message == "'..' is not a host name: it begins with a dot");
}

}  // namespace
}  // namespace fanout::inventory
