// From argv to Options in three steps: which command, which options (command_line.cpp splits, the table in options.cpp
// stores), and what holds between several of them.
#include "fanout/cli/parse.hpp"

#include <algorithm>
#include <optional>

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
    if (find_option(name) != nullptr)
      return fail(ErrorKind::usage, fmt::format("{} comes before the command; write it after {}",
                                                shown(word), enumerated(command_names(), "or")));
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

std::string joined(const std::vector<std::string> &words) {
  std::string text;
  for (const std::string &word : words) {
    if (&word != &words.front()) text += ' ';
    text += word;
  }
  return text;
}

// Nothing may follow the first `count` words: it would have no effect.
Result<void> end_after(const std::vector<std::string> &words, std::size_t count) {
  if (words.size() <= count) return {};
  const std::vector<std::string> before(words.begin(), words.begin() + static_cast<long>(count));
  const std::vector<std::string> after(words.begin() + static_cast<long>(count), words.end());
  return fail(ErrorKind::usage,
              fmt::format("{} is too much after {}", quoted(joined(after)), shown(joined(before))));
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
  add("-x", selection.excluded);
  return joined(words);
}

std::string_view word_of(OutputForm form) {
  switch (form) {
    case OutputForm::block: return "block";
    case OutputForm::line: return "line";
    case OutputForm::json: return "json";
    case OutputForm::none: return "none";
  }
  return "";
}

bool has_effect(const std::string &option, OutputForm form) {
  if (option == "--no-header") return form == OutputForm::block;
  if (option == "--raw") return form == OutputForm::block || form == OutputForm::line;
  if (option == "--max-output") return form != OutputForm::none;
  return true;
}

// An option that the form of the output leaves nothing to do for.
Result<void> refuse_idle_options(const Draft &draft, const CommandLine &line) {
  std::string form = draft.output_by;
  if (form == "--output") form += fmt::format(" {}", word_of(draft.output));
  for (const FoundOption &found : line.options)
    if (const std::string name = name_of(*found.row); !has_effect(name, draft.output))
      return fail(ErrorKind::usage, fmt::format("{} has no effect with {}", name, form));
  return {};
}

Result<void> check_command(std::string_view what, const std::string &command) {
  if (command.find_first_not_of(" \t\n") == std::string::npos)
    return fail(ErrorKind::usage, fmt::format("{} is empty", what));
  if (command.size() > core::max_command_bytes)
    return fail(ErrorKind::usage, fmt::format("{} has {} bytes; the limit is {}", what,
                                              command.size(), core::max_command_bytes));
  return {};
}

Result<void> finish_exec(Draft &draft, const CommandLine &line) {
  TRY(refuse_idle_options(draft, line));
  std::string &command = draft.task.command;
  const bool by_option = !command.empty();
  if (by_option && !line.words.empty())
    return fail(ErrorKind::usage, fmt::format("the command is given twice: by --cmd and as {}",
                                              quoted(joined(line.words))));
  if (!by_option && line.words.empty())
    return fail(ErrorKind::usage, "no COMMAND is given; it stands after the options");
  if (!by_option) command = joined(line.words);
  TRY(check_command("the command", command));
  draft.command_is_marked = by_option || line.dashes;
  return {};
}

// Whoever writes options last, as some programs allow, would have them taken for paths.
Result<void> check_paths(Command command, const CommandLine &line) {
  if (!line.dashes)
    for (const std::string &word : line.words)
      if (word.size() > 1 && word.starts_with("-"))
        return fail(ErrorKind::usage,
                    fmt::format("{} stands after a path: options come first; a path of that name "
                                "is written ./{}",
                                quoted(word), shown(word)));
  const std::string_view form = command == Command::put ? "LOCAL... REMOTE" : "REMOTE... LOCALDIR";
  if (line.words.size() < 2)
    return fail(ErrorKind::usage,
                fmt::format("{} needs at least two paths: {}", name_of(command), form));
  for (const std::string &word : line.words)
    if (word.empty()) return fail(ErrorKind::usage, fmt::format("an empty path in {}", form));
  return {};
}

