// Journals put together as one run, and that run played once more.
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include "fanout/report/past_run.hpp"

namespace fanout::report {
namespace {

using core::HostIndex;
using core::Status;

class Journals {
public:
  Journals() {
    std::string name = std::filesystem::temp_directory_path() / "fanout-past-run-XXXXXX";
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    folder_ = name;
  }
  Journals(const Journals &) = delete;
  Journals &operator=(const Journals &) = delete;
  ~Journals() { std::filesystem::remove_all(folder_); }

  std::string write(const std::string &name, const std::string &text) {
    const std::string path = folder_ / name;
    std::ofstream(path, std::ios::binary) << text;
    REQUIRE(::chmod(path.c_str(), 0600) == 0);
    return path;
  }

private:
  std::filesystem::path folder_;
};

// Lines of one run; each is a second later than the one before.
class Lines {
public:
  explicit Lines(char digit, int minute = 0) : run_(16, digit), second_(minute * 60) {}

  Lines &planned(const std::vector<std::string> &hosts, char rerun_of = 0,
                 const std::string &address = "10.0.0.1") {
    std::string names;
    for (const std::string &host : hosts)
      names += (names.empty() ? "" : ",") + std::string(R"({"host":")") + host +
               R"(","address":")" + address + R"(","port":22,"user":"root"})";
    const std::string origin = rerun_of == 0 ? "null" : "\"" + std::string(16, rerun_of) + "\"";
    return add("planned",
               R"("fanout":"0.1.0","command":"exec","text":"uptime","order":"fifo","batches":[1],)"
               R"("local_user":"me","rerun_of":)" +
                   origin + R"(,"hosts":[)" + names + "]");
  }
  Lines &started(const std::string &host) {
    return add("started", R"("host":")" + host + R"(","attempt":1)");
  }
  Lines &ended(const std::string &host, const std::string &status, int bytes = 0) {
    return add("ended", R"("host":")" + host + R"(","status":")" + status +
                            R"(","exit":null,"signal":null,"phase":")" +
                            (status == "unreachable" ? "connect" : "done") +
                            R"(","cause":"","attempts":1,"seconds":1.5,"phases":{"resolve":0,)"
                            R"("connect":0.5,"kex":0,"auth":0,"run":1},"stdout_bytes":)" +
                            std::to_string(bytes) +
                            R"(,"stderr_bytes":0,"remote_end":null,"stopped_by":null)");
  }
  // "hello", or of something longer only that.
  Lines &printed(const std::string &host, bool told, bool whole = true) {
    const std::string sha256 =
        whole ? "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
              : std::string(64, 'a');
    return add("output", R"("host":")" + host + R"(","stdout":")" + sha256 +
                             R"(","stderr":null,"texts":[)" +
                             (told ? R"({"sha256":")" + sha256 + R"(","bytes":)" +
                                         (whole ? "5" : "100") + R"(,"text":"hello"})"
                                   : "") +
                             "]");
  }
  Lines &skipped(const std::string &host, const std::string &why) {
    return add("skipped", R"("hosts":[")" + host + R"("],"why":")" + why + "\"");
  }
  Lines &finished(int code) { return add("finished", R"("exit":)" + std::to_string(code)); }

  [[nodiscard]] const std::string &text() const { return text_; }

private:
  Lines &add(const std::string &event, const std::string &rest) {
    const std::string time =
        fmt::format("2026-01-31T12:{:02}:{:02}.000Z", second_ / 60, second_ % 60);
    ++second_;
    text_ += R"({"v":1,"run":")" + run_ + R"(","event":")" + event + R"(","time":")" + time +
             "\"," + rest + "}\n";
    return *this;
  }

  std::string run_;
  int second_;
  std::string text_;
};

PastRun read(const std::vector<std::string> &files) {
  auto run = read_past_run(files);
  if (!run) FAIL(run.error().message);
  return std::move(*run);
}

