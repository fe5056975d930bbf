#include "case.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <stdexcept>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include "fanout/inventory/fold.hpp"

namespace fanout::golden {

namespace {

constexpr std::chrono::seconds hour_of_the_run{1'769'860'800};  // 2026-01-31, 12:00 UTC

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

core::Stream stream_named(std::string_view word) {
  return word == "out" ? core::Stream::out : core::Stream::err;
}

void replace_all(std::string &text, std::string_view from, std::string_view to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
}

}  // namespace

File::File() : fd_(sys::UniqueFd::adopt(::memfd_create("golden", MFD_CLOEXEC))) {}

std::string File::text() const {
  std::string text(static_cast<std::size_t>(::lseek(fd_.get(), 0, SEEK_END)), '\0');
  const ssize_t count = ::pread(fd_.get(), text.data(), text.size(), 0);
  text.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
  return text;
}

void Case::play(std::string_view statements) {
  for (int number = 1; !statements.empty(); ++number) {
    const std::size_t end = statements.find('\n');
    const std::string_view line = statements.substr(0, end);
    statements = end == std::string_view::npos ? std::string_view() : statements.substr(end + 1);
    INFO("line " << number << ": " << line);
    if (const Words words = split(line); !words.empty()) obey(words);
  }
}

void Case::obey(const Words &words) {
  if (words[0] == "repeat") return repeat(words);
  if (words[0] == "each") return each(words);
  if (set(words)) return;
  if (const auto done = happen(words); !done) FAIL_CHECK(done.error().message);
}

void Case::repeat(const Words &words) {
  const int count = std::stoi(words.at(1));
  for (int round = 1; round <= count; ++round) {
    Words statement(words.begin() + 2, words.end());
    for (std::string &word : statement) replace_all(word, "{round}", std::to_string(round));
    obey(statement);
  }
}

void Case::each(const Words &words) {
  std::size_t first = 1;
  std::size_t last = hosts_.size();
  const std::size_t dash = words.at(1).find('-');
  const bool has_range = dash != std::string::npos;
  if (has_range) {
    first = std::stoul(words[1].substr(0, dash));
    last = std::stoul(words[1].substr(dash + 1));
  }
  for (std::size_t number = first; number <= last; ++number) {
    Words statement(words.begin() + (has_range ? 2 : 1), words.end());
    for (std::string &word : statement) {
      replace_all(word, "{host}", hosts_.at(number - 1).name);
      replace_all(word, "{ip}", hosts_.at(number - 1).address);
      replace_all(word, "{number}", std::to_string(number));
    }
    obey(statement);
  }
}

bool Case::set_form(const Words &words) {
  using Form = report::OutputForm;
  const std::map<std::string, Form> forms{{"block", Form::block}, {"line", Form::line},
                                          {"merge", Form::merge}, {"diff", Form::diff},
                                          {"json", Form::json},   {"none", Form::none}};
  options_.form = forms.at(words.at(1));
  options_.merges_too = words.size() > 2 && words[2] == "merge";
  return true;
}

bool Case::add_hosts(const Words &words) {
  if (words[0] == "host") {
    core::Host &host = hosts_.emplace_back();
    host.name = words.at(1);
    host.address = words.at(2);
    return true;
  }
  const int count = std::stoi(words.at(2));
  for (int number = 1; number <= count; ++number) {
    core::Host &host = hosts_.emplace_back();
    host.name = fmt::format("{}{:0{}}", words.at(1), number, words[2].size());
    host.address = fmt::format("10.0.{}.{}", (number - 1) / 250, (number - 1) % 250 + 1);
  }
  return true;
}

bool Case::set(const Words &words) {
  const std::string &word = words[0];
  const auto has = [&words](std::string_view option) {
    return std::find(words.begin() + 1, words.end(), option) != words.end();
  };
  if (report_) return false;
  if (word == "form") return set_form(words);
  if (word == "host" || word == "hosts") return add_hosts(words);
  if (word == "task")
    options_.task = has("put")   ? core::TaskKind::put
                    : has("get") ? core::TaskKind::get
                                 : core::TaskKind::exec;
  else if (word == "terminal") {
    out_is_terminal_ = has("out");
    err_is_terminal_ = has("err");
  } else if (word == "headers")
    options_.headers = !has("off");
  else if (word == "raw")
    options_.raw = true;
  else if (word == "sorted")
    options_.sorted = true;
  else if (word == "color")
    color_ = true;
  else if (word == "mask")
    options_.masking = {has("host"), has("ip"), has("number")};
  else if (word == "expect-same")
    options_.compares = true;
  else if (word == "diff-against")
    diff_against_ = words.at(1);
  else if (word == "verbosity")
    options_.verbosity = std::stoi(words.at(1));
  else if (word == "max-output")
    options_.max_output_bytes = std::stoull(words.at(1));
  else
    return false;
  return true;
}

void Case::begin() {
  options_.wall_clock = [] { return std::chrono::system_clock::time_point(hour_of_the_run); };
  options_.colors = {console::Colors(color_ && out_is_terminal_),
                     console::Colors(color_ && err_is_terminal_)};
  if (!diff_against_.empty())
    options_.reference = report::Reference{diff_against_, index_of(diff_against_), {}};
  output_.emplace(lock_, console::Output::Sink{out_.fd(), out_is_terminal_},
                  console::Output::Sink{err_.fd(), err_is_terminal_});
  report_.emplace(options_, hosts_, *output_,
                  [](std::span<const std::string> names) { return inventory::fold(names); });
}

core::Result<void> Case::happen(const Words &words) {
  if (!report_) begin();
  const std::string &word = words[0];
  if (word == "running") return output_->write(core::Stream::err, report_->running_text());
  if (word == "finish")
    return report_->finish(core::Milliseconds(std::stoi(words.at(1))),
                           words.size() > 2 ? words[2] : "");
  if (word == "differ") {
    if (options_.compares) CHECK(report_->outputs_differ() == (words.at(1) == "yes"));
    return {};
  }
  return happen_to(index_of(words.at(1)), words);
}

core::Result<void> Case::happen_to(core::HostIndex host, const Words &words) {
  const std::string &word = words[0];
  if (word == "started") return report_->observe(core::Started{host});
  if (word == "phase") return report_->observe(core::PhaseEntered{host, phase_named(words.at(2))});
  if (word == "out" || word == "err")
    return report_->observe(core::OutputReceived{host, stream_named(word), words.at(2)});
  if (word == "missing")
    return report_->observe(
        core::OutputMissing{host, stream_named(words.at(2)), std::stoull(words.at(3)), {}});
  if (word == "note") return report_->observe(core::Noted{host, words.at(2)});
  if (word == "ended") return report_->observe(core::Ended{host, outcome_from(words)});
  throw std::runtime_error("unknown statement, or too late: " + word);
}

core::HostIndex Case::index_of(const std::string &name) const {
  for (std::size_t i = 0; i < hosts_.size(); ++i)
    if (hosts_[i].name == name) return static_cast<core::HostIndex>(i);
  throw std::runtime_error("unknown host " + name);
}

}  // namespace fanout::golden
