#include <set>
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "fanout/files/folder.hpp"

using namespace fanout;
using files::folder_name_of;
using files::place_of_remote;
using files::wrong_with_entry_name;

TEST_CASE("names: what a server may call an entry of a folder", "[files]") {
  for (const std::string &name :
       {std::string("file"), std::string("..."), std::string(".hidden"), std::string("-rf"),
        std::string("a\nb"), std::string("\x1b[2J"), std::string("\xff"), std::string(255, 'x')}) {
    INFO(name);
    CHECK_FALSE(wrong_with_entry_name(name));
  }
  CHECK(wrong_with_entry_name("") == "a name is empty");
  CHECK(wrong_with_entry_name(".") == "a name is \".\"");
  CHECK(wrong_with_entry_name("..") == "a name is \"..\"");
  for (const char *name : {"/", "a/b", "../x", "/etc/passwd", "a/"}) {
    INFO(name);
    CHECK(wrong_with_entry_name(name) == "a name has a slash");
  }
  CHECK(wrong_with_entry_name(std::string("a\0b", 3)) == "a name has a NUL byte");
  CHECK(wrong_with_entry_name(std::string(256, 'x')) == "a name is longer than 255 bytes");
}

TEST_CASE("names: joining leaves no slash where there is no parent", "[files]") {
  CHECK(files::join("", "a") == "a");
  CHECK(files::join("a/b", "c") == "a/b/c");
}

TEST_CASE("names: the folder of a host is called as the host where that is safe", "[files]") {
  for (const char *host : {"web01", "web01.example.org", "10.0.0.7", "::1", "fe80::1", "a b", "~",
                           "[::1]", "web-01", "A", "host:22", "*?"}) {
    INFO(host);
    CHECK(folder_name_of(host) == host);
  }
  CHECK(folder_name_of("fe80::1%eth0") == "fe80::1%25eth0");
  CHECK(folder_name_of("..") == "%2E.");
  CHECK(folder_name_of(".") == "%2E");
  CHECK(folder_name_of(".hidden") == "%2Ehidden");
  CHECK(folder_name_of("-rf") == "%2Drf");
  CHECK(folder_name_of(" a") == "%20a");
  CHECK(folder_name_of("../etc") == "%2E.%2Fetc");
  CHECK(folder_name_of("a/b") == "a%2Fb");
  CHECK(folder_name_of("a\nb\x7f") == "a%0Ab%7F");
  CHECK(folder_name_of("ä") == "%C3%A4");
}

TEST_CASE("names: different hosts have different folders, and each is one name", "[files]") {
  const std::vector<std::string> hosts = {"a/b", "a%2Fb", "a%2fb", "a%252Fb", ".a", "%2Ea", "a",
                                          "A",   "\xff",  "%FF",   "%",       "-",  "%2D"};
  std::set<std::string> names;
  for (const std::string &host : hosts) {
    const auto name = folder_name_of(host);
    REQUIRE(name);
    CHECK_FALSE(wrong_with_entry_name(*name));
    names.insert(*name);
  }
  CHECK(names.size() == hosts.size());
}

TEST_CASE("names: a host whose folder would have too long a name, or none", "[files]") {
  CHECK(folder_name_of(std::string(255, 'x')));
  for (const std::string &host : {std::string(256, 'x'), std::string(86, '/'), std::string()}) {
    const auto name = folder_name_of(host);
    REQUIRE_FALSE(name);
    CHECK(name.error().kind == core::ErrorKind::usage);
  }
}

TEST_CASE("names: where a remote path goes beneath the folder of its host", "[files]") {
  CHECK(place_of_remote("/etc/hosts") == "etc/hosts");
  CHECK(place_of_remote("//etc//./hosts/") == "etc/hosts");
  CHECK(place_of_remote("notes.txt") == "notes.txt");
  CHECK(place_of_remote("./notes.txt") == "notes.txt");
  CHECK(place_of_remote("~/notes.txt") == "notes.txt");
  CHECK(place_of_remote("~backup/x") == "~backup/x");
  CHECK(place_of_remote("/~/x") == "~/x");
  CHECK(place_of_remote("/var/log/*.log") == "var/log/*.log");
  CHECK(place_of_remote("...") == "...");
}

TEST_CASE("names: a remote path that has no place beneath the folder of its host", "[files]") {
  for (const std::string &remote :
       {std::string(".."), std::string("/etc/../passwd"), std::string("~/.."), std::string("a/.."),
        std::string("/"), std::string("."), std::string("~"), std::string("~/"), std::string(),
        "/etc/" + std::string(256, 'x')}) {
    INFO(remote);
    const auto place = place_of_remote(remote);
    REQUIRE_FALSE(place);
    CHECK(place.error().kind == core::ErrorKind::usage);
  }
}
