// Every message, word for word: users search for them.
#include "parsing.hpp"

using namespace fanout;
using test::error_of;
using test::Words;

namespace {

struct Refusal {
  Words words;
  std::string message;
};

void check(const std::vector<Refusal> &refusals) {
  for (const Refusal &refusal : refusals) {
    INFO(refusal.message);
    CHECK(error_of(refusal.words) == refusal.message);
  }
}

Words exec_with(Words words) {
  words.insert(words.begin(), {"exec", "-a"});
  words.emplace_back("uptime");
  return words;
}

}  // namespace

TEST_CASE("errors: an unknown command names the nearest, and those there are", "[cli]") {
  check({
      {{"exce"},
       "unknown command 'exce' (there are exec, put, get, hosts, trust, report and help); did you "
       "mean "
       "exec?"},
      {{"host"},
       "unknown command 'host' (there are exec, put, get, hosts, trust, report and help); did you "
       "mean "
       "hosts?"},
      {{"frobnicate"},
       "unknown command 'frobnicate' (there are exec, put, get, hosts, trust, report and help)"},
      {{""}, "unknown command '' (there are exec, put, get, hosts, trust, report and help)"},
      {{"help", "exex"},
       "unknown command 'exex' (there are exec, put, get, hosts, trust, report and help); did you "
       "mean "
       "exec?"},
  });
}

TEST_CASE("errors: an option before the command", "[cli]") {
  check({
      {{"-g", "db", "exec", "uptime"},
       "-g comes before the command; write it after exec, put, get, hosts or trust"},
      {{"--group=db", "exec"},
       "--group=db comes before the command; write it after exec, put, get, hosts or trust"},
      {{"-vL", "exec"}, "-vL comes before the command; write it after exec, put, get or trust"},
      {{"--json"},
       "--json comes before the command; write it after exec, put, get, hosts or report"},
      {{"--gruop=db", "exec"}, "unknown option --gruop"},
      {{"-V"}, "unknown option -V"},
      {{"-Vx"}, "unknown option -V"},
      {{"--"}, "unknown option --"},
      {{"-"}, "unknown command '-' (there are exec, put, get, hosts, trust, report and help)"},
      {{"--help=exec"}, "--help takes no value"},
      {{"--version=1"}, "--version takes no value"},
      {{"-hv"}, "-h takes no value"},
      {{"--hlep"}, "unknown option --hlep; did you mean --help?"},
      {{"--versoin"}, "unknown option --versoin; did you mean --version?"},
  });
}

TEST_CASE("errors: words that nothing would be done with", "[cli]") {
  check({
      {{"help", "exec", "uptime"}, "'uptime' is too much after help exec"},
      {{"help", "ex\x1b", "a", "b"}, "'a b' is too much after help ex?"},
      {{"--help", "exec"}, "'exec' is too much after --help"},
      {{"-h", "exec"}, "'exec' is too much after -h"},
      {{"--version", "-v"}, "'-v' is too much after --version"},
      {{"hosts", "db01"}, "hosts runs no command: 'db01' is too much (hosts are given by -H)"},
      {{"trust", "-a", "db01"},
       "trust runs no command: 'db01' is too much (hosts are given by -H)"},
      {{"hosts", "--help", "db01"},
       "hosts runs no command: 'db01' is too much (hosts are given by -H)"},
  });
}

TEST_CASE("errors: an unknown option names the nearest", "[cli]") {
  check({
      {exec_with({"--paralel", "3"}), "unknown option --paralel; did you mean --parallel?"},
      {exec_with({"--fanuot=3"}), "unknown option --fanuot; did you mean --fanout?"},
      {exec_with({"--frobnicate"}), "unknown option --frobnicate"},
      {exec_with({"--parallel-x=1"}), "unknown option --parallel-x; did you mean --parallel?"},
      {exec_with({"-G", "db"}), "unknown option -G; did you mean -g?"},
      {exec_with({"-Z"}), "unknown option -Z"},
      {exec_with({"-LZ"}), "unknown option -Z"},
      {exec_with({"-9"}), "unknown option -9"},
      {exec_with({"-parallel", "3"}), "unknown option -p in '-parallel'; did you mean --parallel?"},
      {exec_with({"--=x"}), "unknown option --"},
      {exec_with({"---g", "db"}), "unknown option ---g"},
      {exec_with({"--4"}), "unknown option --4"},
  });
}

