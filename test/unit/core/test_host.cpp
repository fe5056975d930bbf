#include <catch2/catch_test_macros.hpp>

#include "fanout/core/host.hpp"

using namespace fanout::core;

TEST_CASE("host settings: the stronger source keeps what it says, the weaker fills in the rest",
          "[core]") {
  HostSettings strong;
  strong.user = "root";
  strong.env = {{"A", "strong"}};
  strong.tags = {"x"};
  HostSettings weak;
  weak.user = "deploy";
  weak.port = 2222;
  weak.identities = {"key"};
  weak.env = {{"A", "weak"}, {"B", "weak"}};
  weak.tags = {"x", "y"};
  weak.host_key = HostKeyPolicy::accept_new;
  strong.fill_from(weak);
  CHECK(strong.user == "root");
  CHECK(strong.port == 2222);
  CHECK(strong.identities == std::vector<std::string>{"key"});
  CHECK(strong.env == std::map<std::string, std::string>{{"A", "strong"}, {"B", "weak"}});
  CHECK(strong.tags == std::vector<std::string>{"x", "y"});
  CHECK(strong.host_key == HostKeyPolicy::accept_new);
}

TEST_CASE("host settings: a password hides a weaker password command, and the reverse", "[core]") {
  HostSettings weak;
  weak.password_command = "pass show db";
  HostSettings strong;
  strong.password = Secret("s3cret");
  strong.fill_from(weak);
  CHECK_FALSE(strong.password_command);

  HostSettings by_command;
  by_command.password_command = "pass show db";
  by_command.fill_from(strong);
  CHECK_FALSE(by_command.password);

  HostSettings empty;
  empty.fill_from(strong);
  REQUIRE(empty.password);
  CHECK(empty.password->reveal() == "s3cret");
}
