#include <catch2/catch_test_macros.hpp>

#include "fanout/inventory/listing.hpp"
#include "inventories.hpp"

namespace fanout::inventory {
namespace {

constexpr std::string_view text =
    "[db]\ndb[01-03]\ntags = prod\n[db02]\nip = ::1\nport = 2222\nuser = root\npasswd = "
    "geheim\npriority = 3\nidentity = k\n"
    "jump = j\nhost_key = off\nsudo = yes\ntimeout = 1500ms\nconnect_timeout = 5\nenv.TOKEN = "
    "geheim\n"
    "[db03]\npassword_command = pass x\n";

TEST_CASE("listing: folded on one line, or a name a line in the order of selection",
          "[inventory]") {
  const auto choices = choose(ini(text), hosts("db03,@db,mail"), {}, sources());
  REQUIRE(choices);
  CHECK(format_fold(*choices) == "db[01-03],mail\n");
  CHECK(format_expand(*choices) == "db03\ndb01\ndb02\nmail\n");
}

TEST_CASE("listing: JSON has an object a line and no secret", "[inventory]") {
  CHECK(
      format_json(selected(ini(text), all())) ==
      R"({"v":1,"host":"db01","name":"db01","address":"db01","port":22,"user":"me","groups":["db"],"tags":["prod"]})"
      "\n"
      R"({"v":1,"host":"db02","name":"db02","address":"::1","port":2222,"user":"root","groups":["db"],"tags":["prod"],"priority":3,)"
      R"("identities":["k"],"jump":"j","host_key":"off","sudo":"root","connect_timeout":5.0,"timeout":1.5,"password":true})"
      "\n"
      R"({"v":1,"host":"db03","name":"db03","address":"db03","port":22,"user":"me","groups":["db"],"tags":["prod"],"password":true})"
      "\n");
}

TEST_CASE("listing: effective settings are a table a host", "[inventory]") {
  const Inventory inventory =
      ini("[defaults]\nuser = deploy\n[db01]\nip = 10.0.0.31\npasswd = geheim\n");
  const auto choices = choose(inventory, hosts("db01,x"), {}, sources());
  REQUIRE(choices);
  CHECK(format_effective(explain(inventory, *choices, {}, sources())) ==
        "db01\n"
        "  address   10.0.0.31  hosts.ini:3 [db01]\n"
        "  port      22         built in\n"
        "  user      deploy     hosts.ini:1 [defaults]\n"
        "  password  ***        hosts.ini:3 [db01]\n"
        "\n"
        "x\n"
        "  address  x       built in\n"
        "  port     22      built in\n"
        "  user     deploy  hosts.ini:1 [defaults]\n");
}

}  // namespace
}  // namespace fanout::inventory
