// Journals as files: what is written is read again, whatever kills the writer, and what is not ours is left alone.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <random>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "fanout/files/sha256.hpp"
#include "fanout/report/journal.hpp"
#include "fanout/report/journal_texts.hpp"
#include "fanout/sys/fd.hpp"
#include "report/printed.hpp"

namespace fanout::report {
namespace {

using core::Outcome;
using core::Phase;
using core::Status;
using State = JournalEntry::State;

class Folder {
public:
  Folder() {
    std::string name = std::filesystem::temp_directory_path() / "fanout-journal-XXXXXX";
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  Folder(const Folder &) = delete;
  Folder &operator=(const Folder &) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }

  [[nodiscard]] std::string path(const std::string &name) const { return path_ / name; }
  [[nodiscard]] std::string write(std::string_view text) const {
    std::ofstream(path("j"), std::ios::binary) << text;
    REQUIRE(::chmod(path("j").c_str(), 0600) == 0);
    return path("j");
  }
  [[nodiscard]] std::string read() const {
    std::ifstream file(path("j"), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

private:
  std::filesystem::path path_;
};

constexpr const char *first_run = "1111111111111111";
constexpr const char *second_run = "2222222222222222";

std::vector<core::Host> hosts(std::size_t count) {
  std::vector<core::Host> hosts(count);
  for (std::size_t i = 0; i < count; ++i) {
    hosts[i].name = hosts[i].address = "h" + std::to_string(i);
    hosts[i].user = "root";
  }
  return hosts;
}

JournalHead head(std::string run, std::string rerun_of = "") {
  return {std::move(run), std::move(rerun_of), "exec", "uptime", "fifo", "me", {1, 2}};
}

Outcome outcome(Status status, Phase phase) {
  Outcome outcome;
  outcome.status = status;
  outcome.phase = phase;
  outcome.attempts = 1;
  return outcome;
}

void done(const core::Result<void> &result) {
  if (!result) FAIL(result.error().message);
}

Journal opened(const std::string &path) {
  auto journal = Journal::open(path);
  if (!journal) FAIL(journal.error().message);
  return std::move(*journal);
}

ReadJournal read(const std::string &path) {
  auto journal = read_journal(path);
  if (!journal) FAIL(journal.error().message);
  return std::move(*journal);
}

// What is wrong with the file, without its name.
std::string after_name(const core::Error &error, const std::string &path) {
  CHECK(error.kind == core::ErrorKind::usage);
  const std::string name = "journal " + path + ":";
  if (!error.message.starts_with(name)) return error.message;
  const std::string rest = error.message.substr(name.size());
  return rest.starts_with(' ') ? rest.substr(1) : rest;
}
std::string read_error(const std::string &path) {
  const auto journal = read_journal(path);
  return journal ? "" : after_name(journal.error(), path);
}
std::string open_error(const std::string &path) {
  const auto journal = Journal::open(path);
  return journal ? "" : after_name(journal.error(), path);
}

std::string picked(const ReadJournal &journal, core::Rerun what) {
  std::string names;
  for (const core::NamedHost &host : pick(journal, what).hosts) names += host.name + " ";
  return names;
}

std::string line(const std::string &run, const std::string &event, const std::string &rest) {
  return R"({"v":1,"run":")" + run + R"(","event":")" + event +
         R"(","time":"2026-01-31T12:00:00.000Z",)" + rest + "}\n";
}
std::string planned_line(const std::string &run = first_run, const std::string &name = "h0",
                         const std::string &rerun_of = "null") {
  return line(run, "planned",
              R"("fanout":"0.1.0","command":"exec","text":"uptime","order":"fifo","batches":[2],)"
              R"("local_user":"me","rerun_of":)" +
                  rerun_of + R"(,"hosts":[{"host":")" + name +
                  R"(","address":"h0","port":22,"user":"root"},)"
                  R"({"host":"h1","address":"h1","port":2222,"user":"you"}])");
}
std::string started_line(const std::string &host) {
  return line(first_run, "started", R"("host":")" + host + R"(","attempt":1)");
}
std::string ended_line(const std::string &host, const std::string &status = "ok") {
  return line(first_run, "ended",
              R"("host":")" + host + R"(","status":")" + status +
                  R"(","exit":0,"signal":null,"phase":"done","cause":"","attempts":1,)"
                  R"("seconds":0.5,"phases":{"resolve":0,"connect":0,"kex":0,"auth":0,"run":0.5},)"
                  R"("stdout_bytes":0,"stderr_bytes":0,"remote_end":"exited","stopped_by":null)");
}

