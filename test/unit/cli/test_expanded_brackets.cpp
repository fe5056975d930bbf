// An unquoted web[1-3] in a folder that has files web1, web2 and web3 arrives as three words: a host and a COMMAND.
#include "parsing.hpp"

using namespace fanout;
using test::options_of;
using Strings = std::vector<std::string>;

TEST_CASE(
    "expanded brackets: a COMMAND that begins with a host is refused, and what was understood is "
    "shown",
    "[cli]") {
  const auto options = options_of({"exec", "-g", "db", "-H", "web1", "web2", "web3", "uptime"});
  const auto checked = cli::refuse_expanded_brackets(options, {"db01", "web1", "web2"});
  REQUIRE_FALSE(checked);
  CHECK(checked.error().kind == core::ErrorKind::usage);
  CHECK(checked.error().message ==
        "COMMAND begins with a host, 'web2': did the local shell expand an unquoted [..]?\n"
        "understood: hosts -g db -H web1, COMMAND 'web2 web3 uptime'; quote the pattern, or write "
        "-- before COMMAND");
}

TEST_CASE("expanded brackets: the names in -x are as dangerous", "[cli]") {
  const auto options = options_of({"exec", "-a", "-x", "web1", "web2", "uptime"});
  const auto checked = cli::refuse_expanded_brackets(options, {"web2", "web3"});
  REQUIRE_FALSE(checked);
  CHECK(checked.error().message.find("hosts -a -x web1, COMMAND 'web2 uptime'") !=
        std::string::npos);
}

TEST_CASE("expanded brackets: a quoted COMMAND is looked at by its first word", "[cli]") {
  CHECK_FALSE(
      cli::refuse_expanded_brackets(options_of({"exec", "-H", "web1", "web1 uptime"}), {"web1"}));
  CHECK_FALSE(
      cli::refuse_expanded_brackets(options_of({"exec", "-H", "web1", "web1\tuptime"}), {"web1"}));
}

TEST_CASE("expanded brackets: a COMMAND that begins with no host is run", "[cli]") {
  const Strings hosts{"web1", "web2"};
  CHECK(cli::refuse_expanded_brackets(options_of({"exec", "-H", "web1", "uptime"}), hosts));
  CHECK(cli::refuse_expanded_brackets(options_of({"exec", "-H", "web1", "ping", "web2"}), hosts));
  CHECK(cli::refuse_expanded_brackets(options_of({"exec", "-H", "web1", "web11"}), hosts));
  CHECK(cli::refuse_expanded_brackets(options_of({"exec", "-H", "web1", "web"}), hosts));
}

TEST_CASE("expanded brackets: a COMMAND behind -- or in --cmd is meant", "[cli]") {
  const Strings hosts{"date"};
  CHECK_FALSE(cli::refuse_expanded_brackets(options_of({"exec", "-H", "date", "date"}), hosts));
  CHECK(cli::refuse_expanded_brackets(options_of({"exec", "-H", "date", "--", "date"}), hosts));
  CHECK(cli::refuse_expanded_brackets(options_of({"exec", "-H", "date", "--cmd", "date"}), hosts));
}

TEST_CASE("expanded brackets: a path that is called as a host is a path", "[cli]") {
  const auto options = options_of({"put", "-H", "web1", "web2", "/srv/"});
  CHECK(cli::refuse_expanded_brackets(options, {"web1", "web2"}));
}
