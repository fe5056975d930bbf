#include <catch2/catch_test_macros.hpp>

#include "inventories.hpp"

namespace fanout::inventory {
namespace {

core::Selection hosts_file(std::string path = "list") {
  core::Selection selection;
  selection.hosts_files.push_back(std::move(path));
  return selection;
}

SelectionSources file(std::string text) {
  SelectionSources from = sources();
  from.read_file = [text = std::move(text)](
                       const std::string & /*path*/) -> core::Result<std::string> { return text; };
  return from;
}

Names read(std::string text) {
  return names_of(selected(Inventory(), hosts_file(), {}, file(std::move(text))));
}
std::string refused(std::string text, const std::string &path = "list") {
  return selection_error(Inventory(), hosts_file(path), {}, file(std::move(text)));
}

TEST_CASE("hosts file: a host or a pattern a line", "[inventory]") {
  CHECK(read("db01\nroot@db02:2222\nweb[1-3]!web2\n[::1]:22\na,b\n") ==
        Names{"db01", "db02:2222", "web1", "web3", "::1", "a", "b"});
}

TEST_CASE("hosts file: comments, CRLF, blanks, a byte order mark and no last newline",
          "[inventory]") {
  CHECK(read("\xef\xbb\xbf# all of them\r\n  db01  # the first\r\n\r\n\t\r\ndb02") ==
        Names{"db01", "db02"});
  CHECK(read("a\n#b\n # c\n") == Names{"a"});
  CHECK(refused("d#e\n").find("it holds the character #") != std::string::npos);
}

TEST_CASE("hosts file: a host that is there twice is there once", "[inventory]") {
  CHECK(read("b\na\nb\n") == Names{"b", "a"});
}

TEST_CASE("hosts file: mistakes have file and line", "[inventory]") {
  using namespace std::string_literals;
  CHECK(refused("a\nb;c\n") ==
        "--hosts-file: list:2: 'b;c' is not a host name: it holds the character ;");
  CHECK(refused("a\n\nb[2-1]") == "--hosts-file: list:3: 'b[2-1]': the range 2-1 runs backwards");
  CHECK(refused("root@a\nme@a\n") ==
        "--hosts-file: list:2: a is asked for twice, as 'root' and as 'me'");
  CHECK(refused("a\0b"s, "-") ==
        "--hosts-file: standard input:1: a NUL byte; the file must be UTF-8 text");
  CHECK(refused("a\rb") ==
        "--hosts-file: list:1: a carriage return inside the line; lines end with LF or CRLF");
  CHECK(refused("\xff\xfe"s + "a\0"s) ==
        "--hosts-file: list:1: the file is UTF-16; it must be UTF-8");
  CHECK(refused("# none\n") == "the selection is empty");
}

TEST_CASE("hosts file: names of the inventory take its settings", "[inventory]") {
  const Inventory inventory = ini("[web]\nweb1\nport = 7\n");
  const auto hosts = selected(inventory, hosts_file(), {}, file("@web\nother\n"));
  CHECK(names_of(hosts) == Names{"web1", "other"});
  CHECK(hosts[0].port == 7);
}

}  // namespace
}  // namespace fanout::inventory