TEST_CASE("journal: what a run has told is read again", "[journal]") {
  const Folder folder;
  Journal journal = opened(folder.path("j"));
  auto all = hosts(8);
  all[0].port = 2222;
  all[0].user = "m\xe9";  // not UTF-8
  done(journal.planned(head(first_run), all));
  const std::vector<Journal::Start> wave{{0, 1}, {1, 1}, {2, 1}, {3, 1}, {4, 1}, {5, 1}};
  done(journal.starting(wave));
  done(journal.ended(0, outcome(Status::ok, Phase::done)));
  Outcome failed = outcome(Status::failed, Phase::done);
  failed.exit_status = 3;
  failed.cause = "exit \xff 3\n";
  failed.remote_end = core::RemoteEnd::killed;
  failed.stopped_by = core::StopMethod::channel_signal;
  done(journal.ended(1, failed));
  done(journal.ended(2, outcome(Status::unreachable, Phase::connect)));
  done(journal.retrying(3, outcome(Status::timeout, Phase::connect)));
  done(journal.retrying(4, outcome(Status::timeout, Phase::connect)));
  const std::vector<Journal::Start> again{{4, 2}};
  done(journal.starting(again));
  const std::vector<core::HostIndex> left{3, 6};
  done(journal.skipped(left, "stopped by --max-fail"));

  // While the run goes on, its hosts are not there to be run by another.
  CHECK(read_error(folder.path("j")) == "is in use by another run");
  { const Journal closed = std::move(journal); }
  const ReadJournal known = read(folder.path("j"));
  CHECK(known.run == first_run);
  CHECK(known.runs.back().head.command == "exec");
  CHECK(known.runs.back().head.text == "uptime");
  CHECK(known.torn_bytes == 0);
  REQUIRE(known.hosts.size() == 8);
  CHECK(known.hosts[0].host.port == 2222);
  CHECK(known.hosts[0].host.user == "m\xef\xbf\xbd");
  CHECK(known.hosts[1].outcome.status == Status::failed);
  CHECK(known.hosts[1].outcome.phase == Phase::done);
  CHECK(picked(known, core::Rerun::failed) == "h1 ");
  CHECK(picked(known, core::Rerun::unreached) == "h2 ");
  CHECK(picked(known, core::Rerun::unfinished) == "h3 h6 h7 ");
  CHECK(picked(known, core::Rerun::not_ok) == "h1 h2 h3 h4 h5 h6 h7 ");
  CHECK(pick(known, core::Rerun::unfinished).unknown == std::vector<std::string>{"h4", "h5"});

  struct stat facts {};
  REQUIRE(::stat(folder.path("j").c_str(), &facts) == 0);
  CHECK((facts.st_mode & 0777) == 0600);
}

TEST_CASE("journal: a record has the members of --output json, and of a copy what was copied",
          "[journal]") {
  const Folder folder;
  {
    Journal journal = opened(folder.path("j"));
    JournalHead put = head(first_run);
    put.command = "put";
    done(journal.planned(put, hosts(1)));
    const std::vector<Journal::Start> wave{{0, 1}};
    done(journal.starting(wave));
    Outcome copied = outcome(Status::ok, Phase::done);
    copied.transfer.emplace();
    copied.transfer->files = 3;
    copied.transfer->sent_bytes = 7;
    copied.stopped_by = core::StopMethod::kill_command;
    done(journal.ended(0, copied));
    done(journal.finished(0));
  }
  const std::string text = folder.read();
  CHECK(
      text.find(R"("host":"h0","status":"ok","exit":null,"signal":null,"phase":"done","cause":"",)"
                R"("attempts":1,"seconds":0.0,"phases":{"resolve":0.0,)") != std::string::npos);
  CHECK(text.find(R"("stdout_bytes":0,"stderr_bytes":0,"remote_end":null,"stopped_by":"kill",)"
                  R"("files":3,"bytes":0,"sent":7,"unchanged":0)") != std::string::npos);
  CHECK(text.ends_with("\"exit\":0}\n"));
  CHECK(picked(read(folder.path("j")), core::Rerun::not_ok).empty());
}

