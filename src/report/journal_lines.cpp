#include "journal_lines.hpp"

#include <algorithm>
#include <limits>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "fanout/console/sanitize.hpp"
#include "fanout/core/names.hpp"
#include "record.hpp"

namespace fanout::report {

using core::ErrorKind;
using core::fail;
using core::Phase;
using core::Result;
using core::Status;

namespace {

tl::unexpected<core::Error> refuse(std::string why) {
  return fail(ErrorKind::usage, std::move(why));
}

// The library builds whatever is nested, however deep, and a byte is enough for a level.
bool is_shallow(std::string_view text) {
  constexpr int deepest = 8;
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      in_string = c != '"';
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > deepest) return false;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return true;
}

bool is_run(std::string_view text) {
  constexpr std::size_t digits = 16;
  return text.size() == digits &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// "2026-01-31T12:00:00.123Z"
bool is_time(std::string_view text) {
  constexpr std::string_view form = "dddd-dd-ddTdd:dd:dd.dddZ";
  return std::equal(text.begin(), text.end(), form.begin(), form.end(), [](char c, char wanted) {
    return wanted == 'd' ? c >= '0' && c <= '9' : c == wanted;
  });
}

// The value whose word this is.
template <class Value>
std::optional<Value> value_of(std::string_view word, std::optional<Value> (*at)(std::uint8_t)) {
  for (std::uint8_t i = 0; at(i); ++i)
    if (to_string(*at(i)) == word) return at(i);
  return std::nullopt;
}

// What a name may consist of wherever hosts are named: a DNS name or an IPv6 address, with a port.
constexpr std::string_view in_names = "._-:[]%";
constexpr std::string_view in_addresses = "._-:%";

}  // namespace

// One line, whose members are looked up with the type that they must have.
class JournalLines::Line {
public:
  explicit Line(const Json &json) : json_(json) {}

  [[nodiscard]] Result<std::string> text(const char *key) const {
    const Json *value = find(key);
    if (value == nullptr || !value->is_string()) return wrong(key, "a text");
    return value->get<std::string>();
  }
  [[nodiscard]] Result<std::optional<std::string>> text_or_null(const char *key) const {
    const Json *value = find(key);
    if (value != nullptr && value->is_null()) return std::optional<std::string>();
    TRY_ASSIGN(std::string text, this->text(key));
    return std::optional<std::string>(std::move(text));
  }
  [[nodiscard]] Result<std::uint64_t> number(
      const char *key, std::uint64_t least = 0,
      std::uint64_t most = std::numeric_limits<std::uint64_t>::max()) const {
    const Json *value = find(key);
    if (value == nullptr || !value->is_number_unsigned()) return wrong(key, "a number");
    const auto number = value->get<std::uint64_t>();
    if (number < least || number > most)
      return refuse(fmt::format("\"{}\" is {}, and not {} to {}", key, number, least, most));
    return number;
  }
  [[nodiscard]] Result<void> number_or_null(const char *key) const {
    const Json *value = find(key);
    if (value == nullptr || !(value->is_null() || value->is_number_integer()))
      return wrong(key, "a number or null");
    return {};
  }
  [[nodiscard]] Result<const Json *> list(const char *key) const {
    const Json *value = find(key);
    if (value == nullptr || !value->is_array()) return wrong(key, "a list");
    return value;
  }
  // Of seconds.
  [[nodiscard]] Result<void> duration(const char *key) const {
    const Json *value = find(key);
    if (value == nullptr || !value->is_number() || !(value->get<double>() >= 0))
      return wrong(key, "a time in seconds");
    return {};
  }
  [[nodiscard]] Result<Line> members(const char *key) const {
    const Json *value = find(key);
    if (value == nullptr || !value->is_object()) return wrong(key, "an object");
    return Line(*value);
  }

  template <class Value>
  [[nodiscard]] Result<Value> word(const char *key,
                                   std::optional<Value> (*at)(std::uint8_t)) const {
    TRY_ASSIGN(const std::string text, this->text(key));
    if (const auto value = value_of(text, at)) return *value;
    return refuse(fmt::format("\"{}\" is '{}', which no run says", key,
                              console::safe_line(text, longest_shown)));
  }
  template <class Value>
  [[nodiscard]] Result<void> word_or_null(const char *key,
                                          std::optional<Value> (*at)(std::uint8_t)) const {
    TRY_ASSIGN(const auto text, text_or_null(key));
    if (!text) return {};
    auto value = word(key, at);
    return value ? Result<void>() : fail(std::move(value).error());
  }

