#include <catch2/catch_test_macros.hpp>

#include "fanout/plan/placeholders.hpp"

using namespace fanout;
using plan::fill_placeholders;

namespace {

core::Host sample() {
  core::Host host;
  host.name = "web01";
  host.address = "10.0.0.1";
  host.port = 2222;
  host.user = "deploy";
  return host;
}

std::string filled(std::string_view command) { return fill_placeholders(command, sample(), 4, 20); }

}  // namespace

TEST_CASE("placeholders: each one stands for its value", "[plan]") {
  CHECK(filled("echo {host} {address} {port} {user} {index}/{count}") ==
        "echo web01 10.0.0.1 2222 deploy 4/20");
  CHECK(filled("{host}{host}") == "web01web01");
}

TEST_CASE("placeholders: two braces are one, and hide a placeholder", "[plan]") {
  CHECK(filled("{{host}") == "{host}");
  CHECK(filled("{{{host}") == "{web01");
}

TEST_CASE("placeholders: braces of shells and of awk stay as they are", "[plan]") {
  for (const char *command : {"awk '{print $1}'", "echo ${HOME}", "a{b,c}d", "f() { echo; }", "{",
                              "}", "{host", "{Host}", "{}"})
    CHECK(filled(command) == command);
}

TEST_CASE("placeholders: a value is one word for the shell, whatever is in it", "[plan]") {
  core::Host host = sample();
  host.name = "a b'c$(id)";
  CHECK(fill_placeholders("echo {host}", host, 0, 1) == "echo 'a b'\\''c$(id)'");
  host.name = "";
  CHECK(fill_placeholders("echo {host}", host, 0, 1) == "echo ''");
}
