// Which hosts a group comes to, and where their settings come from.
#include <catch2/catch_test_macros.hpp>

#include "inventories.hpp"

namespace fanout::inventory {
namespace {

TEST_CASE("groups: a member that is a group brings its members", "[inventory]") {
  const Inventory inventory =
      ini("[all_db]\ndb = db\nextra\nhosts = @edge\n[db]\ndb01\ndb02\n[edge]\nedge1\ndb01\n");
  CHECK(names_of(selected(inventory, groups("all_db"))) == Names{"db01", "db02", "extra", "edge1"});
  CHECK(selected(inventory, hosts("db01"))[0].groups == Names{"all_db", "db", "edge"});
}

TEST_CASE("groups: members in a pattern may be groups too", "[inventory]") {
  const Inventory inventory = ini("[x]\nhosts = db[1-2] ! a2\n[db1]\na1\na2\n[db2]\na3\n");
  CHECK(names_of(selected(inventory, groups("x"))) == Names{"a1", "a3"});
}

TEST_CASE("groups: order in the file does not matter for looking up", "[inventory]") {
  const Inventory inventory = ini("[a]\nb\n[b]\nc\n[c]\nd\n");
  CHECK(names_of(selected(inventory, groups("a"))) == Names{"d"});
}

TEST_CASE("groups: every host of the inventory, in the order of the file", "[inventory]") {
  const Inventory inventory = ini("[z]\nz2\nz1\n[solo]\nport = 1\n[y]\ny1\nz1\n");
  CHECK(names_of(selected(inventory, all())) == Names{"z2", "z1", "solo", "y1"});
  CHECK(inventory.host_names() == Names{"z2", "z1", "solo", "y1"});
  CHECK(inventory.host_count() == 4);
  CHECK(inventory.groups() == Names{"z", "y"});
}

TEST_CASE("groups: a section of settings alone is a host, with or without a group", "[inventory]") {
  const Inventory inventory = ini("[db01]\nport = 7\n[empty]\n[g]\nempty\n");
  CHECK(names_of(selected(inventory, all())) == Names{"db01", "empty"});
  CHECK(selection_error(inventory, groups("db01")) ==
        "-g: there is no group 'db01' in hosts.ini, but a host: -H db01");
}

TEST_CASE("groups: what a pattern takes out is no host of the inventory for that", "[inventory]") {
  const Inventory inventory = ini("[web]\nhosts = web[1-3] ! web2\n");
  CHECK(names_of(selected(inventory, all())) == Names{"web1", "web3"});
}

TEST_CASE("groups: globs and regexes choose from the names that are written out, wherever that is",
          "[inventory]") {
  const Inventory inventory =
      ini("[odd]\nhosts = ~[13579]$\n[webs]\nhosts = web*, x\n[w1]\nhosts = "
          "web[1-3]\n[w2]\nweb7\ndb1\n[webhost]\nport = 1\n");
  CHECK(names_of(selected(inventory, groups("odd"))) == Names{"web1", "web3", "web7", "db1"});
  CHECK(names_of(selected(inventory, groups("webs"))) ==
        Names{"webhost", "web1", "web2", "web3", "web7", "x"});
}

TEST_CASE("groups: a glob of groups means the others", "[inventory]") {
  const Inventory inventory =
      ini("[rack_all]\nhosts = @rack*\n[rack1]\na\n[rack2]\nb\n[x]\nhosts = @~^rack\\d$\n");
  CHECK(names_of(selected(inventory, groups("rack_all"))) == Names{"a", "b"});
  CHECK(names_of(selected(inventory, groups("x"))) == Names{"a", "b"});
}

TEST_CASE("groups: a cycle is refused and shown", "[inventory]") {
  CHECK(ini_error("[a]\nb\n[b]\na\n") == "hosts.ini:1: groups contain each other: a -> b -> a");
  CHECK(ini_error("[x]\na\n[a]\nb\n[b]\nc\n[c]\na\n") ==
        "hosts.ini:3: groups contain each other: a -> b -> c -> a");
  CHECK(ini_error("[a]\na\n") == "hosts.ini:1: groups contain each other: a -> a");
  CHECK(ini_error("[a]\nhosts = x, @a\n") == "hosts.ini:1: groups contain each other: a -> a");
}

TEST_CASE("groups: ten thousand deep is deep, not too deep", "[inventory]") {
  constexpr int depth = 10000;
  std::string text;
  for (int i = 0; i < depth; ++i)
    text += "[g" + std::to_string(i) + "]\ng" + std::to_string(i + 1) + "\n";
  const Inventory inventory = ini(text + "[g10000]\nbottom\n");
  CHECK(names_of(selected(inventory, groups("g0"))) == Names{"bottom"});
  CHECK(selected(inventory, hosts("bottom"))[0].groups.size() == depth + 1);

  CHECK(ini_error(text + "[g10000]\ng0\n") ==
        "hosts.ini:1: groups contain each other: g0 -> g1 -> g2 -> g3 -> (9993 more) -> g9997 -> "
        "g9998 -> g9999 -> g10000 -> g0");
}

TEST_CASE("groups: a lattice of groups is evaluated once a group, not once a path", "[inventory]") {
  std::string text;
  for (int i = 0; i < 60; ++i) {
    const std::string next = std::to_string(i + 1);
    text += "[a" + std::to_string(i) + "]\na" + next + "\nb" + next + "\n[b" + std::to_string(i) +
            "]\na" + next + "\nb" + next + "\n";
  }
  CHECK(names_of(selected(ini(text + "[a60]\nx\n[b60]\ny\n"), groups("a0"))) == Names{"x", "y"});
}

TEST_CASE("groups: more members than memory is for are refused", "[inventory]") {
  std::string text = "[g0]\nhosts = a[1-100000]\n";
  for (int i = 1; i < 110; ++i)
    text += "[g" + std::to_string(i) + "]\ng" + std::to_string(i - 1) + "\n";
  CHECK(ini_error(text).ends_with("the groups together have more than 10000000 members"));
  CHECK(ini_error("[a]\nhosts = a[1-600000]\n[b]\nhosts = b[1-600000]\n") ==
        "hosts.ini:3: more than 1000000 hosts");
}

TEST_CASE("groups: an expression that mentions a large group again and again is refused",
          "[inventory]") {
  std::string text = "[g]\nhosts = a[1-100000]\n[x]\nhosts = @g";
  for (int i = 0; i < 60; ++i) text += "&@g";
  CHECK(ini_error(text + "\n") == "hosts.ini:4: '@g': the expression takes too long");
}

TEST_CASE("groups: a host with two users is one login by accident", "[inventory]") {
  CHECK(ini_error("[a]\nroot@db01\n[b]\nme@db01\n") ==
        "hosts.ini:4: db01 is here with the user me, elsewhere with root");
  CHECK(ini_error("[a]\nroot@db01\n[db01]\nuser = me\n") ==
        "hosts.ini:2: db01 is here with the user root, elsewhere with me");
  CHECK(ini_error("[a]\nhosts = root@db01, me@db01\n") ==
        "hosts.ini:2: db01 is asked for twice, as 'root' and as 'me'");
  CHECK(ini_error("[a]\nroot@db01\n[b]\ndb01\nroot@db01\n").empty());
}

TEST_CASE("groups: a port makes another host of a name, unless it has that port anyway",
          "[inventory]") {
  const Inventory inventory =
      ini("[g]\nhosts = 127.0.0.1:[2201-2202], db01:22, db02:22\ndb01\n[db02]\nport = 2222\n");
  const auto hosts = selected(inventory, groups("g"));
  CHECK(names_of(hosts) == Names{"127.0.0.1:2201", "127.0.0.1:2202", "db01", "db02:22"});
  CHECK(hosts[1].address == "127.0.0.1");
  CHECK(hosts[1].port == 2202);
  CHECK(hosts[3].address == "db02");
  CHECK(hosts[3].port == 22);
}

}  // namespace
}  // namespace fanout::inventory