Result<void> check_transfer(const core::TransferOptions &transfer) {
  if (transfer.update && transfer.checksum)
    return fail(ErrorKind::usage,
                "--update and --checksum contradict each other: one compares size and time, the "
                "other content");
  if (transfer.update && transfer.method == core::TransferMethod::scp)
    return fail(ErrorKind::usage, "--update needs SFTP: scp does not tell sizes and times");
  if (transfer.resume && transfer.method == core::TransferMethod::scp)
    return fail(ErrorKind::usage, "--resume needs SFTP: --method scp can only begin again");
  return {};
}

// Of a transfer only the command that follows it prints anything.
Result<void> refuse_idle_without_then(const Draft &draft, const CommandLine &line) {
  if (!draft.task.transfer.then.empty()) return check_command("--then", draft.task.transfer.then);
  for (const FoundOption &found : line.options)
    if (const std::string name = name_of(*found.row); name == "--raw" || name == "--max-output")
      return fail(ErrorKind::usage, fmt::format("{} has no effect without --then", name));
  return {};
}

Result<void> finish_transfer(Draft &draft, const CommandLine &line) {
  TRY(refuse_idle_options(draft, line));
  TRY(refuse_idle_without_then(draft, line));
  TRY(check_transfer(draft.task.transfer));
  TRY(check_paths(draft.command, line));
  draft.from.assign(line.words.begin(), line.words.end() - 1);
  draft.to = line.words.back();
  if (draft.command == Command::put && draft.from.size() > 1 && draft.to.back() != '/')
    return fail(ErrorKind::usage, "several LOCALs need a REMOTE that ends in /");
  // What tells of each file, or of each host, tells its hash.
  draft.task.transfer.hash =
      draft.manifest || draft.output == OutputForm::json || draft.verbosity > 0;
  draft.command_is_marked = line.dashes;
  return {};
}

Result<void> finish_hosts(const Draft &draft) {
  const bool shows_settings =
      draft.listing == ListingForm::effective || draft.listing == ListingForm::json;
  if (!shows_settings && (draft.overrides.user || draft.overrides.port))
    return fail(ErrorKind::usage, fmt::format("{} shows only with --effective or --json",
                                              draft.overrides.user ? "--user" : "--port"));
  return {};
}

// What the options of a selection must be together.
Result<void> check(const core::Selection &selection) {
  const auto &files = selection.hosts_files;
  if (!selection.all && selection.groups.empty() && selection.hosts.empty() && files.empty())
    return fail(ErrorKind::usage, "no hosts are selected; use -g, -H, -a or --hosts-file");
  const auto readers =
      std::count(files.begin(), files.end(), "-") + (selection.inventory == "-" ? 1 : 0);
  if (readers > 1)
    return fail(ErrorKind::usage,
                "only one of --hosts-file and --inventory can read standard input (-)");
  return {};
}

Result<Parsed> parse_command(Command command, const std::vector<std::string> &arguments) {
  TRY_ASSIGN(const CommandLine line, split(command, arguments));
  Draft draft;
  draft.command = command;
  for (const FoundOption &found : line.options)
    TRY(found.row->take(draft, {name_of(*found.row), found.value}));
  const bool takes_no_words = command == Command::hosts || command == Command::trust;
  if (takes_no_words && !line.words.empty())
    return fail(ErrorKind::usage,
                fmt::format("{} runs no command: {} is too much (hosts are given by -H)",
                            name_of(command), quoted(joined(line.words))));
  if (draft.help) return Help{help_of(command)};

  TRY(check(draft.selection));
  switch (command) {
    case Command::exec: TRY(finish_exec(draft, line)); break;
    case Command::put:
    case Command::get: TRY(finish_transfer(draft, line)); break;
    case Command::hosts: TRY(finish_hosts(draft)); break;
    case Command::trust: draft.command_is_marked = true; break;  // there is none to mistake
  }
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
    case Command::hosts: return false;
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
