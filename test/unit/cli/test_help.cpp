#include <algorithm>
#include <sstream>

#include <fmt/format.h>

#include "../../../src/cli/option_table.hpp"
#include "parsing.hpp"

using namespace fanout;
using test::help_of;

namespace {

std::vector<std::string> lines_of(const std::string &text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

void check_size(const std::string &text, std::size_t most_lines) {
  CHECK(lines_of(text).size() <= most_lines);
  for (const std::string &line : lines_of(text)) {
    INFO(line);
    CHECK(line.size() <= 80);
    CHECK((line.empty() || line.back() != ' '));
  }
  CHECK(text.ends_with("\n"));
}

}  // namespace

TEST_CASE("help: the general one fits a screen of 24 lines and 80 columns", "[cli]") {
  check_size(help_of({"--help"}), 23);  // and a line for the prompt
}

TEST_CASE("help: that of a command fits 80 columns and a few screens", "[cli]") {
  check_size(help_of({"exec", "--help"}), 80);
  check_size(help_of({"put", "--help"}), 84);
  check_size(help_of({"get", "--help"}), 84);
  check_size(help_of({"hosts", "--help"}), 50);
  check_size(help_of({"trust", "--help"}), 50);
}

TEST_CASE("help: can be asked for in several ways", "[cli]") {
  CHECK(help_of({"help"}) == help_of({"--help"}));
  CHECK(help_of({"-h"}) == help_of({"--help"}));
  CHECK(help_of({"help", "-h"}) == help_of({"--help"}));
  CHECK(help_of({"help", "--help"}) == help_of({"--help"}));
  CHECK(help_of({"exec", "-h"}) == help_of({"exec", "--help"}));
  CHECK(help_of({"hosts", "-ah"}) == help_of({"hosts", "--help"}));
  CHECK(help_of({"help", "exec"}) == help_of({"exec", "--help"}));
  CHECK(help_of({"help", "hosts"}) == help_of({"hosts", "--help"}));
  CHECK(help_of({"help", "trust"}) == help_of({"trust", "--help"}));
  CHECK(help_of({"exec", "--help"}) != help_of({"hosts", "--help"}));
}

TEST_CASE("help: needs neither hosts nor a command, and no valid values", "[cli]") {
  CHECK(help_of({"exec", "-g", "db", "--help"}) == help_of({"help", "exec"}));
  CHECK(help_of({"exec", "--help", "-a", "uptime"}) == help_of({"help", "exec"}));
}

TEST_CASE("help: without any word it was not asked for", "[cli]") {
  const auto parsed = test::parse({});
  REQUIRE(parsed);
  REQUIRE(std::holds_alternative<cli::Help>(*parsed));
  CHECK_FALSE(std::get<cli::Help>(*parsed).asked_for);
  CHECK(std::get<cli::Help>(*parsed).text == help_of({"--help"}));
  CHECK(std::get<cli::Help>(*test::parse({"--help"})).asked_for);
  CHECK(std::get<cli::Help>(*test::parse({"exec", "--help"})).asked_for);
}

TEST_CASE("help: an empty argv is as good as no word", "[cli]") {
  const char *const argv[] = {nullptr};
  const auto parsed = cli::parse(0, argv);
  REQUIRE(parsed);
  CHECK(std::holds_alternative<cli::Help>(*parsed));
}

TEST_CASE("help: lists every option of the command and no other", "[cli]") {
  for (const auto &[command, word] :
       {std::pair{cli::Command::exec, "exec"}, std::pair{cli::Command::put, "put"},
        std::pair{cli::Command::get, "get"}, std::pair{cli::Command::hosts, "hosts"},
        std::pair{cli::Command::trust, "trust"}, std::pair{cli::Command::report, "report"}}) {
    const std::vector<std::string> lines = lines_of(help_of({word, "--help"}));
    for (const cli::OptionRow &row : cli::option_table()) {
      const std::string name = cli::name_of(row);
      INFO(word << " " << name);
      const bool listed = std::any_of(lines.begin(), lines.end(), [&](const std::string &line) {
        const auto at = line.find(name);
        return at != std::string::npos && at <= 6 && line.starts_with("  ") &&
               line[at + name.size()] == ' ';
      });
      CHECK(listed == (cli::find_option(command, name) != nullptr));
    }
  }
}

TEST_CASE("help: names the defaults that hold", "[cli]") {
  const cli::Options options = test::options_of({"exec", "-a", "uptime"});
  const std::string help = help_of({"exec", "--help"});
  CHECK(help.find(fmt::format("default {};", *options.parallel)) != std::string::npos);
  CHECK(help.find(fmt::format("default {}s;", options.task.connect_timeout.count() / 1000)) !=
        std::string::npos);
  CHECK(help.find(fmt::format("default {}M;", options.task.max_output_bytes >> 20)) !=
        std::string::npos);
  CHECK(help.find(fmt::format("refuse a password (default {})", options.control.max_auth_fail)) !=
        std::string::npos);
  const cli::Options copy = test::options_of({"put", "-a", "x", "y"});
  CHECK(help_of({"put", "--help"})
            .find(fmt::format("default {}s;", copy.task.stall_timeout.count() / 1000)) !=
        std::string::npos);
}

TEST_CASE("version: three lines, ours first", "[cli]") {
  REQUIRE(test::parse({"--version"}));
  CHECK(std::holds_alternative<cli::Version>(*test::parse({"--version"})));
  const auto lines = lines_of(cli::version_text("1.11.1", "3.0.17"));
  REQUIRE(lines.size() == 3);
  CHECK(lines[0].starts_with("fanout "));
  CHECK(lines[0].find_first_not_of("0123456789.", 7) == std::string::npos);
  CHECK(lines[0].size() > 7);
  CHECK(lines[1] == "libssh2 1.11.1");
  CHECK(lines[2] == "OpenSSL 3.0.17");
}