  static constexpr std::size_t longest_shown = 80;

private:
  [[nodiscard]] const Json *find(const char *key) const {
    const auto member = json_.find(key);
    return member == json_.end() ? nullptr : &*member;
  }
  [[nodiscard]] tl::unexpected<core::Error> wrong(const char *key, std::string_view wanted) const {
    return refuse(find(key) == nullptr ? fmt::format("\"{}\" is missing", key)
                                       : fmt::format("\"{}\" is not {}", key, wanted));
  }

  const Json &json_;
};

Result<void> JournalLines::take(std::string_view text) {
  if (!is_shallow(text)) return refuse("is not a line of a journal");
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return refuse("is not a line of a journal");
  const Line line(json);
  TRY_ASSIGN(const std::uint64_t version, line.number("v"));
  if (version != journal_version)
    return refuse(
        fmt::format("version {}; this program reads version {}", version, journal_version));
  TRY_ASSIGN(const std::string run, line.text("run"));
  if (!is_run(run)) return refuse("\"run\" is not 16 hexadecimal digits");
  TRY_ASSIGN(const std::string time, line.text("time"));
  if (!is_time(time)) return refuse("\"time\" is not a time");
  TRY_ASSIGN(const std::string event, line.text("event"));
  if (event == "planned") return planned(line);

  if (run != run_.run)
    return refuse(known_runs_.contains(run) ? fmt::format("run {} was over before", run)
                                            : fmt::format("run {} was not planned", run));
  if (finished_) return refuse(fmt::format("run {} has finished before", run));
  if (event == "started") return started(line);
  if (event == "retrying") return retrying(line);
  if (event == "ended") return ended(line);
  if (event == "skipped") return skipped(line);
  if (event == "finished") return finished(line);
  return refuse(
      fmt::format("the event '{}' is not known", console::safe_line(event, Line::longest_shown)));
}

Result<void> JournalLines::planned(const Line &line) {
  JournaledRun run;
  TRY_ASSIGN(run.run, line.text("run"));
  TRY(line.text("fanout"));
  TRY_ASSIGN(run.command, line.text("command"));
  TRY_ASSIGN(run.text, line.text("text"));
  TRY(line.text("order"));
  TRY(line.text("local_user"));
  TRY_ASSIGN(const Json *batches, line.list("batches"));
  for (const Json &batch : *batches)
    if (!batch.is_number_unsigned()) return refuse("a batch is not a number");
  TRY_ASSIGN(const auto rerun_of, line.text_or_null("rerun_of"));
  run.rerun_of = rerun_of.value_or("");
  if (rerun_of && !is_run(*rerun_of)) return refuse("\"rerun_of\" is not 16 hexadecimal digits");
  TRY_ASSIGN(const Json *hosts, line.list("hosts"));

  std::unordered_map<std::string, std::size_t> places;
  places.reserve(hosts->size());
  run.hosts.reserve(hosts->size());
  for (const Json &entry : *hosts) {
    const auto in_host = [&](const std::string &why) {
      return refuse(fmt::format("host {}: {}", run.hosts.size() + 1, why));
    };
    if (!entry.is_object()) return in_host("is not an object");
    const Line of_host(entry);
    JournalEntry host;
    TRY_ASSIGN(host.host.name, of_host.text("host"));
    TRY_ASSIGN(host.host.address, of_host.text("address"));
    TRY_ASSIGN(host.host.user, of_host.text("user"));
    TRY_ASSIGN(const std::uint64_t port,
               of_host.number("port", 1, std::numeric_limits<std::uint16_t>::max()));
    host.host.port = static_cast<std::uint16_t>(port);
    // Users are checked by whoever uses one: the user who runs us may have a name that no other host would take.
    if (const auto wrong = core::wrong_with_characters(host.host.name, in_names))
      return in_host("not a name: " + *wrong);
    if (const auto wrong = core::wrong_with_characters(host.host.address, in_addresses))
      return in_host("not an address: " + *wrong);
    if (!places.emplace(host.host.name, run.hosts.size()).second)
      return in_host(host.host.name + " is there already");
    run.hosts.push_back(std::move(host));
  }

  if (!known_runs_.emplace(run.run, known_runs_.size()).second)
    return refuse(fmt::format("run {} is planned twice", run.run));
  run_ = std::move(run);
  places_ = std::move(places);
  stages_.assign(run_.hosts.size(), Stage::planned);
  finished_ = false;
  return {};
}

Result<std::size_t> JournalLines::find(std::string_view name) const {
  const auto place = places_.find(std::string(name));
  if (place != places_.end()) return place->second;
  return refuse(fmt::format("{} is no host of run {}",
                            console::safe_line(name, Line::longest_shown), run_.run));
}

Result<std::size_t> JournalLines::host_of(const Line &line) const {
  TRY_ASSIGN(const std::string name, line.text("host"));
  return find(name);
}

Result<void> JournalLines::started(const Line &line) {
  TRY_ASSIGN(const std::size_t place, host_of(line));
  TRY(line.number("attempt", 1, std::numeric_limits<std::uint32_t>::max()));
  JournalEntry &host = run_.hosts[place];
  if (stages_[place] != Stage::planned && stages_[place] != Stage::waiting)
    return refuse(host.host.name + " is started twice, or after its end");
  stages_[place] = Stage::running;
  host.state = JournalEntry::State::unknown;
  return {};
}

Result<void> JournalLines::retrying(const Line &line) {
  TRY_ASSIGN(const std::size_t place, host_of(line));
  TRY(line.word("status", core::status_from_wire));
  TRY(line.text("cause"));
  JournalEntry &host = run_.hosts[place];
  if (stages_[place] != Stage::running)
    return refuse(host.host.name + " is to be tried again, and was not started");
  stages_[place] = Stage::waiting;
  host.state = JournalEntry::State::not_started;
  return {};
}

Result<void> JournalLines::ended(const Line &line) {
  TRY_ASSIGN(const std::size_t place, host_of(line));
  TRY_ASSIGN(const Status status, line.word("status", core::status_from_wire));
  TRY_ASSIGN(const Phase phase, line.word("phase", core::phase_from_wire));
  TRY(line.number_or_null("exit"));
  TRY(line.text_or_null("signal"));
  TRY(line.text("cause"));
  TRY(line.number("attempts"));
  TRY(line.duration("seconds"));
  TRY_ASSIGN(const Line phases, line.members("phases"));
  for (const char *name : {"resolve", "connect", "kex", "auth", "run"}) TRY(phases.duration(name));
  TRY(line.number("stdout_bytes"));
  TRY(line.number("stderr_bytes"));
  TRY(line.word_or_null("remote_end", core::remote_end_from_wire));
  TRY(line.word_or_null("stopped_by", core::stop_method_from_wire));
  JournalEntry &host = run_.hosts[place];
  // A host that was to be tried again, and then was not, ends without another start.
  if (stages_[place] == Stage::planned) return refuse(host.host.name + " ends before its start");
  if (stages_[place] == Stage::ended) return refuse(host.host.name + " ends twice");
  stages_[place] = Stage::ended;
  host.state = JournalEntry::State::ended;
  host.status = status;
  host.phase = phase;
  return {};
}

Result<void> JournalLines::skipped(const Line &line) {
  TRY(line.text("why"));
  TRY_ASSIGN(const Json *hosts, line.list("hosts"));
  for (const Json &name : *hosts) {
    if (!name.is_string()) return refuse("a host is not a text");
    TRY_ASSIGN(const std::size_t place, find(name.get_ref<const std::string &>()));
    JournalEntry &host = run_.hosts[place];
    if (stages_[place] == Stage::ended || stages_[place] == Stage::skipped)
      return refuse(host.host.name + " is skipped after its end");
    // Also of one that was started: then no worker could be made for it.
    stages_[place] = Stage::skipped;
    host.state = JournalEntry::State::not_started;
  }
  return {};
}

Result<void> JournalLines::finished(const Line &line) {
  constexpr std::uint64_t largest_exit_code = 255;
  TRY(line.number("exit", 0, largest_exit_code));
  finished_ = true;
  return {};
}

}  // namespace fanout::report
