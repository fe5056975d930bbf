// Plays the events of every case folder here into a report and compares what comes out, byte by byte. With
// FANOUT_WRITE_GOLDEN=1 in the environment the expected files are written instead, to be read before they are kept.
//
// events.txt has one statement a line; "..." is text with the escapes \n \r \t \\ \" \0 and \xNN, # begins a comment.
//
//     form block|line|json|none task exec|put|get       terminal [out] [err]      headers off      raw      verbosity N      max-output BYTES
//     host NAME ADDRESS                              in the order of the selection
//     started NAME
//     phase NAME WORD                                resolve, connect, ... as in JSON
//     out NAME "TEXT"      err NAME "TEXT"      note NAME "TEXT"
//     ended NAME STATUS [exit=N] [signal=NAME] [cause="TEXT"] [remote=WORD] [phase=WORD] [peer=ADDRESS]
//                       [elapsed=MILLISECONDS] [took-PHASE=MILLISECONDS]...
//                       of a transfer: [files=N] [bytes=N] [sent=N] [unchanged=N] [sha256=TEXT] [verified=TEXT]
//                       [used=TEXT] [left=NAME]...
//     running                                        the text for SIGINT goes to stderr
//     finish MILLISECONDS ["WHY SKIPPED"]
//
// Settings and hosts come before the first event. Hosts are not folded but joined by commas.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "fanout/console/output.hpp"
#include "fanout/report/report.hpp"
#include "fanout/sys/fd.hpp"