std::vector<core::Outcome> outcomes(const PastRun &run) {
  std::vector<core::Outcome> all;
  for (const JournalEntry &entry : run.entries) all.push_back(entry.outcome);
  return all;
}

// "S0 o0hello m0:95 E0ok"
std::string played(const PastRun &run) {
  std::string text;
  const auto done = replay(
      run,
      [&](const core::Event &event) -> core::Result<void> {
        const std::string host = std::to_string(host_of(event));
        if (std::holds_alternative<core::Started>(event)) text += "S" + host + " ";
        if (const auto *out = std::get_if<core::OutputReceived>(&event))
          text += "o" + host + out->bytes + " ";
        if (const auto *missing = std::get_if<core::OutputMissing>(&event))
          text += "m" + host + ":" + std::to_string(missing->bytes) + "/" +
                  std::to_string(missing->sha256.size()) + " ";
        if (const auto *ended = std::get_if<core::Ended>(&event))
          text += "E" + host + std::string(to_string(ended->outcome.status)) + " ";
        return {};
      },
      [&](JournalTime at) { text += "@" + std::to_string((at - run.began).count() / 1000) + " "; });
  REQUIRE(done);
  return text;
}

TEST_CASE("past run: it is played in the order of the ends, with what hosts printed", "[report]") {
  Journals journals;
  const PastRun run = read({journals.write("j", Lines('1')
                                                    .planned({"a", "b", "c", "d"})
                                                    .started("a")
                                                    .started("b")
                                                    .started("c")
                                                    .ended("b", "ok", 5)
                                                    .printed("b", true)
                                                    .ended("a", "failed", 100)
                                                    .printed("a", true, false)
                                                    .ended("c", "ok", 7)
                                                    .skipped("d", "halted")
                                                    .finished(7)
                                                    .text())});
  CHECK(played(run) ==
        "@2 S1 o1hello E1ok @1 S0 o0hello m0:95/32 E0failed @3 S2 m2:7/0 E2ok E3skipped ");
  CHECK(run.elapsed() == core::Milliseconds(10'000));
  CHECK(run.hosts[2].name == "c");
  CHECK(run.entries[3].outcome.cause == "halted");
  CHECK(exit_code_of(run, outcomes(run), std::nullopt) == 7);
}

TEST_CASE("past run: a host of which no end is told is internal, and may still run", "[report]") {
  Journals journals;
  const PastRun run = read({journals.write(
      "j", Lines('1').planned({"a", "b"}).started("a").text() + R"({"v":1,"run":"1)")});
  CHECK(played(run) == "@1 S0 E0internal E1skipped ");
  CHECK(run.entries[0].outcome.remote_end == core::RemoteEnd::unknown);
  CHECK(run.entries[0].outcome.cause == "its end is not in the journal");
  CHECK(run.entries[1].outcome.cause == "not started");
  CHECK(exit_code_of(run, outcomes(run), std::nullopt) == 1);
  REQUIRE(run.notes.size() == 1);
  CHECK(run.notes[0].find("the last 15 bytes are not a whole line") != std::string::npos);
}

TEST_CASE("past run: the latest word on a host counts, in whatever order journals are given",
          "[report]") {
  Journals journals;
  const std::string first = journals.write("first", Lines('1')
                                                        .planned({"a", "b"})
                                                        .started("a")
                                                        .started("b")
                                                        .ended("a", "ok")
                                                        .ended("b", "unreachable")
                                                        .finished(4)
                                                        .text());
  // By another address: a rerun means the same hosts.
  const std::string again = journals.write("again", Lines('2', 10)
                                                        .planned({"b"}, '1', "10.0.0.9")
                                                        .started("b")
                                                        .ended("b", "ok")
                                                        .finished(0)
                                                        .text());
  for (const auto &files : {std::vector{first, again}, std::vector{again, first}}) {
    const PastRun run = read(files);
    REQUIRE(run.entries.size() == 2);
    for (const JournalEntry &entry : run.entries) CHECK(entry.outcome.status == Status::ok);
    CHECK(exit_code_of(run, outcomes(run), std::nullopt) == 0);
    CHECK(exit_code_of(run, outcomes(run), true) == 6);
    CHECK(run.runs.front().head.run == "1111111111111111");
    CHECK(run.elapsed() == core::Milliseconds(603'000));
  }
}

TEST_CASE("past run: what did not reach a host in doubt leaves it in doubt", "[report]") {
  Journals journals;
  const PastRun run = read({journals.write(
      "j", Lines('1').planned({"a"}).started("a").text() + Lines('2', 1)
                                                               .planned({"a"}, '1')
                                                               .started("a")
                                                               .ended("a", "unreachable")
                                                               .finished(4)
                                                               .text())});
  CHECK(run.entries[0].outcome.status == Status::unreachable);
  CHECK(run.entries[0].outcome.remote_end == core::RemoteEnd::unknown);
}

TEST_CASE("past run: of one run that is given twice, what knows more of it counts", "[report]") {
  Journals journals;
  Lines lines('1');
  lines.planned({"a"}).started("a").ended("a", "failed");
  const std::string part = journals.write("part", lines.text());
  // As with --ok-if: not what its hosts would make it.
  const std::string whole = journals.write("whole", lines.finished(0).text());
  for (const auto &files : {std::vector{part, whole}, std::vector{whole, part}}) {
    const PastRun run = read(files);
    REQUIRE(run.runs.size() == 1);
    CHECK(exit_code_of(run, outcomes(run), std::nullopt) == 0);
  }
}

TEST_CASE("past run: two shares of one selection are one run", "[report]") {
  Journals journals;
  const auto share = [&](char digit, const std::string &host, const std::string &status, int code) {
    return journals.write(host, Lines(digit, digit - '0')
                                    .planned({host})
                                    .started(host)
                                    .ended(host, status)
                                    .finished(code)
                                    .text());
  };
  const std::string ok = share('1', "a", "ok", 0);
  const PastRun both = read({ok, share('2', "b", "failed", 5)});
  CHECK(played(both) == "@1 S0 E0ok @61 S1 E1failed ");
  CHECK(exit_code_of(both, outcomes(both), std::nullopt) == 5);
  const PastRun stopped = read({ok, share('3', "c", "interrupted", 130)});
  CHECK(exit_code_of(stopped, outcomes(stopped), std::nullopt) == 130);
  const PastRun different = read({ok, share('4', "d", "ok", 6)});
  CHECK(exit_code_of(different, outcomes(different), std::nullopt) == 6);
}

TEST_CASE("past run: one name for two machines in runs that know nothing of each other is refused",
          "[report]") {
  Journals journals;
  const std::string here = journals.write("here", Lines('1').planned({"a"}).text());
  const std::string there =
      journals.write("there", Lines('2').planned({"a"}, 0, "10.0.0.2").text());
  const auto run = read_past_run({here, there});
  REQUIRE_FALSE(run);
  CHECK(run.error().kind == core::ErrorKind::usage);
  CHECK(run.error().message.find("a is root@10.0.0.2:22 there and root@10.0.0.1:22 in another") !=
        std::string::npos);
  CHECK(read({here, journals.write("same", Lines('3', 1).planned({"a"}).text())}).hosts.size() ==
        1);
}

TEST_CASE("past run: a journal that cannot be read is told with its line", "[report]") {
  Journals journals;
  const auto run = read_past_run({journals.write("j", Lines('1').planned({"a"}).text() + "{}\n")});
  REQUIRE_FALSE(run);
  CHECK(run.error().kind == core::ErrorKind::usage);
  CHECK(run.error().message.find("/j:2: \"v\" is missing") != std::string::npos);
}

}  // namespace
}  // namespace fanout::report
