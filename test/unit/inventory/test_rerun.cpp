// --rerun: hosts of an earlier run as a selection.
#include "inventories.hpp"

namespace fanout::inventory {
namespace {

using core::NamedHost;

SelectionSources with_journal(std::vector<NamedHost> journaled) {
  SelectionSources from = sources();
  from.rerun = [journaled = std::move(journaled)](const core::RerunOf &rerun) {
    CHECK(rerun.journal == "run.jsonl");
    return core::Result<std::vector<NamedHost>>(journaled);
  };
  return from;
}

core::Selection rerun(core::Selection selection = {}) {
  selection.rerun = core::RerunOf{core::Rerun::unreached, "run.jsonl"};
  return selection;
}

NamedHost named(const std::string &name) { return {name, "old", name, 22}; }

TEST_CASE("selection: --rerun by itself is the selection, in the order of the journal",
          "[inventory]") {
  const auto from = with_journal({named("c"), named("a"), named("b")});
  CHECK(names_of(selected(Inventory(), rerun(), {}, from)) == Names{"c", "a", "b"});
}

TEST_CASE("selection: what else is named leaves of --rerun what it names", "[inventory]") {
  const Inventory inventory = ini("[web]\nweb1\nweb2\nweb3\n[db]\ndb1\n");
  const auto from = with_journal({named("web3"), named("db1"), named("web1"), named("other1")});
  const auto chosen = [&](const core::Selection &selection) {
    return names_of(selected(inventory, rerun(selection), {}, from));
  };
  CHECK(chosen(groups("web")) == Names{"web3", "web1"});
  CHECK(chosen(hosts("web1,web2,web3")) == Names{"web3", "web1"});
  CHECK(chosen(all()) == Names{"web3", "db1", "web1"});
  // Patterns know the hosts of the journal, too.
  CHECK(chosen(hosts("other*")) == Names{"other1"});
  core::Selection excluded;
  excluded.excluded = {"@web"};
  CHECK(chosen(excluded) == Names{"db1", "other1"});
  core::Selection limited;
  limited.max_hosts = 3;
  CHECK(selection_error(inventory, rerun(limited), {}, from) ==
        "--max-hosts 3: the selection has 4 hosts");
}

TEST_CASE("selection: a host of --rerun has the settings of the inventory", "[inventory]") {
  const Inventory inventory =
      ini("[web]\nweb1\n[web1]\naddress = 10.0.0.1\nuser = deploy\nport = 2222\n");
  const auto from = with_journal({{"web1", "old", "10.9.9.9", 22}});
  const auto found = selected(inventory, rerun(), {}, from);
  REQUIRE(found.size() == 1);
  CHECK(found[0].address == "10.0.0.1");
  CHECK(found[0].user == "deploy");
  CHECK(found[0].port == 2222);
  CHECK(found[0].groups == Names{"web"});
}

TEST_CASE("selection: a host of --rerun that no inventory has keeps its user and port",
          "[inventory]") {
  const auto from = with_journal({{"web1", "old", "web1", 2222}});
  const auto found = selected(Inventory(), rerun(), {}, from);
  REQUIRE(found.size() == 1);
  CHECK(found[0].name == "web1");
  CHECK(found[0].address == "web1");
  CHECK(found[0].user == "old");
  CHECK(found[0].port == 2222);

  core::HostSettings overrides;
  overrides.user = "new";
  overrides.port = 2200;
  const auto overridden = selected(Inventory(), rerun(), overrides, from);
  CHECK(overridden[0].user == "new");
  CHECK(overridden[0].port == 2200);
}

TEST_CASE("selection: a host of --rerun may have a port in its name", "[inventory]") {
  const auto from =
      with_journal({{"web1:2222", "old", "web1", 2222}, {"[::1]:2201", "old", "::1", 2201}});
  const auto alone = selected(Inventory(), rerun(), {}, from);
  REQUIRE(names_of(alone) == Names{"web1:2222", "[::1]:2201"});
  CHECK(alone[0].address == "web1");
  CHECK(alone[0].port == 2222);
  CHECK(alone[1].address == "::1");
  CHECK(alone[1].port == 2201);
  // As on the command line: another name only where the port is another.
  const Inventory inventory = ini("[w]\nweb1\n[web1]\naddress = 10.0.0.1\nport = 2222\n");
  const auto known = selected(inventory, rerun(hosts("web1")), {}, from);
  REQUIRE(names_of(known) == Names{"web1"});
  CHECK(known[0].address == "10.0.0.1");
}

TEST_CASE("selection: a name of a journal is no pattern, no group and no option", "[inventory]") {
  const Inventory inventory = ini("[web]\nweb1\nweb2\n");
  for (const char *name : {"web[1-2]", "@web", "web*", "~web", "web1,web2", "-oProxyCommand=x",
                           "root@web1", "web1 web2", ""}) {
    INFO(name);
    CHECK_FALSE(
        selection_error(inventory, rerun(), {}, with_journal({{name, "old", name, 22}})).empty());
  }
  // Nor is it the group of that name.
  CHECK(names_of(selected(inventory, rerun(), {}, with_journal({named("web")}))) == Names{"web"});
}

TEST_CASE("selection: a user of a journal is checked before it is used", "[inventory]") {
  const auto from = with_journal({{"web1", "-oProxyCommand=x", "web1", 22}});
  CHECK(selection_error(Inventory(), rerun(), {}, from).find("is not a user name") !=
        std::string::npos);
  core::HostSettings overrides;
  overrides.user = "new";
  CHECK(selected(Inventory(), rerun(), overrides, from)[0].user == "new");
}

TEST_CASE("selection: a host whose address only an inventory can say is not guessed",
          "[inventory]") {
  const auto from = with_journal({{"web1", "old", "10.0.0.1", 22}});
  CHECK(selection_error(Inventory(), rerun(), {}, from) ==
        "journal 'run.jsonl': web1 was '10.0.0.1', which only its inventory can say: give that "
        "with -i");
}

TEST_CASE("selection: --rerun that leaves nobody says so", "[inventory]") {
  CHECK(selection_error(Inventory(), rerun(), {}, with_journal({})) ==
        "no host of 'run.jsonl' is unreached");
  CHECK(selection_error(Inventory(), rerun(hosts("b")), {}, with_journal({named("a")})) ==
        "no selected host of 'run.jsonl' is unreached");
  core::Selection failed = rerun();
  failed.rerun->what = core::Rerun::failed;
  CHECK(selection_error(Inventory(), failed, {}, with_journal({})) ==
        "no host of 'run.jsonl' has failed");
}

TEST_CASE("selection: an error of the journal is that of the selection", "[inventory]") {
  SelectionSources from = sources();
  from.rerun = [](const core::RerunOf &) -> core::Result<std::vector<NamedHost>> {
    return core::fail(core::ErrorKind::usage, "journal run.jsonl: belongs to user 7");
  };
  CHECK(selection_error(Inventory(), rerun(), {}, from) == "journal run.jsonl: belongs to user 7");
}

}  // namespace
}  // namespace fanout::inventory
