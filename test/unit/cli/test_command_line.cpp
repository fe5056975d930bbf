// Where options end and COMMAND begins.
#include "parsing.hpp"

using namespace fanout;
using cli::Options;
using test::options_of;
using Strings = std::vector<std::string>;

TEST_CASE("command line: the forms in daily use", "[cli]") {
  const Options quoted = options_of({"exec", "-g", "db", "systemctl status"});
  CHECK(quoted.selection.groups == Strings{"db"});
  CHECK(quoted.task.command == "systemctl status");

  const Options dashes = options_of({"exec", "-H", "web[01-20]", "-x", "web07", "--", "uptime"});
  CHECK(dashes.selection.hosts == Strings{"web[01-20]"});
  CHECK(dashes.selection.excluded == Strings{"web07"});
  CHECK(dashes.task.command == "uptime");

  const Options by_option = options_of({"exec", "-H", "db01", "-g", "web", "--cmd", "uptime"});
  CHECK(by_option.selection.hosts == Strings{"db01"});
  CHECK(by_option.selection.groups == Strings{"web"});
  CHECK(by_option.task.command == "uptime");
}

TEST_CASE("command line: everything from the first word on belongs to the remote command",
          "[cli]") {
  const Options options =
      options_of({"exec", "-g", "db", "ls", "-l", "-g", "web", "--help", "--no-such-option"});
  CHECK(options.task.command == "ls -l -g web --help --no-such-option");
  CHECK(options.selection.groups == Strings{"db"});
}

TEST_CASE("command line: only the first -- is ours", "[cli]") {
  CHECK(options_of({"exec", "-a", "--", "git", "log", "--", "file"}).task.command ==
        "git log -- file");
  CHECK(options_of({"exec", "-a", "git", "log", "--", "file"}).task.command == "git log -- file");
  CHECK(options_of({"exec", "-a", "--", "-x", "-y"}).task.command == "-x -y");
  CHECK(options_of({"exec", "-a", "--", "--", "x"}).task.command == "-- x");
}

TEST_CASE("command line: a dash and an empty word are words", "[cli]") {
  CHECK(options_of({"exec", "-a", "-", "x"}).task.command == "- x");
  CHECK(options_of({"exec", "-a", "echo", "", "x"}).task.command == "echo  x");
  CHECK(options_of({"exec", "-a", "", "x"}).task.command == " x");
}

TEST_CASE("command line: words are joined by single spaces and not changed", "[cli]") {
  CHECK(options_of({"exec", "-a", "echo", "a  b", "$HOME", "'c'"}).task.command ==
        "echo a  b $HOME 'c'");
  CHECK(options_of({"exec", "-a", "echo", "\xc3\xa4\xff"}).task.command == "echo \xc3\xa4\xff");
}

TEST_CASE("command line: a value may stand in the same word or in the next", "[cli]") {
  for (const test::Words &words :
       {test::Words{"-g", "db"}, {"-gdb"}, {"--group", "db"}, {"--group=db"}}) {
    test::Words all{"exec"};
    all.insert(all.end(), words.begin(), words.end());
    all.emplace_back("uptime");
    INFO(words.front());
    CHECK(options_of(all).selection.groups == Strings{"db"});
    CHECK(options_of(all).task.command == "uptime");
  }
}

TEST_CASE("command line: the word after an option is its value, whatever it looks like", "[cli]") {
  CHECK(options_of({"exec", "-a", "--cmd", "--help"}).task.command == "--help");
  CHECK(options_of({"exec", "-a", "-x", "-L", "uptime"}).selection.excluded == Strings{"-L"});
  CHECK(options_of({"exec", "-a", "-x", "--", "uptime"}).selection.excluded == Strings{"--"});
  CHECK(options_of({"exec", "-a", "-x", "--", "uptime"}).task.command == "uptime");
}

TEST_CASE("command line: a value keeps its equals signs", "[cli]") {
  CHECK(options_of({"exec", "-a", "--cmd=A=1 env"}).task.command == "A=1 env");
  CHECK(options_of({"exec", "-a", "-i=x", "uptime"}).selection.inventory == "=x");
}

TEST_CASE("command line: letters without a value can share a word, the last may take one",
          "[cli]") {
  const Options options = options_of({"exec", "-aLvv4gdb", "uptime"});
  CHECK(options.selection.all);
  CHECK(options.output == cli::OutputForm::line);
  CHECK(options.verbosity == 2);
  CHECK(options.family == cli::AddressFamily::ipv4);
  CHECK(options.selection.groups == Strings{"db"});
  CHECK(options_of({"exec", "-Lg", "db", "uptime"}).selection.groups == Strings{"db"});
}

TEST_CASE("command line: the command counts as marked after -- and with --cmd", "[cli]") {
  CHECK_FALSE(options_of({"exec", "-a", "uptime"}).command_is_marked);
  CHECK_FALSE(options_of({"exec", "-a", "uptime", "--"}).command_is_marked);
  CHECK(options_of({"exec", "-a", "--", "uptime"}).command_is_marked);
  CHECK(options_of({"exec", "-a", "--cmd", "uptime"}).command_is_marked);
  CHECK(options_of({"exec", "-a", "--cmd", "uptime", "--"}).task.command == "uptime");
}

TEST_CASE("command line: placeholders are left for later", "[cli]") {
  CHECK(options_of({"exec", "-a", "echo {host} {{"}).task.command == "echo {host} {{");
}

TEST_CASE("command line: a command of 32768 bytes is taken", "[cli]") {
  CHECK(options_of({"exec", "-a", std::string(32768, 'x')}).task.command.size() == 32768);
}
