#include <algorithm>
#include <set>

#include <catch2/catch_test_macros.hpp>

#include "fanout/inventory/selection.hpp"
#include "inventories.hpp"

namespace fanout::inventory {
namespace {

constexpr std::string_view small =
    "[db]\ndb01\ndb02\n[web]\nhosts = web[1-5]\n[edge]\nweb5\nedge1\n[db01]\nip = 10.0.0.31\nport "
    "= 2200\nuser = root\n";

TEST_CASE("selection: -H and -g give the union, -H first, each host once", "[inventory]") {
  core::Selection selection;
  selection.groups = {"edge", "db"};
  selection.hosts = {"other", "db02,web5"};
  CHECK(names_of(selected(ini(small), selection)) ==
        Names{"other", "db02", "web5", "edge1", "db01"});
}

TEST_CASE("selection: -g takes lists of groups, with operators, ranges, globs and the @",
          "[inventory]") {
  const Inventory inventory = ini(small);
  CHECK(names_of(selected(inventory, groups("edge,db"))) == Names{"web5", "edge1", "db01", "db02"});
  CHECK(names_of(selected(inventory, groups("web&edge"))) == Names{"web5"});
  CHECK(names_of(selected(inventory, groups("web ! edge"))) ==
        Names{"web1", "web2", "web3", "web4"});
  CHECK(names_of(selected(inventory, groups("@db"))) == Names{"db01", "db02"});
  CHECK(names_of(selected(inventory, groups("e*"))) == Names{"web5", "edge1"});
  CHECK(names_of(selected(inventory, groups("~^d"))) == Names{"db01", "db02"});
  CHECK(names_of(selected(ini("[r1]\na\n[r2]\nb\n"), groups("r[1-2]"))) == Names{"a", "b"});
}

TEST_CASE("selection: globs and regexes match names of the inventory", "[inventory]") {
  const Inventory inventory = ini(small);
  CHECK(names_of(selected(inventory, hosts("web*"))) ==
        Names{"web1", "web2", "web3", "web4", "web5"});
  CHECK(names_of(selected(inventory, hosts("*b0?"))) == Names{"db01", "db02"});
  CHECK(names_of(selected(inventory, hosts("web[1-2]*"))) == Names{"web1", "web2"});
  CHECK(names_of(selected(inventory, hosts("~^(web|db).*[12]$"))) ==
        Names{"db01", "db02", "web1", "web2"});
  CHECK(names_of(selected(inventory, hosts("@web ! ~[1-4]"))) == Names{"web5"});
  CHECK(selection_error(inventory, hosts("mail*")) == "-H: 'mail*' matches nothing");
  CHECK(selection_error(inventory, hosts("~mail")) == "-H: '~mail' matches nothing");
}

TEST_CASE("selection: a regex of the worst kind takes no time", "[inventory]") {
  const Inventory inventory = ini("[g]\n" + std::string(60, 'a') + "\n");
  CHECK(selection_error(inventory, hosts("~^(a*)*b$")) == "-H: '~^(a*)*b$' matches nothing");
}

TEST_CASE("selection: a glob of the worst kind takes no time", "[inventory]") {
  const Inventory inventory = ini("[g]\n" + std::string(250, 'a') + "\n");
  std::string glob;
  for (int i = 0; i < 100; ++i) glob += "a*";
  CHECK(selection_error(inventory, hosts(glob + "b")).ends_with("matches nothing"));
  CHECK(selected(inventory, hosts(glob)).size() == 1);
}

TEST_CASE("selection: a host of the inventory takes its settings, any other is used as it is",
          "[inventory]") {
  const auto hosts = selected(ini(small), inventory::hosts("db01,192.0.2.7,root@db02:2222"));
  CHECK(hosts[0].address == "10.0.0.31");
  CHECK(hosts[0].port == 2200);
  CHECK(hosts[0].user == "root");
  CHECK(hosts[0].groups == Names{"db"});
  CHECK(hosts[1].address == "192.0.2.7");
  CHECK(hosts[1].port == 22);
  CHECK(hosts[1].user == "me");
  CHECK(hosts[1].groups.empty());
  CHECK(hosts[2].name == "db02:2222");
  CHECK(hosts[2].address == "db02");
  CHECK(hosts[2].groups == Names{"db"});
}

TEST_CASE("selection: a port makes another name, unless the host has that port anyway",
          "[inventory]") {
  const Inventory inventory = ini(small);
  CHECK(names_of(selected(inventory, hosts("127.0.0.1:2201,127.0.0.1:2202"))) ==
        Names{"127.0.0.1:2201", "127.0.0.1:2202"});
  CHECK(names_of(selected(inventory, hosts("db01:2200,db01"))) == Names{"db01"});
  CHECK(names_of(selected(inventory, hosts("db01:22,db01"))) == Names{"db01:22", "db01"});
  CHECK(names_of(selected(inventory, hosts("other:22,other"))) == Names{"other"});
  CHECK(names_of(selected(inventory, hosts("[::1]:22,::1,[::1]:23"))) == Names{"::1", "[::1]:23"});
  core::HostSettings overrides;
  overrides.port = 2222;
  CHECK(names_of(selected(inventory, hosts("db01:2222,db02:22"), overrides)) ==
        Names{"db01", "db02:22"});
  const auto found = selected(inventory, hosts("db01:22"));
  CHECK(found[0].address == "10.0.0.31");
  CHECK(found[0].port == 22);
  CHECK(found[0].user == "root");
}

TEST_CASE("selection: one name with two users is refused, one user is enough for both mentions",
          "[inventory]") {
  const Inventory inventory = ini(small);
  CHECK(selection_error(inventory, hosts("root@web1,me@web1")) ==
        "-H: web1 is asked for twice, as 'root' and as 'me'");
  core::Selection selection = groups("web");
  selection.hosts = {"admin@web1"};
  CHECK(selected(inventory, selection)[0].user == "admin");
  selection.hosts = {"web1", "admin@web1"};
  CHECK(selected(inventory, selection)[0].user == "admin");
}

TEST_CASE("selection: -x takes out names, groups, globs and regexes", "[inventory]") {
  const Inventory inventory = ini(small);
  core::Selection selection = all();
  const auto without = [&](std::vector<std::string> lists) {
    selection.excluded = std::move(lists);
    return names_of(selected(inventory, selection));
  };
  CHECK(without({"web[1-4]"}) == Names{"db01", "db02", "web5", "edge1"});
  CHECK(without({"@web", "db01"}) == Names{"db02", "edge1"});
  CHECK(without({"web*,~^edge"}) == Names{"db01", "db02"});
  CHECK(without({"@web!web3"}) == Names{"db01", "db02", "web3", "edge1"});
  CHECK(without({"root@db01:2200"}) ==
        Names{"db02", "web1", "web2", "web3", "web4", "web5", "edge1"});
}

TEST_CASE("selection: -x also knows what is selected and not in the inventory", "[inventory]") {
  core::Selection selection = hosts("n[01-20]");
  selection.excluded = {"n0*", "n[11-19]"};
  CHECK(names_of(selected(Inventory(), selection)) == Names{"n10", "n20"});
}

TEST_CASE("selection: taking out what nobody knows is a slip and refused", "[inventory]") {
  const Inventory inventory = ini(small);
  core::Selection selection = groups("web");
  selection.excluded = {"wbe3"};
  CHECK(selection_error(inventory, selection) ==
        "-x: 'wbe3' is to be taken out, but is neither selected nor in an inventory, did you mean "
        "web3?");
  selection.excluded = {"mail*"};
  CHECK(selection_error(inventory, selection) == "-x: 'mail*' matches nothing");
  selection.excluded = {"@wbe"};
  CHECK(selection_error(inventory, selection) ==
        "-x: there is no group 'wbe' in hosts.ini, did you mean web?");
  selection.excluded = {"db"};
  CHECK(selection_error(inventory, selection) ==
        "-x: db is a group, which is written -g db or @db");
  // Known, only not selected; and a range of which some are there.
  selection.excluded = {"db01", "web[4-99]"};
  CHECK(names_of(selected(inventory, selection)) == Names{"web1", "web2", "web3"});
  CHECK(selection_error(inventory, hosts("@web ! wbe3")) ==
        "-H: 'wbe3' is to be taken out, but is neither selected nor in an inventory, did you mean "
        "web3?");
  CHECK(names_of(selected(inventory, hosts("x[1-3] ! x2"))) == Names{"x1", "x3"});
}

TEST_CASE("selection: an unknown group is named, with the nearest one", "[inventory]") {
  const Inventory inventory = ini(small);
  CHECK(selection_error(inventory, groups("wbe")) ==
        "-g: there is no group 'wbe' in hosts.ini, did you mean web?");
  CHECK(selection_error(inventory, groups("mail")) == "-g: there is no group 'mail' in hosts.ini");
  CHECK(selection_error(inventory, hosts("a,@wbe")) ==
        "-H: there is no group 'wbe' in hosts.ini, did you mean web?");
  CHECK(selection_error(inventory, groups("x;y")) ==
        "-g: 'x;y' is not the name of a group: it holds the character ;");
}

TEST_CASE("selection: the name of a group is not taken for a host", "[inventory]") {
  CHECK(selection_error(ini(small), hosts("web")) ==
        "-H: web is a group, which is written -g web or @web");
}

TEST_CASE("selection: without an inventory plain hosts are fine, groups are not", "[inventory]") {
  Inventory none;
  none.set_looked_for({"./hosts.ini", "/etc/fanout/hosts.ini"});
  CHECK(names_of(selected(none, hosts("a,b"))) == Names{"a", "b"});
  CHECK(selection_error(none, groups("db")) ==
        "-g: group 'db': there is no inventory: looked for ./hosts.ini, /etc/fanout/hosts.ini");
  CHECK(selection_error(none, all()) ==
        "--all: there is no inventory: looked for ./hosts.ini, /etc/fanout/hosts.ini");
  CHECK(selection_error(none, hosts("web*")) ==
        "-H: 'web*': there is no inventory: looked for ./hosts.ini, /etc/fanout/hosts.ini");
}

TEST_CASE("selection: an empty one is an error", "[inventory]") {
  const Inventory inventory = ini(small);
  CHECK(selection_error(inventory, {}) ==
        "no hosts are selected: give -H, -g, --all, --hosts-file or --rerun");
  core::Selection selection = groups("web");
  selection.excluded = {"@web"};
  CHECK(selection_error(inventory, selection) == "the selection is empty");
  CHECK(selection_error(inventory, hosts("a&b")) == "the selection is empty");
  CHECK(selection_error(inventory, hosts("")) == "-H: an empty pattern");
  CHECK(selection_error(ini(""), all()) == "the selection is empty");
}

TEST_CASE("selection: --pick draws a sample and keeps the order", "[inventory]") {
  core::Selection selection = hosts("n[00-19]");
  selection.pick = 5;
  for (int round = 0; round < 50; ++round) {
    const Names names = names_of(selected(Inventory(), selection));
    CHECK(names.size() == 5);
    CHECK(std::is_sorted(names.begin(), names.end()));
    CHECK(std::set<std::string>(names.begin(), names.end()).size() == 5);
  }
  selection.pick = 100;
  CHECK(selected(Inventory(), selection).size() == 20);
  selection.pick = 0;
  CHECK(selection_error(Inventory(), selection) == "the selection is empty");
}

TEST_CASE("selection: --pick gives every host the same chance", "[inventory]") {
  core::Selection selection = hosts("n[0-4]");
  selection.pick = 2;
  SelectionSources from = sources();
  std::uint64_t state = 42;
  from.random = [&](std::uint64_t below) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (state >> 33) % below;
  };
  std::map<std::string, int> drawn;
  for (int round = 0; round < 5000; ++round)
    for (const std::string &name : names_of(selected(Inventory(), selection, {}, from)))
      ++drawn[name];
  REQUIRE(drawn.size() == 5);
  for (const auto &[name, count] : drawn) {
    INFO(name);
    CHECK(count > 1850);
    CHECK(count < 2150);
  }
}

TEST_CASE("selection: --expect-hosts and --max-hosts look at what is left in the end",
          "[inventory]") {
  core::Selection selection = hosts("n[1-20]");
  selection.excluded = {"n1"};
  selection.expected_hosts = 20;
  CHECK(selection_error(Inventory(), selection) == "--expect-hosts 20: the selection has 19 hosts");
  selection.expected_hosts = 19;
  CHECK(selected(Inventory(), selection).size() == 19);
  selection.max_hosts = 18;
  CHECK(selection_error(Inventory(), selection) == "--max-hosts 18: the selection has 19 hosts");
  selection.max_hosts = 19;
  CHECK(selected(Inventory(), selection).size() == 19);
  selection.pick = 3;
  CHECK(selection_error(Inventory(), selection) == "--expect-hosts 19: the selection has 3 hosts");
}

TEST_CASE("selection: a hundred thousand hosts and five thousand without any order",
          "[inventory]") {
  std::string text = "[web]\n";
  for (int i = 0; i < 100000; ++i) text += "web" + std::to_string(100000 + i) + "\n";
  text += "[random]\n";
  unsigned state = 1;
  for (int i = 0; i < 5000; ++i) {
    state = state * 1664525U + 1013904223U;
    text += "x" + std::to_string(state) + "q" + std::to_string(i) + "\n";
  }
  core::Selection selection = all();
  selection.excluded = {"@random", "web1999*"};
  CHECK(selected(ini(text), selection).size() == 99900);
}

}  // namespace
}  // namespace fanout::inventory