TEST_CASE("errors: a long option is not abbreviated", "[cli]") {
  check({
      {exec_with({"--grou", "db"}), "unknown option --grou; did you mean --group?"},
      {exec_with({"--time", "3"}), "unknown option --time"},
  });
}

TEST_CASE("errors: an option of another command", "[cli]") {
  check({
      {{"hosts", "-a", "--timeout", "3"},
       "--timeout is an option of exec, put and get, not of hosts"},
      {{"hosts", "-a", "-k", "x"}, "-k is an option of exec, put and get, not of hosts"},
      {{"trust", "-a", "--json"},
       "--json is an option of exec, put, get, hosts and report, not of trust"},
      {exec_with({"--effective"}), "--effective is an option of hosts, not of exec"},
      {exec_with({"-p"}), "-p is an option of put and get, not of exec"},
      {exec_with({"--manifest", "x"}), "--manifest is an option of get, not of exec"},
      {{"put", "-a", "--manifest", "x", "a", "b"}, "--manifest is an option of get, not of put"},
      {{"get", "-a", "--chmod", "644", "a", "b"}, "--chmod is an option of put, not of get"},
      {{"put", "-a", "--cmd", "x", "a", "b"}, "--cmd is an option of exec, not of put"},
      {{"put", "-a", "--exit", "max", "a", "b"}, "--exit is an option of exec, not of put"},
      {exec_with({"--yes"}), "--yes is an option of trust, not of exec"},
      {{"trust", "-a", "-k", "x"}, "-k is an option of exec, put and get, not of trust"},
      {{"trust", "-a", "-u", "x"}, "-u is an option of exec, put, get and hosts, not of trust"},
      {{"trust", "-a", "--host-key", "off"},
       "--host-key is an option of exec, put and get, not of trust"},
      {{"hosts", "-a", "--sandbox", "off"},
       "--sandbox is an option of exec, put, get and trust, not of hosts"},
  });
}

TEST_CASE("errors: a value that is missing, empty or too much", "[cli]") {
  check({
      {{"exec", "-a", "--timeout"}, "--timeout needs a value"},
      {{"exec", "-a", "-f"}, "-f needs a value"},
      {{"exec", "-a", "-Lf"}, "-f needs a value"},
      {exec_with({"--group="}), "--group: the value is empty"},
      {exec_with({"-g", ""}), "--group: the value is empty"},
      {exec_with({"--cmd", ""}), "--cmd: the value is empty"},
      {exec_with({"--all=yes"}), "--all takes no value"},
      {exec_with({"--raw="}), "--raw takes no value"},
  });
}

TEST_CASE("errors: a number out of range or no number", "[cli]") {
  check({
      {exec_with({"--parallel", "x"}),
       "--parallel: 'x' is not a number from 1 to 100000, nor auto"},
      {exec_with({"-f", "0"}), "--parallel: '0' is not a number from 1 to 100000, nor auto"},
      {exec_with({"-f", "100001"}),
       "--parallel: '100001' is not a number from 1 to 100000, nor auto"},
      {exec_with({"--fanout", "8x"}),
       "--parallel: '8x' is not a number from 1 to 100000, nor auto"},
      {exec_with({"-f", "-1"}), "--parallel: '-1' is not a number from 1 to 100000, nor auto"},
      {exec_with({"-P", "0"}), "--port: '0' is not a port: a number from 1 to 65535 is"},
      {exec_with({"-P", "65536"}), "--port: '65536' is not a port: a number from 1 to 65535 is"},
      {exec_with({"-P", "022"}), "--port: '022' is not a port: a number from 1 to 65535 is"},
      {exec_with({"-P", " 22"}), "--port: ' 22' is not a port: a number from 1 to 65535 is"},
      {exec_with({"-P", "+22"}), "--port: '+22' is not a port: a number from 1 to 65535 is"},
      {exec_with({"--pick", "0"}), "--pick: '0' is not a number from 1 to 1000000"},
      {exec_with({"--expect-hosts", "1e3"}),
       "--expect-hosts: '1e3' is not a number from 1 to 1000000"},
      {exec_with({"--max-hosts", "99999999999999999999"}),
       "--max-hosts: '99999999999999999999' is not a number from 1 to 1000000"},
  });
}

