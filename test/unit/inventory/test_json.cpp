// What `ansible-inventory --list` prints.
#include <catch2/catch_test_macros.hpp>

#include "inventories.hpp"

namespace fanout::inventory {
namespace {

Inventory json(std::string_view text) {
  auto inventory = parse_json(text, "inventory.py");
  if (!inventory) FAIL(inventory.error().message);
  return std::move(*inventory);
}

std::string json_error(std::string_view text) {
  const auto inventory = parse_json(text, "inventory.py");
  if (inventory) return "";
  CHECK(inventory.error().kind == core::ErrorKind::usage);
  return inventory.error().message;
}

TEST_CASE("json: groups, children and the variables of a login", "[inventory]") {
  const Inventory inventory = json(R"({
    "_meta": {"hostvars": {
      "db01": {"ansible_host": "10.0.0.31", "ansible_port": 2222, "ansible_user": "root", "ansible_password": "secret",
               "ansible_ssh_private_key_file": "~/.ssh/db", "rack": {"row": [1, 2]}, "ansible_connection": "ssh"},
      "db02": {"ansible_ssh_host": "10.0.0.32", "ansible_ssh_port": "2223", "ansible_ssh_user": "old", "ansible_ssh_pass": "p"},
      "lonely": {}}},
    "all": {"children": ["ungrouped", "db", "web"], "vars": {"ansible_user": "everybody", "x": true}},
    "db": {"hosts": ["db02", "db01"], "vars": {"ansible_port": 7}},
    "web": {"children": ["edge"], "hosts": ["web01"]},
    "edge": ["edge1"]})");
  const auto db = selected(inventory, groups("db"));
  REQUIRE(names_of(db) == Names{"db02", "db01"});
  CHECK(db[0].address == "10.0.0.32");
  CHECK(db[0].port == 2223);
  CHECK(db[0].user == "old");
  CHECK(db[0].settings.password->reveal() == "p");
  CHECK(db[1].address == "10.0.0.31");
  CHECK(db[1].port == 2222);
  CHECK(db[1].user == "root");
  CHECK(db[1].settings.identities == Names{"/home/me/.ssh/db"});
  CHECK(db[1].groups == Names{"all", "db"});
  CHECK(names_of(selected(inventory, groups("web"))) == Names{"web01", "edge1"});
  CHECK(selected(inventory, hosts("web01"))[0].user == "everybody");
  CHECK(inventory.host_count() == 5);
}

TEST_CASE("json: the newer word for a variable wins", "[inventory]") {
  const Inventory inventory =
      json(R"({"_meta": {"hostvars": {"a": {"ansible_ssh_host": "old", "ansible_host": "new"}}}})");
  CHECK(selected(inventory, all())[0].address == "new");
}

TEST_CASE("json: a group and a host may share a name, and a child may be missing", "[inventory]") {
  const Inventory inventory =
      json(R"({"db": {"hosts": ["db", "x"]}, "all": {"children": ["db", "gone"]}})");
  CHECK(names_of(selected(inventory, groups("all"))) == Names{"db", "x"});
  CHECK(names_of(selected(inventory, hosts("db"))) == Names{"db"});
}

TEST_CASE("json: names are names, not patterns", "[inventory]") {
  CHECK(json_error(R"({"g": ["web[1-3]"]})") ==
        "inventory.py: 'web[1-3]' is not a host name: it holds the character [");
  CHECK(json_error(R"({"g": ["-oProxyCommand=x"]})").find("it holds the character =") !=
        std::string::npos);
  CHECK(json_error(R"({"g/h": []})") ==
        "inventory.py: 'g/h' is not the name of a group: it holds the character /");
}

TEST_CASE("json: what is wrong is refused with the name of the file and the place", "[inventory]") {
  CHECK(json_error("") == "inventory.py: not JSON, from byte 1 on");
  CHECK(json_error("{\"a\": [}") == "inventory.py: not JSON, from byte 8 on");
  CHECK(json_error("[1]") == "inventory.py: an inventory is a JSON object");
  CHECK(json_error(R"({"a": 1})") == "inventory.py: a: neither an object nor a list of hosts");
  CHECK(json_error(R"({"a": {"hosts": {"b": 1}}})") == "inventory.py: a.hosts: not a list");
  CHECK(json_error(R"({"a": [1]})") == "inventory.py: a: '1' is not a name");
  CHECK(json_error(R"({"a": {"vars": []}})") == "inventory.py: 'a.vars': not an object");
  CHECK(json_error(R"({"_meta": 1})") == "inventory.py: _meta is not an object");
  CHECK(json_error(R"({"_meta": {"hostvars": {"a": {"ansible_port": 0}}}})") ==
        "inventory.py: a: ansible_port: '0' is not a port: a number from 1 to 65535 is");
  CHECK(json_error(R"({"_meta": {"hostvars": {"a": {"ansible_host": "{{ ip }}"}}}})") ==
        "inventory.py: a: ansible_host: a template, which only Ansible can fill in");
  CHECK(json_error(
            R"({"_meta": {"hostvars": {"a": {"ansible_password": {"__ansible_vault": "x"}}}}})") ==
        "inventory.py: a: ansible_password: neither text nor a number");
  CHECK(json_error(R"({"a": {"children": ["b"]}, "b": {"children": ["a"]}})") ==
        "inventory.py: groups contain each other: a -> b -> a");
}

TEST_CASE("json: nesting is bounded", "[inventory]") {
  CHECK(json_error("{\"a\":" + std::string(100000, '[') + std::string(100000, ']') + "}") ==
        "inventory.py: JSON that is nested more than 200 levels deep");
}

TEST_CASE("json: the text of a broken inventory is not shown, for passwords are in it",
          "[inventory]") {
  CHECK(json_error(R"({"_meta": {"hostvars": {"a": {"ansible_password": "geheim)").find("geheim") ==
        std::string::npos);
}

}  // namespace
}  // namespace fanout::inventory
