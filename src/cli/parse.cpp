// From argv to Options in three steps: which command, which options (command_line.cpp splits, the table in options.cpp
// stores), and what holds between several of them.
#include "fanout/cli/parse.hpp"

#include <algorithm>
#include <optional>

#include "agreement.hpp"
#include "command_line.hpp"
#include "help.hpp"
#include "values.hpp"

namespace fanout::cli {

using core::ErrorKind;
using core::fail;
using core::Result;

namespace {

std::vector<std::string> words_of(int argc, const char *const argv[]) {
  return argc > 1 ? std::vector<std::string>(argv + 1, argv + argc) : std::vector<std::string>();
}

std::optional<Command> command_named(std::string_view word) {
  for (const Command command : commands)
    if (word == name_of(command)) return command;
  return std::nullopt;
}

std::vector<std::string> command_names() {
  std::vector<std::string> names;
  names.reserve(commands.size());
  for (const Command command : commands) names.push_back(name_of(command));
  return names;
}

tl::unexpected<core::Error> refuse_first_word(const std::string &word) {
  if (word.size() > 1 && word.starts_with("-")) {
    const bool is_long = word.starts_with("--");
    const std::string name = word.substr(0, is_long ? word.find('=') : 2);
    if (name == "-h" || name == "--help" || name == "--version")
      return fail(ErrorKind::usage, name + " takes no value");
    if (const auto takers = takers_of(name); !takers.empty())
      return fail(ErrorKind::usage, fmt::format("{} comes before the command; write it after {}",
                                                shown(word), enumerated(takers, "or")));
    const std::string meant =
        is_long ? did_you_mean(name.substr(2), {"help", "version"}, "--") : "";
    return fail(ErrorKind::usage, "unknown option " + shown(name) + meant);
  }
  std::vector<std::string> known = command_names();
  known.emplace_back("help");
  return fail(ErrorKind::usage, fmt::format("unknown command {} (there are {}){}", quoted(word),
                                            enumerated(known, "and"), did_you_mean(word, known)));
}

bool asks_for_help(std::string_view word) { return word == "--help" || word == "-h"; }

// Nothing may follow the first `count` words: it would have no effect.
Result<void> end_after(const std::vector<std::string> &words, std::size_t count) {
  if (words.size() <= count) return {};
  const std::vector<std::string> before(words.begin(), words.begin() + static_cast<long>(count));
  const std::vector<std::string> after(words.begin() + static_cast<long>(count), words.end());
  return fail(ErrorKind::usage,
              fmt::format("{} is too much after {}", quoted(joined(after)), shown(joined(before))));
}

std::string_view word_of(core::Rerun what) {
  switch (what) {
    case core::Rerun::failed: return "failed";
    case core::Rerun::unreached: return "unreached";
    case core::Rerun::unfinished: return "unfinished";
    case core::Rerun::not_ok: return "not-ok";
  }
  return "";
}

// As it could have been typed: "-g db -H web1".
std::string describe(const core::Selection &selection) {
  std::vector<std::string> words;
  const auto add = [&](const std::string &option, const std::vector<std::string> &values) {
    for (const std::string &value : values) words.insert(words.end(), {option, value});
  };
  if (selection.all) words.emplace_back("-a");
  add("-g", selection.groups);
  add("-H", selection.hosts);
  add("--hosts-file", selection.hosts_files);
  if (selection.rerun)
    add("--rerun",
        {fmt::format("{}:{}", word_of(selection.rerun->what), selection.rerun->journal)});
  add("-x", selection.excluded);
  return joined(words);
}

Result<Parsed> parse_command(Command command, const std::vector<std::string> &arguments) {
  TRY_ASSIGN(const CommandLine line, split(command, arguments));
  Draft draft;
  draft.command = command;
  // A command may be silent for as long as it likes; a copy that is has lost its host.
  if (command == Command::exec) draft.task.stall_timeout = core::Milliseconds{0};
  if (command == Command::report) draft.output = OutputForm::none;
  for (const FoundOption &found : line.options)
    TRY(found.row->take(draft, {name_of(*found.row), found.value}));
  const bool takes_no_words = command == Command::hosts || command == Command::trust;
  if (takes_no_words && !line.words.empty())
    return fail(ErrorKind::usage,
                fmt::format("{} runs no command: {} is too much (hosts are given by -H)",
                            name_of(command), quoted(joined(line.words))));
  if (draft.help) return Help{help_of(command)};

  TRY(agree(draft, line));
  return static_cast<Options &&>(draft);
}

}  // namespace

bool contacts_hosts(int argc, const char *const argv[]) {
  const auto command = argc > 1 ? command_named(argv[1]) : std::nullopt;
  if (!command) return false;
  switch (*command) {
    case Command::exec:
    case Command::put:
    case Command::get:
    case Command::trust: return true;
    case Command::hosts:
    case Command::report: return false;
  }
  return false;
}

Result<Parsed> parse(int argc, const char *const argv[]) {
  std::vector<std::string> words = words_of(argc, argv);
  if (words.empty()) return Help{general_help(), false};
  const std::string first = words.front();
  if (asks_for_help(first) || first == "--version") {
    TRY(end_after(words, 1));
    return first == "--version" ? Parsed(Version{}) : Help{general_help()};
  }
  if (first == "help") {
    TRY(end_after(words, 2));
    if (words.size() == 1 || asks_for_help(words[1])) return Help{general_help()};
    const auto command = command_named(words[1]);
    if (!command) return refuse_first_word(words[1]);
    return Help{help_of(*command)};
  }
  const auto command = command_named(first);
  if (!command) return refuse_first_word(first);
  words.erase(words.begin());
  return parse_command(*command, words);
}

std::string hint(int argc, const char *const argv[]) {
  const std::vector<std::string> words = words_of(argc, argv);
  const bool has_command = !words.empty() && command_named(words.front());
  return has_command ? fmt::format("try 'fanout {} --help'", words.front()) : "try 'fanout --help'";
}

std::string version_text(std::string_view libssh2, std::string_view openssl) {
  return fmt::format("fanout {}\nlibssh2 {}\nOpenSSL {}\n", FANOUT_VERSION, libssh2, openssl);
}

Result<void> refuse_expanded_brackets(const Options &options,
                                      const std::vector<std::string> &host_names) {
  if (options.command != Command::exec || options.command_is_marked) return {};
  const std::string &command = options.task.command;
  const std::string first = command.substr(0, command.find_first_of(" \t\n"));
  if (std::find(host_names.begin(), host_names.end(), first) == host_names.end()) return {};
  return fail(
      ErrorKind::usage,
      fmt::format("COMMAND begins with a host, {}: did the local shell expand an unquoted [..]?\n"
                  "understood: hosts {}, COMMAND {}; quote the pattern, or write -- before COMMAND",
                  quoted(first), shown(describe(options.selection)), quoted(command)));
}

}  // namespace fanout::cli