namespace {

using namespace fanout;
namespace fs = std::filesystem;

constexpr std::chrono::seconds hour_of_the_run{1'769'860'800};  // 2026-01-31, 12:00 UTC

std::string read_file(const fs::path &path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

class File {
public:
  File() : fd_(sys::UniqueFd::adopt(::memfd_create("golden", MFD_CLOEXEC))) {}
  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] std::string text() const {
    std::string text(static_cast<std::size_t>(::lseek(fd_.get(), 0, SEEK_END)), '\0');
    const ssize_t count = ::pread(fd_.get(), text.data(), text.size(), 0);
    text.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
    return text;
  }

private:
  sys::UniqueFd fd_;
};

char unescape(std::string_view &rest) {
  const char letter = rest.front();
  rest.remove_prefix(1);
  switch (letter) {
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case '0': return '\0';
    case 'x': {
      const int value = std::stoi(std::string(rest.substr(0, 2)), nullptr, 16);
      rest.remove_prefix(2);
      return static_cast<char>(value);
    }
    case '\\':
    case '"': return letter;
    default: throw std::runtime_error("unknown escape");
  }
}

// The words of a line; a word may end in a quoted text: cause="no answer".
std::vector<std::string> split(std::string_view rest) {
  std::vector<std::string> words;
  for (;;) {
    rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
    if (rest.empty() || rest.front() == '#') return words;
    std::string &word = words.emplace_back();
    while (!rest.empty() && rest.front() != ' ') {
      const char letter = rest.front();
      rest.remove_prefix(1);
      if (letter != '"') {
        word += letter;
        continue;
      }
      while (rest.at(0) != '"') {
        const char quoted = rest.front();
        rest.remove_prefix(1);
        word += quoted == '\\' ? unescape(rest) : quoted;
      }
      rest.remove_prefix(1);
    }
  }
}

template <class Enum>
Enum named(std::string_view word, int count) {
  for (int value = 0; value < count; ++value)
    if (to_string(static_cast<Enum>(value)) == word) return static_cast<Enum>(value);
  throw std::runtime_error("unknown word " + std::string(word));
}

core::Phase phase_named(std::string_view word) {
  return named<core::Phase>(word, core::phase_count);
}

// False if it tells of no transfer.
bool set_transfer(core::Outcome &outcome, const std::string &key, const std::string &value) {
  using Record = core::TransferRecord;
  const std::map<std::string, std::uint64_t Record::*> numbers{{"files", &Record::files},
                                                               {"bytes", &Record::bytes},
                                                               {"sent", &Record::sent_bytes},
                                                               {"unchanged", &Record::unchanged}};
  const std::map<std::string, std::string Record::*> texts{
      {"sha256", &Record::sha256}, {"verified", &Record::verified_by}, {"used", &Record::used}};
  Record record = outcome.transfer.value_or(Record());
  if (const auto number = numbers.find(key); number != numbers.end())
    record.*number->second = std::stoull(value);
  else if (const auto text = texts.find(key); text != texts.end())
    record.*text->second = value;
  else if (key == "left")
    record.leftovers.push_back(value);
  else
    return false;
  outcome.transfer = std::move(record);
  return true;
}

core::Outcome outcome_from(const std::vector<std::string> &words) {
  core::Outcome outcome;
  outcome.status = named<core::Status>(words.at(2), core::status_count);
  for (std::size_t i = 3; i < words.size(); ++i) {
    const std::size_t equals = words[i].find('=');
    const std::string key = words[i].substr(0, equals);
    const std::string value = words[i].substr(equals + 1);
    if (key == "exit")
      outcome.exit_status = std::stoi(value);
    else if (key == "signal")
      outcome.signal = value;
    else if (key == "cause")
      outcome.cause = value;
    else if (key == "remote")
      outcome.remote_end = named<core::RemoteEnd>(value, 4);
    else if (key == "phase")
      outcome.phase = phase_named(value);
    else if (key == "peer")
      outcome.peer_address = value;
    else if (key == "elapsed")
      outcome.elapsed = std::chrono::milliseconds(std::stoi(value));
    else if (key.rfind("took-", 0) == 0)
      outcome.phases[static_cast<std::size_t>(phase_named(key.substr(5)))] =
          std::chrono::milliseconds(std::stoi(value));
    else if (!set_transfer(outcome, key, value))
      throw std::runtime_error("unknown key " + key);
  }
  return outcome;
}

std::string join(std::span<const std::string> names) {
  std::string text;
  for (const std::string &name : names) text += (text.empty() ? "" : ",") + name;
  return text;
}

class Case {
public:
  explicit Case(console::Lock &lock) : lock_(lock) {}

  void play(std::string_view text) {
    for (int number = 1; !text.empty(); ++number) {
      const std::size_t end = text.find('\n');
      const std::string_view line = text.substr(0, end);
      text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
      INFO("line " << number << ": " << line);
      if (const std::vector<std::string> words = split(line); !words.empty()) obey(words);
    }
  }
  [[nodiscard]] std::string stdout_text() const { return out_.text(); }
  [[nodiscard]] std::string stderr_text() const { return err_.text(); }

private:
  void obey(const std::vector<std::string> &words) {
    if (!set(words)) CHECK(happen(words));
  }

  bool set(const std::vector<std::string> &words) {
    const std::string &word = words[0];
    if (word == "form")
      options_.form = words.at(1) == "line"    ? report::OutputForm::line
                      : words.at(1) == "block" ? report::OutputForm::block
                      : words.at(1) == "json"  ? report::OutputForm::json
                                               : report::OutputForm::none;
    else if (word == "task")
      options_.task = words.at(1) == "put"   ? core::TaskKind::put
                      : words.at(1) == "get" ? core::TaskKind::get
                                             : core::TaskKind::exec;
    else if (word == "terminal")
      for (std::size_t i = 1; i < words.size(); ++i)
        (words[i] == "out" ? out_is_terminal_ : err_is_terminal_) = true;
    else if (word == "headers")
      options_.headers = words.at(1) != "off";
    else if (word == "raw")
      options_.raw = true;
    else if (word == "verbosity")
      options_.verbosity = std::stoi(words.at(1));
    else if (word == "max-output")
      options_.max_output_bytes = std::stoull(words.at(1));
    else if (word == "host") {
      core::Host &host = hosts_.emplace_back();
      host.name = words.at(1);
      host.address = words.at(2);
    } else
      return false;
    if (report_) throw std::runtime_error("too late for " + word);
    return true;
  }

  core::Result<void> happen(const std::vector<std::string> &words) {
    if (!report_) {
      options_.wall_clock = [] { return std::chrono::system_clock::time_point(hour_of_the_run); };
      output_.emplace(lock_, console::Output::Sink{out_.fd(), out_is_terminal_},
                      console::Output::Sink{err_.fd(), err_is_terminal_});
      report_.emplace(options_, hosts_, *output_, join);
    }
    const std::string &word = words[0];
    if (word == "running") return output_->write(core::Stream::err, report_->running_text());
    if (word == "finish")
      return report_->finish(core::Milliseconds(std::stoi(words.at(1))),
                             words.size() > 2 ? words[2] : "");
    const core::HostIndex host = index_of(words.at(1));
    if (word == "started") return report_->observe(core::Started{host});
    if (word == "phase")
      return report_->observe(core::PhaseEntered{host, phase_named(words.at(2))});
    if (word == "out")
      return report_->observe(core::OutputReceived{host, core::Stream::out, words.at(2)});
    if (word == "err")
      return report_->observe(core::OutputReceived{host, core::Stream::err, words.at(2)});
    if (word == "note") return report_->observe(core::Noted{host, words.at(2)});
    if (word == "ended") return report_->observe(core::Ended{host, outcome_from(words)});
    throw std::runtime_error("unknown statement " + word);
  }

  core::HostIndex index_of(const std::string &name) const {
    for (std::size_t i = 0; i < hosts_.size(); ++i)
      if (hosts_[i].name == name) return static_cast<core::HostIndex>(i);
    throw std::runtime_error("unknown host " + name);
  }

  console::Lock &lock_;
  report::ReportOptions options_;
  bool out_is_terminal_ = false;
  bool err_is_terminal_ = false;
  std::vector<core::Host> hosts_;
  File out_;
  File err_;
  std::optional<console::Output> output_;
  std::optional<report::Report> report_;
};

void compare(const std::string &actual, const fs::path &expected) {
  if (std::getenv("FANOUT_WRITE_GOLDEN") != nullptr) {
    std::ofstream(expected, std::ios::binary) << actual;
    return;
  }
  INFO(expected);
  REQUIRE(fs::exists(expected));
  CHECK(actual == read_file(expected));
}

void play_all(const std::string &format) {
  auto lock = console::Lock::create();
  REQUIRE(lock);
  std::vector<fs::path> folders;
  for (const auto &entry : fs::directory_iterator(fs::path(GOLDEN_FOLDER) / format))
    folders.push_back(entry.path());
  std::sort(folders.begin(), folders.end());
  REQUIRE_FALSE(folders.empty());
  for (const fs::path &folder : folders) {
    INFO(folder);
    REQUIRE(fs::exists(folder / "events.txt"));
    Case played(*lock);
    played.play(read_file(folder / "events.txt"));
    compare(played.stdout_text(), folder / "stdout");
    compare(played.stderr_text(), folder / "stderr");
  }
}

}  // namespace

TEST_CASE("golden: blocks look as they always did", "[golden]") { play_all("block"); }
TEST_CASE("golden: lines look as they always did", "[golden]") { play_all("line"); }
TEST_CASE("golden: the summary looks as it always did", "[golden]") { play_all("summary"); }
TEST_CASE("golden: JSON looks as it always did", "[golden]") { play_all("json"); }
