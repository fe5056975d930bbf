// Precedence: written with the host, command line, host section, groups (the later wins), [defaults], built in.
#include <catch2/catch_test_macros.hpp>

#include "inventories.hpp"

namespace fanout::inventory {
namespace {

constexpr std::string_view layered =
    "[defaults]\nuser = d\nport = 1\ntimeout = 1\npriority = 1\nidentity = d\nenv.A = d\nenv.D = "
    "d\ntags = d\n"
    "[early]\nh\nuser = e\nport = 2\ntimeout = 2\npriority = 2\nenv.A = e\ntags = e\n"
    "[late]\nh\nuser = l\nport = 3\ntimeout = 3\ntags = l\n"
    "[h]\nuser = h\nport = 4\nenv.H = h\n";

std::string value(const Explanation &host, std::string_view key) {
  for (const Setting &setting : host.settings)
    if (setting.key == key) return setting.value + " from " + setting.origin;
  return "";
}

TEST_CASE("settings: the stronger source wins, setting by setting", "[inventory]") {
  const Inventory inventory = ini(layered);
  const auto found = selected(inventory, hosts("h"));
  const core::Host &host = found[0];
  CHECK(host.user == "h");
  CHECK(host.port == 4);
  CHECK(host.settings.timeout == std::chrono::seconds(3));
  CHECK(host.settings.priority == 2);
  CHECK(host.settings.identities == Names{"d"});
  CHECK(host.settings.env ==
        std::map<std::string, std::string>{{"A", "e"}, {"D", "d"}, {"H", "h"}});
  CHECK(host.settings.tags == Names{"l", "e", "d"});
}

TEST_CASE(
    "settings: the command line wins over the inventory, and what is written with the host over "
    "both",
    "[inventory]") {
  const Inventory inventory = ini(layered);
  core::HostSettings overrides;
  overrides.user = "c";
  overrides.port = 5;
  CHECK(selected(inventory, hosts("h"), overrides)[0].user == "c");
  CHECK(selected(inventory, hosts("h"), overrides)[0].port == 5);
  CHECK(selected(inventory, hosts("w@h:6"), overrides)[0].user == "w");
  CHECK(selected(inventory, hosts("w@h:6"), overrides)[0].port == 6);
  CHECK(selected(inventory, hosts("w@h:6"), overrides)[0].name == "h:6");
}

TEST_CASE("settings: hosts with the same groups are not mixed up with those beside them",
          "[inventory]") {
  const Inventory inventory = ini("[a]\na1\na2\nb1\nport = 1\n[b]\nb1\nuser = b\n[a2]\nport = 9\n");
  const auto hosts = selected(inventory, inventory::hosts("x,a1,a2,root@a1,b1,y,z"));
  REQUIRE(names_of(hosts) == Names{"x", "a1", "a2", "b1", "y", "z"});
  CHECK(hosts[0].port == 22);
  CHECK(hosts[1].port == 1);
  CHECK(hosts[1].user == "root");
  CHECK(hosts[2].port == 9);
  CHECK(hosts[2].user == "me");
  CHECK(hosts[3].user == "b");
  CHECK(hosts[4].port == 22);
  CHECK(hosts[5].user == "me");
}

TEST_CASE("settings: what nobody says is left for ssh_config, with the built-in value beside",
          "[inventory]") {
  const auto found = selected(Inventory(), hosts("h"));
  const core::Host &host = found[0];
  CHECK(!host.settings.port);
  CHECK(!host.settings.user);
  CHECK(!host.settings.address);
  CHECK(host.port == 22);
  CHECK(host.user == "me");
  CHECK(host.address == "h");
}

TEST_CASE("settings: none and no undo what a weaker source says", "[inventory]") {
  const Inventory inventory =
      ini("[defaults]\njump = j\nsudo = yes\n[a]\njump = none\n[b]\nsudo = no\n");
  const auto hosts = selected(inventory, all());
  CHECK(!hosts[0].settings.jump);
  CHECK(hosts[0].settings.sudo == "root");
  CHECK(hosts[1].settings.jump == "j");
  CHECK(!hosts[1].settings.sudo);
}

TEST_CASE("settings: each says where it comes from, and passwords are not shown", "[inventory]") {
  const Inventory inventory = ini(std::string(layered) + "[p]\npasswd = geheim\n");
  core::HostSettings overrides;
  overrides.port = 5;
  const auto choices = choose(inventory, hosts("w@h,p,x"), overrides, sources());
  REQUIRE(choices);
  const auto explanations = explain(inventory, *choices, overrides, sources());
  REQUIRE(explanations.size() == 3);
  CHECK(explanations[0].name == "h");
  CHECK(value(explanations[0], "user") == "w from written with the host");
  CHECK(value(explanations[0], "port") == "5 from command line");
  CHECK(value(explanations[0], "address") == "h from built in");
  CHECK(value(explanations[0], "timeout") == "3s from hosts.ini:18 [late]");
  CHECK(value(explanations[0], "priority") == "2 from hosts.ini:10 [early]");
  CHECK(value(explanations[0], "identity") == "d from hosts.ini:1 [defaults]");
  CHECK(value(explanations[0], "env.H") == "h from hosts.ini:24 [h]");
  CHECK(value(explanations[0], "env.A") == "e from hosts.ini:10 [early]");
  CHECK(value(explanations[0], "tags") ==
        "l, e, d from hosts.ini:18 [late], hosts.ini:10 [early], hosts.ini:1 [defaults]");
  CHECK(value(explanations[1], "password") == "*** from hosts.ini:28 [p]");
  CHECK(value(explanations[2], "user") == "d from hosts.ini:1 [defaults]");
}

TEST_CASE("settings: what is explained is what is done", "[inventory]") {
  const Inventory inventory = ini(layered);
  const auto choices = choose(inventory, hosts("h,w@h:7,other"), {}, sources());
  REQUIRE(choices);
  const auto hosts = resolve(inventory, *choices, {}, sources());
  const auto explanations = explain(inventory, *choices, {}, sources());
  REQUIRE(hosts.size() == explanations.size());
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    CHECK(value(explanations[i], "address").starts_with(hosts[i].address + " from"));
    CHECK(value(explanations[i], "port").starts_with(std::to_string(hosts[i].port) + " from"));
    CHECK(value(explanations[i], "user").starts_with(hosts[i].user + " from"));
  }
}

}  // namespace
}  // namespace fanout::inventory