TEST_CASE("errors: a user name that an inventory would not take either", "[cli]") {
  check({
      {exec_with({"-u", "root;id"}),
       "--user: 'root;id' is not a user name: it holds the character ;"},
      {exec_with({"-l", "-x"}), "--user: '-x' is not a user name: it begins with a dash"},
      {exec_with({"--user=a\tb"}), "--user: 'a?b' is not a user name: it holds the byte 0x09"},
      {exec_with({"-u", "root@"}), "--user: 'root@' is not a user name: the @ stands at its end"},
      {{"hosts", "-a", "--json", "-u", "a b"},
       "--user: 'a b' is not a user name: it holds a blank"},
  });
}

TEST_CASE("errors: an option that the form of the output leaves without effect", "[cli]") {
  check({
      {exec_with({"--no-header", "-L"}), "--no-header has no effect with -L"},
      {exec_with({"-q", "--no-header"}), "--no-header has no effect with -q"},
      {exec_with({"--raw", "-q"}), "--raw has no effect with -q"},
      {exec_with({"-q", "--max-output", "64M"}), "--max-output has no effect with -q"},
      {exec_with({"--output", "none", "--raw"}), "--raw has no effect with --output none"},
      {exec_with({"--no-header", "--output=line"}), "--no-header has no effect with --output line"},
      {exec_with({"--no-header", "--json"}), "--no-header has no effect with --json"},
      {exec_with({"--raw", "--output=json"}), "--raw has no effect with --output json"},
      {exec_with({"--sorted", "-L"}), "--sorted has no effect with -L"},
      {exec_with({"--sorted", "-b"}), "--sorted has no effect with -b"},
      {exec_with({"--mask", "host"}), "--mask has no effect with --output block"},
      {exec_with({"--mask", "host", "-L"}), "--mask has no effect with -L"},
      {exec_with({"--diff-against", "db01", "-b"}), "--diff-against has no effect with -b"},
      {exec_with({"--live", "--progress", "always"}),
       "--live and --progress always contradict each other"},
      {exec_with({"--live", "--dry-run"}), "--live has no effect with --dry-run: nothing is run"},
      {exec_with({"-b", "--json"}), "-b and --json contradict each other"},
      {exec_with({"-L", "-b", "-q"}), "-L and -q contradict each other"},
      {{"report", "--mask", "host", "j"}, "--mask has no effect without --output"},
      {{"report", "-q", "--sorted", "j"}, "--sorted has no effect with -q"},
      {{"report", "--live", "j"}, "--live is an option of exec, put and get, not of report"},
      {{"report", "-q"}, "no JOURNAL is given; it stands after the options"},
      {{"put", "-a", "--expect-same", "a", "b"}, "--expect-same has no effect without --then"},
      {{"get", "-a", "--outdir", "d", "a", "b"}, "--outdir has no effect without --then"},
      {{"put", "-a", "--raw", "a", "b"}, "--raw has no effect without --then"},
      {{"get", "-a", "--max-output", "1M", "a", "b"}, "--max-output has no effect without --then"},
      {{"put", "-a", "--no-header", "-L", "a", "b"}, "--no-header has no effect with -L"},
  });
  CHECK(test::options_of(exec_with({"-L", "--raw", "--max-output", "1K"})).raw);
  CHECK_FALSE(test::options_of(exec_with({"--output", "block", "--no-header"})).headers);
}

TEST_CASE("errors: a duration or size that is none", "[cli]") {
  const std::string durations = "is not a duration (500ms, 10s, 5m, 1h; a bare number is seconds)";
  const std::string sizes = "is not a size (65536, 512K, 64M, 1G; 0 is no limit)";
  check({
      {exec_with({"-t", "5 m"}), "--timeout: '5 m' " + durations},
      {exec_with({"--connect-timeout", "-1"}), "--connect-timeout: '-1' " + durations},
      {exec_with({"--max-output", "64MB"}), "--max-output: '64MB' " + sizes},
      {exec_with({"--max-output", "M"}), "--max-output: 'M' " + sizes},
      {exec_with({"--max-output", "-1"}), "--max-output: '-1' " + sizes},
      {exec_with({"--max-output", "17179869184G"}), "--max-output: '17179869184G' " + sizes},
  });
}