// What a host has printed, as the report has it.
struct Prints {
  explicit Prints(std::string_view out, std::string_view err = {}, std::uint64_t missing = 0)
      : printed(spill) {
    add(printed.out, out);
    add(printed.err, err);
    printed.out.missing_bytes = missing;
  }
  static void add(PrintedStream &stream, std::string_view text) {
    done(stream.text.append(text));
    files::Sha256 hash;
    hash.add(text);
    stream.sha256 = hash.finish();
  }
  Spill spill;
  Printed printed;
};

std::string kept(const JournalTexts &texts, const std::string &sha256) {
  const JournalTexts::Text *text = texts.find(sha256);
  REQUIRE(text != nullptr);
  const auto whole = text->beginning.whole();
  REQUIRE(whole);
  return *whole;
}

// A run of so many hosts that are ok and have printed this.
void write_run(const std::string &path, const std::vector<const Prints *> &prints) {
  Journal journal = opened(path);
  done(journal.planned(head(first_run), hosts(prints.size())));
  for (core::HostIndex i = 0; i < prints.size(); ++i) {
    const std::vector<Journal::Start> wave{{i, 1}};
    done(journal.starting(wave));
    Outcome ok = outcome(Status::ok, Phase::done);
    ok.stdout_bytes = prints[i]->printed.out.bytes();
    ok.stderr_bytes = prints[i]->printed.err.bytes();
    done(journal.ended(i, ok));
    done(journal.printed(i, prints[i]->printed));
  }
  done(journal.finished(0));
}

