#include <catch2/catch_test_macros.hpp>

#include "fanout/core/names.hpp"

using namespace fanout::core;

TEST_CASE("names: users as they are called in practice", "[core]") {
  for (const char *user : {"root", "www-data", "_apt", "a.b+c", "svc@EXAMPLE.ORG", "DOMAIN\\user"})
    CHECK_FALSE(wrong_with_user(user));
  CHECK_FALSE(wrong_with_user(std::string(255, 'x')));
}

TEST_CASE("names: a user that could mean something else is refused, with the reason", "[core]") {
  CHECK(wrong_with_user("") == "it is empty");
  CHECK(wrong_with_user(std::string(256, 'x')) == "it is longer than 255 bytes");
  CHECK(wrong_with_user("-oProxyCommand") == "it begins with a dash");
  CHECK(wrong_with_user("a b") == "it holds a blank");
  CHECK(wrong_with_user("a\x1b[31m") == "it holds the byte 0x1b");
  CHECK(wrong_with_user("a\xc3\xa4") == "it holds the byte 0xc3");
  CHECK(wrong_with_user("a:b") == "it holds the character :");
  CHECK(wrong_with_user("%u") == "it holds the character %");
  CHECK(wrong_with_user("$(id)") == "it holds the character $");
  CHECK(wrong_with_user("a;b") == "it holds the character ;");
  CHECK(wrong_with_user("root@") == "the @ stands at its end");
  CHECK(wrong_with_user("\\root") == "the \\ stands at its end");
}

TEST_CASE("names: a port is digits alone, without a leading zero", "[core]") {
  CHECK(parse_port("1") == 1);
  CHECK(parse_port("65535") == 65535);
  for (const char *text :
       {"", "0", "022", "00", "65536", "+22", "-22", " 22", "22 ", "0x16", "ssh"}) {
    INFO(text);
    CHECK_FALSE(parse_port(text));
  }
}