TEST_CASE("errors: a word that is none of those allowed", "[cli]") {
  check({
      {exec_with({"--agent", "maybe"}), "--agent: 'maybe' is not yes or no"},
      {exec_with({"--host-key", "ask"}), "--host-key: 'ask' is not strict, accept-new or off"},
      {exec_with({"--host-key", "accept_new"}),
       "--host-key: 'accept_new' is not strict, accept-new or off; did you mean accept-new?"},
      {exec_with({"--output", "lines"}),
       "--output: 'lines' is not block, line, merge, diff, json or none; did you mean line?"},
      {exec_with({"--exit", "first"}), "--exit: 'first' is not class or max"},
      {exec_with({"--sandbox", "on"}), "--sandbox: 'on' is not auto, require or off"},
  });
}

TEST_CASE("errors: an option with one value is given twice", "[cli]") {
  check({
      {exec_with({"-f", "1", "-f", "1"}), "--parallel is given twice"},
      {exec_with({"--user", "a", "-u", "b"}), "--user is given twice"},
      {exec_with({"--output", "line", "--output", "line"}), "--output is given twice"},
      {{"exec", "-a", "--cmd", "a", "--cmd", "b"}, "--cmd is given twice"},
  });
}

TEST_CASE("errors: two names of an option are one option", "[cli]") {
  check({
      {exec_with({"-u", "a", "-l", "b"}), "--user is given twice"},
      {exec_with({"--parallel", "1", "--fanout", "2"}), "--parallel is given twice"},
  });
}

TEST_CASE("errors: options that contradict each other", "[cli]") {
  check({
      {exec_with({"-L", "-q"}), "-L and -q contradict each other"},
      {exec_with({"--json", "-L"}), "--json and -L contradict each other"},
      {exec_with({"-Lq"}), "-L and -q contradict each other"},
      {exec_with({"-L", "--output", "block"}), "-L and --output contradict each other"},
      {exec_with({"--output", "block", "-q"}), "--output and -q contradict each other"},
      {exec_with({"-4", "-6"}), "-4 and -6 contradict each other"},
      {{"hosts", "-a", "--fold", "--expand"}, "--fold and --expand contradict each other"},
      {{"hosts", "-a", "--json", "--effective"}, "--json and --effective contradict each other"},
      {{"hosts", "-a", "--expand", "--json"}, "--expand and --json contradict each other"},
  });
}

TEST_CASE("errors: a switch may be repeated", "[cli]") {
  CHECK(test::options_of(exec_with({"-a", "-L", "-L"})).output == cli::OutputForm::line);
}

TEST_CASE("errors: no hosts are selected", "[cli]") {
  const std::string message = "no hosts are selected; use -g, -H, -a, --hosts-file or --rerun";
  check({
      {{"exec"}, message},
      {{"exec", "uptime"}, message},
      {{"exec", "-x", "web07", "uptime"}, message},
      {{"hosts"}, message},
      {{"hosts", "-i", "hosts.ini"}, message},
      {{"trust", "--yes"}, "no hosts are selected; use -g, -H, -a or --hosts-file"},
      {{"hosts", "--shard", "1/2"}, message},
  });
}

TEST_CASE("errors: standard input is read once", "[cli]") {
  const std::string message =
      "only one of --hosts-file and --inventory can read standard input (-)";
  check({
      {{"hosts", "--hosts-file", "-", "--hosts-file", "-"}, message},
      {{"exec", "--hosts-file", "-", "-i", "-", "uptime"}, message},
  });
  CHECK(test::options_of({"hosts", "-i", "-", "--hosts-file", "x"}).selection.inventory == "-");
}