TEST_CASE("journal: what hosts have printed is read again, each text once", "[journal]") {
  const Folder folder;
  const Prints same("hello\n");
  const Prints again("hello\n", "hello\n");
  const Prints other("hello\n", "\xff\xfe not text\n");
  const Prints silent("");
  write_run(folder.path("j"), {&same, &again, &other, &silent});
  const std::string text = folder.read();
  std::size_t times = 0;
  for (std::size_t at = 0; (at = text.find("\"text\":\"hello", at)) != std::string::npos; ++at)
    ++times;
  CHECK(times == 1);
  CHECK(text.find(R"("base64":"//4gbm90IHRleHQK")") != std::string::npos);
  CHECK(text.find(R"("event":"output","time":)") != std::string::npos);

  JournalTexts texts;
  const auto known = read_journal(folder.path("j"), &texts);
  REQUIRE(known);
  CHECK(kept(texts, known->hosts[0].stdout_sha256) == "hello\n");
  CHECK(known->hosts[0].stderr_sha256.empty());
  CHECK(known->hosts[1].stderr_sha256 == known->hosts[1].stdout_sha256);
  CHECK(kept(texts, known->hosts[2].stderr_sha256) == "\xff\xfe not text\n");
  CHECK(known->hosts[3].stdout_sha256.empty());
  CHECK(read(folder.path("j")).hosts[2].stderr_sha256 == known->hosts[2].stderr_sha256);
}

TEST_CASE("journal: of a long text the beginning is kept, in whole characters", "[journal]") {
  const Folder folder;
  std::string text = "x";
  while (text.size() < longest_journaled_text * 2) text += "\xc3\xa4";
  const Prints prints(text, "", 5);
  write_run(folder.path("j"), {&prints});
  JournalTexts texts;
  const auto known = read_journal(folder.path("j"), &texts);
  REQUIRE(known);
  const std::string &sha256 = known->hosts[0].stdout_sha256;
  CHECK(kept(texts, sha256) == text.substr(0, longest_journaled_text - 1));
  CHECK(texts.find(sha256)->bytes == text.size() + 5);
}

TEST_CASE("journal: the texts of one run are bounded, their hashes are not", "[journal]") {
  const Folder folder;
  constexpr std::size_t fitting = most_journaled_text / longest_journaled_text;
  constexpr std::size_t count = fitting + 3;
  {
    Journal journal = opened(folder.path("j"));
    done(journal.planned(head(first_run), hosts(count)));
    std::vector<Journal::Start> all;
    for (core::HostIndex host = 0; host < count; ++host) all.push_back({host, 1});
    done(journal.starting(all));
    for (core::HostIndex i = 0; i < count; ++i) {
      const Prints prints(std::to_string(i) + std::string(longest_journaled_text, '.'));
      done(journal.ended(i, outcome(Status::ok, Phase::done)));
      done(journal.printed(i, prints.printed));
    }
  }
  JournalTexts texts;
  const auto known = read_journal(folder.path("j"), &texts);
  REQUIRE(known);
  CHECK(texts.find(known->hosts[fitting - 1].stdout_sha256)->beginning.size() ==
        longest_journaled_text);
  const JournalTexts::Text *last = texts.find(known->hosts[count - 1].stdout_sha256);
  REQUIRE(last != nullptr);
  CHECK(last->beginning.empty());
  CHECK(last->bytes > longest_journaled_text);
}

TEST_CASE("journal: what a host cannot have printed is refused with its line", "[journal]") {
  const Folder folder;
  const std::string sha256 =
      "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";  // of "hello"
  const std::string other(64, 'a');
  const auto output = [&](const std::string &texts, const std::string &out) {
    return line(first_run, "output",
                R"("host":"h0","stdout":")" + out + R"(","stderr":null,"texts":[)" + texts + "]");
  };
  const auto text = [](const std::string &hash, const std::string &bytes,
                       const std::string &member) {
    return R"({"sha256":")" + hash + R"(","bytes":)" + bytes + "," + member + "}";
  };
  const std::string hello = text(sha256, "5", R"("text":"hello")");
  const std::string start = planned_line() + started_line("h0");
  const std::string begin = start + ended_line("h0");
  const auto error_of = [&](const std::string &lines) { return read_error(folder.write(lines)); };

  CHECK(error_of(begin + output(hello, sha256)).empty());
  CHECK(error_of(begin + output("", sha256)).empty());
  CHECK(error_of(begin + output(text(other, "6", R"("text":"hello")"), other)).empty());
  CHECK(error_of(start + output(hello, sha256)) == "3: h0 has printed before its end, or twice");
  CHECK(error_of(begin + output(hello, sha256) + output("", sha256)) ==
        "5: h0 has printed before its end, or twice");
  CHECK(error_of(begin + output(text(other, "5", R"("text":"hello")"), other)) ==
        "4: a text is not what its hash says");
  CHECK(error_of(begin + output(hello, other)) == "4: a text is not what h0 has printed");
  // Of one host more may have been kept than of another.
  CHECK(error_of(begin + output(hello + "," + hello, sha256)).empty());
  CHECK(error_of(begin + output(text(sha256, "4", R"("text":"hello")"), sha256)) ==
        "4: a text has 5 bytes, which is more than there can be");
  CHECK(error_of(begin + output(text(sha256, "5", R"("base64":"a")"), sha256)) ==
        "4: \"base64\" is not Base64");
  CHECK(error_of(begin + output("3", sha256)) == "4: a text is not an object");
  CHECK(error_of(begin + output("", "ABC")) == "4: \"stdout\" is not 64 hexadecimal digits");
  const std::string too_long(longest_journaled_text + 1, 'x');
  CHECK(error_of(begin + output(text(other, "99999", R"("text":")" + too_long + "\""), other)) ==
        "4: a text has 65537 bytes, which is more than there can be");
}

TEST_CASE("journal: wherever it is torn, whole lines count and nothing else", "[journal]") {
  const Folder folder;
  const std::vector<std::string> lines{planned_line(), started_line("h0"), ended_line("h0"),
                                       started_line("h1"), ended_line("h1", "failed")};
  std::string text;
  for (const std::string &each : lines) text += each;
  const std::string path = folder.write(text);
  for (std::size_t size = text.size() + 1; size-- > 0;) {
    const std::string_view left = std::string_view(text).substr(0, size);
    const auto whole = std::count(left.begin(), left.end(), '\n');
    const std::size_t begin = left.rfind('\n') + 1;
    INFO(size << " bytes, " << whole << " lines");
    std::filesystem::resize_file(path, size);
    if (whole == 0) {
      REQUIRE(read_error(path) == "no run is in it");
      continue;
    }
    const ReadJournal known = read(path);
    REQUIRE(known.torn_bytes == size - begin);
    const State first = whole < 2 ? State::not_started : whole < 3 ? State::unknown : State::ended;
    const State second = whole < 4 ? State::not_started : whole < 5 ? State::unknown : State::ended;
    REQUIRE(known.hosts[0].state == first);
    REQUIRE(known.hosts[1].state == second);
  }
}

TEST_CASE("journal: a torn last line is cut off before another run is added", "[journal]") {
  const Folder folder;
  const std::size_t torn = GENERATE(1U, 30U, 100'000U);
  const std::string good = planned_line() + started_line("h0");
  const std::string path = folder.write(good + std::string(torn, 'x'));
  {
    Journal journal = opened(path);
    done(journal.planned(head(second_run), hosts(1)));
  }
  CHECK(folder.read().starts_with(good + R"({"v":1,"run":"2222222222222222","event":"planned",)"));
  CHECK(read(path).run == second_run);
}

TEST_CASE("journal: a first line that is torn leaves an empty journal", "[journal]") {
  const Folder folder;
  const std::string path = folder.write(planned_line().substr(0, 200));
  { const Journal journal = opened(path); }
  CHECK(folder.read().empty());
}

TEST_CASE("journal: a line that is torn or cannot be is refused with its number", "[journal]") {
  const Folder folder;
  const std::string begin = planned_line() + started_line("h0");
  const std::string end = ended_line("h0");
  const auto error_of = [&](const std::string &text) { return read_error(folder.write(text)); };

  CHECK(error_of(begin + end).empty());
  CHECK(error_of(begin + end.substr(0, 50) + "\n" + end) == "3: is not a line of a journal");
  CHECK(error_of(begin + end.substr(0, 50) + end) == "3: is not a line of a journal");
  CHECK(error_of(begin + std::string(100'000, '[') + "\n") == "3: is not a line of a journal");
  CHECK(error_of(begin + "\n" + end) == "3: is not a line of a journal");
  CHECK(error_of("hello\n") == "1: is not a line of a journal");
  CHECK(error_of("{}\n") == "1: \"v\" is missing");
  CHECK(error_of(begin + "{\"v\":2}\n") == "3: version 2; this program reads version 1");
  CHECK(error_of("").starts_with("no run is in it"));

  CHECK(error_of(end) == "1: run 1111111111111111 was not planned");
  CHECK(error_of(planned_line() + end) == "2: h0 ends before its start");
  CHECK(error_of(begin + end + end) == "4: h0 ends twice");
  CHECK(error_of(begin + started_line("h0")) == "3: h0 is started twice, or after its end");
  CHECK(error_of(begin + started_line("h7")) == "3: h7 is no host of run 1111111111111111");
  CHECK(error_of(begin + ended_line("h0", "fine")) == "3: \"status\" is 'fine', which no run says");
  CHECK(error_of(begin + line(first_run, "ended", R"("host":"h0","status":3)")) ==
        "3: \"status\" is not a text");
  CHECK(error_of(begin + line(first_run, "exploded", R"("host":"h0")")) ==
        "3: the event 'exploded' is not known");
  CHECK(error_of(begin + line(first_run, "started", R"("host":"h1","attempt":0)")) ==
        "3: \"attempt\" is 0, and not 1 to 4294967295");
  CHECK(error_of(begin +
                 line(first_run, "retrying", R"("host":"h1","status":"timeout","cause":"")")) ==
        "3: h1 is to be tried again, and was not started");
  CHECK(error_of(begin + line(first_run, "finished", R"("exit":0)") + end) ==
        "4: run 1111111111111111 has finished before");
  CHECK(error_of(begin + planned_line(second_run) + end) ==
        "4: run 1111111111111111 was over before");
  CHECK(error_of(begin + planned_line()) == "3: run 1111111111111111 is planned twice");
}

TEST_CASE("journal: a host that no run can have had is refused", "[journal]") {
  const Folder folder;
  const std::string name = GENERATE("h[0-9]", "-oProxyCommand=x", "h0;id", "a b", "", "h1",
                                    "root@h0", "\\u001b[2J", "@web", "h*");
  INFO(name);
  const std::string error = read_error(folder.write(planned_line(first_run, name)));
  // A bracket belongs to an IPv6 address; that there is none in it is seen when it is used.
  if (name == "h[0-9]")
    CHECK(error.empty());
  else
    CHECK(error.starts_with("1: host "));
}

TEST_CASE("journal: a rerun is read on top of the runs that it goes back to", "[journal]") {
  const Folder folder;
  const auto run =
      [&](const std::string &id, const std::string &of, const std::map<std::string, Outcome> &ends,
          const std::vector<std::string> &started_only, const std::vector<std::string> &names) {
        Journal journal = opened(folder.path("j"));
        std::vector<core::Host> all(names.size());
        for (std::size_t i = 0; i < names.size(); ++i) {
          all[i].name = all[i].address = names[i];
          all[i].user = "root";
        }
        done(journal.planned(head(id, of), all));
        for (core::HostIndex i = 0; i < names.size(); ++i) {
          const bool ends_too = ends.contains(names[i]);
          const bool starts = ends_too || std::find(started_only.begin(), started_only.end(),
                                                    names[i]) != started_only.end();
          const std::vector<Journal::Start> wave{{i, 1}};
          if (starts) done(journal.starting(wave));
          if (ends_too) done(journal.ended(i, ends.at(names[i])));
        }
      };
  const Outcome ok = outcome(Status::ok, Phase::done);
  const Outcome failed = outcome(Status::failed, Phase::done);
  const Outcome unreachable = outcome(Status::unreachable, Phase::connect);
  const std::string other_run = "4444444444444444";

  run(other_run, "", {{"x", failed}}, {}, {"x"});
  run(first_run, "", {{"a", ok}, {"b", failed}, {"c", unreachable}}, {"d", "e", "f"},
      {"a", "b", "c", "d", "e", "f", "g"});
  run(second_run, first_run, {{"b", ok}, {"c", unreachable}, {"d", ok}, {"e", unreachable}}, {},
      {"b", "c", "d", "e", "f", "g"});
  const ReadJournal second = read(folder.path("j"));
  CHECK(second.run == second_run);
  CHECK(picked(second, core::Rerun::not_ok) == "c e f g ");
  CHECK(picked(second, core::Rerun::unreached) == "c ");
  CHECK(picked(second, core::Rerun::unfinished) == "g ");
  // Started in the first run with no end, and not reached or not started in the second: they may have run in the first.
  CHECK(pick(second, core::Rerun::unfinished).unknown == std::vector<std::string>{"e", "f"});

  run("3333333333333333", second_run, {{"g", failed}}, {}, {"g"});
  CHECK(picked(read(folder.path("j")), core::Rerun::not_ok) == "c e f g ");
  CHECK(picked(read(folder.path("j")), core::Rerun::failed) == "g ");
  // A run that goes back to none stands alone.
  run("5555555555555555", "9999999999999999", {{"y", failed}}, {}, {"y", "z"});
  CHECK(picked(read(folder.path("j")), core::Rerun::not_ok) == "y z ");
}

TEST_CASE("journal: what others may have written is neither read nor added to", "[journal]") {
  const Folder folder;
  const std::string path = folder.write(planned_line());
  for (const mode_t mode : {0620, 0602, 0666}) {
    REQUIRE(::chmod(path.c_str(), mode) == 0);
    CHECK(read_error(path) == "others may write to it");
    CHECK(open_error(path) == "others may write to it");
  }
  REQUIRE(::chmod(path.c_str(), 0644) == 0);
  CHECK(read_error(path).empty());
  if (::geteuid() != 0) {
    CHECK(read_error("/etc/passwd") == "belongs to user 0");
    return;
  }
  REQUIRE(::chown(path.c_str(), 1001, 1001) == 0);
  CHECK(read_error(path) == "belongs to user 1001");
  CHECK(open_error(path) == "belongs to user 1001");
  CHECK(folder.read() == planned_line());
}

TEST_CASE("journal: what is no regular file is refused without waiting", "[journal]") {
  const Folder folder;
  const std::string target = folder.write(planned_line());
  REQUIRE(::symlink(target.c_str(), folder.path("link").c_str()) == 0);
  REQUIRE(::symlink("nowhere", folder.path("loose").c_str()) == 0);
  REQUIRE(::mkfifo(folder.path("fifo").c_str(), 0600) == 0);
  REQUIRE(::mkdir(folder.path("folder").c_str(), 0700) == 0);
  for (const char *name : {"link", "loose"}) {
    CHECK(read_error(folder.path(name)) == "is a symbolic link");
    CHECK(open_error(folder.path(name)) == "is a symbolic link");
  }
  for (const char *name : {"fifo", "folder"}) {
    CHECK(read_error(folder.path(name)) == "is not a regular file");
    CHECK(open_error(folder.path(name)) == "is not a regular file");
  }
  CHECK_FALSE(std::filesystem::exists(folder.path("nowhere")));
  CHECK(read_error(folder.path("missing")) == "No such file or directory");
  CHECK(open_error(folder.path("missing/j")) == "No such file or directory");
  CHECK(open_error("/dev/null") == "is not a regular file");
}

TEST_CASE("journal: a file that is something else is left as it was", "[journal]") {
  const Folder folder;
  const auto [text, why] =
      GENERATE(std::pair<std::string, std::string>{"dear diary", "is not a journal"},
               std::pair<std::string, std::string>{"{}\n", "is not a journal"},
               std::pair<std::string, std::string>{"{\"v\":1}\n", "is not a journal"},
               std::pair<std::string, std::string>{"\n" + planned_line(), "is not a journal"},
               std::pair<std::string, std::string>{"{\"v\":2,\"run\":\"1111111111111111\"}\n",
                                                   "version 2; this program writes version 1"});
  INFO(text);
  const std::string path = folder.write(text);
  CHECK(open_error(path) == why);
  CHECK(folder.read() == text);
}

TEST_CASE("journal: a name cannot write to the terminal", "[journal]") {
  const Folder folder;
  const auto journal = read_journal(folder.path("\x1b[2J"));
  REQUIRE_FALSE(journal);
  CHECK(journal.error().message.find('\x1b') == std::string::npos);
}

TEST_CASE("journal: two runs cannot have it at once", "[journal]") {
  const Folder folder;
  {
    const Journal journal = opened(folder.path("j"));
    CHECK(open_error(folder.path("j")) == "is in use by another run");
  }
  CHECK(open_error(folder.path("j")).empty());
}

TEST_CASE("journal: what is not on the disk yet is due 50 ms after it was written", "[journal]") {
  const Folder folder;
  Journal journal = opened(folder.path("j"));
  const auto due = [&](core::TimePoint now) {
    const auto deadline = journal.flush(now);
    REQUIRE(deadline);
    return *deadline;
  };
  const core::TimePoint before = core::Clock::now();
  CHECK(due(before).never());
  done(journal.planned(head(first_run), hosts(2)));
  const core::Deadline first = due(before);
  CHECK(first.at() >= before + flush_after);
  CHECK(first.at() <= core::Clock::now() + flush_after);
  CHECK(due(first.at() - core::Milliseconds(1)).at() == first.at());
  CHECK(due(first.at()).never());
  // A start is there at once.
  done(journal.retrying(0, outcome(Status::timeout, Phase::connect)));
  CHECK_FALSE(due(before).never());
  const std::vector<Journal::Start> wave{{0, 1}};
  done(journal.starting(wave));
  CHECK(due(before).never());
}

TEST_CASE("journal: a full disk is final, and leaves at most one torn line", "[journal]") {
  const Folder folder;
  const std::string path = folder.path("j");
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    auto journal = Journal::open(path);
    if (!journal || !journal->planned(head(first_run), hosts(20))) ::_exit(1);
    struct stat facts {};
    if (::stat(path.c_str(), &facts) != 0) ::_exit(2);
    rlimit limit{};
    limit.rlim_cur = limit.rlim_max = static_cast<rlim_t>(facts.st_size) + 200;
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) ::_exit(3);
    const std::vector<Journal::Start> one{{0, 1}};
    const std::vector<Journal::Start> other{{1, 1}};
    if (!journal->starting(one)) ::_exit(4);
    const auto failed = journal->starting(other);
    if (failed || failed.error().kind != core::ErrorKind::local) ::_exit(5);
    if (failed.error().message != "journal " + path + ": File too large") ::_exit(6);
    // Even when there is room again.
    if (::truncate(path.c_str(), facts.st_size) != 0 || journal->finished(0)) ::_exit(7);
    if (::stat(path.c_str(), &facts) != 0 || journal->flush(core::TimePoint::max())) ::_exit(8);
    ::_exit(0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  CHECK(read(path).hosts.size() == 20);
}

// Says on a pipe what a call has returned from: `s` of a start, `e` of an end.
[[noreturn]] void write_until_killed(const std::string &path, int told, std::size_t count) {
  auto journal = Journal::open(path);
  if (!journal || !journal->planned(head(first_run), hosts(count))) ::_exit(1);
  for (core::HostIndex i = 0; i < count; ++i) {
    const std::vector<Journal::Start> wave{{i, 1}};
    if (!journal->starting(wave) || ::write(told, "s", 1) != 1) ::_exit(1);
    if (!journal->ended(i, outcome(Status::ok, Phase::done)) || ::write(told, "e", 1) != 1)
      ::_exit(1);
  }
  ::_exit(0);
}

TEST_CASE("journal: whatever kills a run, no end and no start that it was told is lost",
          "[journal]") {
  constexpr std::size_t count = 100;  // more than are told of before it is killed
  constexpr std::size_t most_told = 60;
  std::random_device random;
  for (int round = 0; round < 12; ++round) {
    const Folder folder;
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    const auto reader = sys::UniqueFd::adopt(ends[0]);
    auto writer = sys::UniqueFd::adopt(ends[1]);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) write_until_killed(folder.path("j"), writer.get(), count);
    writer.close();
    const std::size_t kill_at = 1 + random() % most_told;
    std::string told;
    char byte = 0;
    while (::read(reader.get(), &byte, 1) == 1) {
      told += byte;
      if (told.size() == kill_at) ::kill(child, SIGKILL);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));

    const ReadJournal known = read(folder.path("j"));
    std::size_t ended = 0;
    std::size_t started = 0;
    for (const JournalEntry &entry : known.hosts) {
      ended += entry.state == State::ended ? 1U : 0U;
      started += entry.state == State::not_started ? 0U : 1U;
    }
    const auto of = [&](char what) {
      return static_cast<std::size_t>(std::count(told.begin(), told.end(), what));
    };
    // One call at most had done its work and could not say so.
    CHECK(ended >= of('e'));
    CHECK(ended <= of('e') + 1);
    CHECK(started >= of('s'));
    CHECK(started <= of('s') + 1);
    // The lock has died with it.
    CHECK(open_error(folder.path("j")).empty());
  }
}

}  // namespace
}  // namespace fanout::report