TEST_CASE("errors: a command that is missing, empty, given twice or too long", "[cli]") {
  const std::string missing = "no COMMAND is given; it stands after the options";
  check({
      {{"exec", "-a"}, missing},
      {{"exec", "-a", "--"}, missing},
      {{"exec", "-a", ""}, "the command is empty"},
      {{"exec", "-a", "--", " ", "\t"}, "the command is empty"},
      {{"exec", "-a", "--cmd", "  "}, "the command is empty"},
      {{"exec", "-a", "--cmd", "uptime", "--", "date", "-u"},
       "the command is given twice: by --cmd and as 'date -u'"},
      {{"exec", "-a", std::string(32769, 'x')}, "the command has 32769 bytes; the limit is 32768"},
      {{"exec", "-a", "--cmd", std::string(40000, 'x')},
       "the command has 40000 bytes; the limit is 32768"},
  });
}

TEST_CASE("errors: a copy needs a source and a destination", "[cli]") {
  check({
      {{"put", "-a"}, "put needs at least two paths: LOCAL... REMOTE"},
      {{"put", "-a", "x"}, "put needs at least two paths: LOCAL... REMOTE"},
      {{"put", "-a", "--", "x"}, "put needs at least two paths: LOCAL... REMOTE"},
      {{"get", "-a", "x"}, "get needs at least two paths: REMOTE... LOCALDIR"},
      {{"put", "-a", "x", ""}, "an empty path in LOCAL... REMOTE"},
      {{"get", "-a", "", "x"}, "an empty path in REMOTE... LOCALDIR"},
      {{"put", "-a", "x", "y", "/tmp"}, "several LOCALs need a REMOTE that ends in /"},
      {{"put", "x", "/tmp/"}, "no hosts are selected; use -g, -H, -a, --hosts-file or --rerun"},
  });
}

TEST_CASE("errors: an option after a path is not taken for a path", "[cli]") {
  const std::string message =
      "stands after a path: options come first; a path of that name is written ./";
  check({
      {{"put", "-a", "x", "/tmp/", "-r"}, "'-r' " + message + "-r"},
      {{"get", "-a", "x", "y", "--verify"}, "'--verify' " + message + "--verify"},
      {{"put", "-a", "x", "--", "/tmp/"}, "'--' " + message + "--"},
  });
}

TEST_CASE("errors: ways of copying that contradict each other", "[cli]") {
  check({
      {{"put", "-a", "--update", "--checksum", "x", "y"},
       "--update and --checksum contradict each other: one compares size and time, the other "
       "content"},
      {{"put", "-a", "--method", "scp", "--resume", "x", "y"},
       "--resume needs SFTP: --method scp can only begin again"},
      {{"get", "-a", "--method", "rsync", "x", "y"}, "--method: 'rsync' is not auto, sftp or scp"},
      {{"get", "-a", "--progress", "yes", "x", "y"},
       "--progress: 'yes' is not auto, always or never"},
      {{"put", "-a", "--then", " ", "x", "y"}, "--then is empty"},
      {{"put", "-a", "--then", std::string(40000, 'x'), "x", "y"},
       "--then has 40000 bytes; the limit is 32768"},
  });
}

TEST_CASE("errors: a way to go over the hosts that is none", "[cli]") {
  const std::string quantities =
      " is neither a number of hosts from 1 to 1000000 nor a share of them above 0% (10%, 12.5%; "
      "at most 100%)";
  check({
      {exec_with({"--order", "lif"}),
       "--order: 'lif' is not fifo, lifo, priority or random; did you mean lifo?"},
      {exec_with({"--order", "random:x"}),
       "--order: 'x' is not a number from 0 to 18446744073709551615"},
      {exec_with({"--batches", "1,0"}), "--batches: '0'" + quantities},
      {exec_with({"--batches", "1,,2"}), "--batches: ''" + quantities},
      {exec_with({"--max-fail", "0%"}), "--max-fail: '0%'" + quantities},
      {exec_with({"--max-fail", "101%"}), "--max-fail: '101%'" + quantities},
      {exec_with({"--on-halt", "stop"}), "--on-halt: 'stop' is not drain or kill"},
      {exec_with({"--ok-if", "90"}), "--ok-if: '90' is not a share (80%, 99.5%; at most 100%)"},
      {exec_with({"--start-rate", "0"}), "--start-rate: '0' is not a number from 1 to 100000"},
      {exec_with({"--retries", "101"}), "--retries: '101' is not a number from 0 to 100"},
      {exec_with({"--max-auth-fail", "-1"}),
       "--max-auth-fail: '-1' is not a number from 0 to 1000000"},
      {exec_with({"--shard", "3/2"}),
       "--shard: '3/2' is not K/N with K from 1 to N and N at most 1000000, nor auto or auto/N"},
      {exec_with({"--rerun", "run.jsonl"}),
       "--rerun: 'run.jsonl' is not WHAT:JOURNAL, as in failed:run.jsonl"},
      {exec_with({"--rerun", "not_ok:j"}),
       "--rerun: 'not_ok' is not failed, unreached, unfinished or not-ok; did you mean not-ok?"},
      {{"trust", "-a", "--rerun", "failed:j"},
       "--rerun is an option of exec, put, get and hosts, not of trust"},
      {{"hosts", "-a", "--journal", "j"},
       "--journal is an option of exec, put and get, not of hosts"},
  });
}

TEST_CASE("errors: a way to go over the hosts that would not be seen", "[cli]") {
  check({
      {exec_with({"--gate", "true"}),
       "--gate has no effect without --batches: it stands between two"},
      {exec_with({"--pause-between", "1m", "--gate", "true"}),
       "--pause-between has no effect without --batches: it stands between two"},
      {exec_with({"--batches", "1", "--gate", " "}), "--gate is empty"},
      {exec_with({"--journal", "-"}),
       "--journal: - is no file, and a journal has to outlive the run"},
      {exec_with({"--dry-run", "--journal", "j"}),
       "--journal has no effect with --dry-run: nothing is run that it could record"},
      {{"put", "-a", "--gate", "true", "x", "y"},
       "--gate has no effect without --batches: it stands between two"},
      {{"hosts", "-a", "--pick", "3", "--shard", "1/2"},
       "--pick and --shard contradict each other: each process would draw another sample"},
  });
}

TEST_CASE("errors: a mode is octal digits up to 7777", "[cli]") {
  for (const std::string mode : {"8", "u+x", "-1", "+644", "0o644", "10000", "000644", " 644"})
    check({{{"put", "-a", "--chmod", mode, "x", "y"},
            "--chmod: '" + mode + "' is not a mode: octal digits up to 7777 are"}});
}

TEST_CASE("errors: hosts runs nothing and shows settings in two forms", "[cli]") {
  check({
      {{"hosts", "-g", "db", "db01"},
       "hosts runs no command: 'db01' is too much (hosts are given by -H)"},
      {{"hosts", "-a", "-u", "root"}, "--user shows only with --effective or --json"},
      {{"hosts", "-a", "--expand", "-P", "22"}, "--port shows only with --effective or --json"},
  });
}

TEST_CASE("errors: a text from the command line keeps to its line", "[cli]") {
  check({
      {exec_with({"-P", "2\n2\x1b[31m"}),
       "--port: '2?2?[31m' is not a port: a number from 1 to 65535 is"},
      {exec_with({"-t", "5ms\x1b[31m"}),
       "--timeout: the value is not a duration (500ms, 10s, 5m, 1h; a bare number is seconds)"},
      // CSI as a bare byte and in UTF-8.
      {exec_with({"--exit",
                  "\x9b"
                  "31m\xc2\x9b"
                  "31m"}),
       "--exit: '?31m??31m' is not class or max"},
      {exec_with({"-\x9b"}), "unknown option -?"},
      {{"-\x1b"}, "unknown option -?"},
      {{"\x1b[31m"},
       "unknown command '?[31m' (there are exec, put, get, hosts, trust, report and help)"},
      {exec_with({"--output", std::string(200, 'x')}),
       "--output: '" + std::string(48, 'x') + "...' is not block, line, merge, diff, json or none"},
      {exec_with({"--no\nsuch"}), "unknown option --no?such"},
  });
}

TEST_CASE("errors: the hint names the help that fits", "[cli]") {
  const auto hint = [](std::vector<const char *> words) {
    words.insert(words.begin(), "fanout");
    return cli::hint(static_cast<int>(words.size()), words.data());
  };
  CHECK(hint({"exec", "--bogus"}) == "try 'fanout exec --help'");
  CHECK(hint({"hosts"}) == "try 'fanout hosts --help'");
  CHECK(hint({"exce"}) == "try 'fanout --help'");
  CHECK(hint({}) == "try 'fanout --help'");
}
