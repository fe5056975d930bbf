// What holds between several options, and between them and the words: what contradicts itself is refused, and so is what
// would have no effect, because whoever has typed it expects one.
#include "agreement.hpp"

#include <algorithm>
#include <array>

#include "values.hpp"

namespace fanout::cli {

using core::ErrorKind;
using core::fail;
using core::Result;

namespace {

std::string_view word_of(OutputForm form) {
  switch (form) {
    case OutputForm::block: return "block";
    case OutputForm::line: return "line";
    case OutputForm::merge: return "merge";
    case OutputForm::diff: return "diff";
    case OutputForm::json: return "json";
    case OutputForm::none: return "none";
  }
  return "";
}

bool has_effect(const std::string &option, const Draft &draft) {
  const OutputForm form = draft.output;
  const bool groups = form == OutputForm::merge || form == OutputForm::diff || draft.merges_too;
  if (option == "--no-header") return form == OutputForm::block || groups;
  if (option == "--raw") return form == OutputForm::block || form == OutputForm::line || groups;
  if (option == "--max-output") return form != OutputForm::none || draft.outdir;
  if (option == "--sorted") return form == OutputForm::block || form == OutputForm::json;
  if (option == "--mask") return groups || draft.expect_same;
  if (option == "--diff-against") return form == OutputForm::diff || draft.expect_same;
  return true;
}

// An option that the form of the output leaves nothing to do for.
Result<void> refuse_idle_options(const Draft &draft, const CommandLine &line) {
  std::string form = draft.output_by.empty() || draft.output_by == "--output"
                         ? fmt::format("--output {}", word_of(draft.output))
                         : draft.output_by;
  for (const FoundOption &found : line.options)
    if (const std::string name = name_of(*found.row); !has_effect(name, draft)) {
      if (draft.command == Command::report && draft.output_by.empty())
        return fail(ErrorKind::usage, fmt::format("{} has no effect without --output", name));
      return fail(ErrorKind::usage, fmt::format("{} has no effect with {}", name, form));
    }
  if (draft.live && draft.progress == When::always)
    return fail(ErrorKind::usage, "--live and --progress always contradict each other");
  if (draft.live && draft.dry_run)
    return fail(ErrorKind::usage, "--live has no effect with --dry-run: nothing is run");
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

bool is_given(const CommandLine &line, std::string_view name) {
  return std::any_of(line.options.begin(), line.options.end(),
                     [name](const FoundOption &found) { return name_of(*found.row) == name; });
}

// How a run goes: what would be obeyed without anything to see of it is a misunderstanding.
Result<void> check_control(const Draft &draft, const CommandLine &line) {
  for (const std::string_view name : {"--pause-between", "--gate"})
    if (is_given(line, name) && draft.control.batches.empty())
      return fail(ErrorKind::usage,
                  fmt::format("{} has no effect without --batches: it stands between two", name));
  if (is_given(line, "--gate")) TRY(check_command("--gate", draft.control.gate));
  if (draft.journal == "-")
    return fail(ErrorKind::usage, "--journal: - is no file, and a journal has to outlive the run");
  if (draft.dry_run && draft.journal)
    return fail(ErrorKind::usage,
                "--journal has no effect with --dry-run: nothing is run that it could record");
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

bool is_about_output(std::string_view option) {
  constexpr std::array all{"--raw",         "--max-output",   "--mask",
                           "--expect-same", "--diff-against", "--outdir"};
  return std::find(all.begin(), all.end(), option) != all.end();
}

// Of a transfer only the command that follows it prints anything.
Result<void> refuse_idle_without_then(const Draft &draft, const CommandLine &line) {
  if (!draft.task.transfer.then.empty()) return check_command("--then", draft.task.transfer.then);
  for (const FoundOption &found : line.options)
    if (const std::string name = name_of(*found.row); is_about_output(name))
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

Result<void> finish_report(Draft &draft, const CommandLine &line) {
  TRY(refuse_idle_options(draft, line));
  if (line.words.empty())
    return fail(ErrorKind::usage, "no JOURNAL is given; it stands after the options");
  for (const std::string &word : line.words)
    if (word.empty()) return fail(ErrorKind::usage, "an empty name among the JOURNALs");
  draft.journals = line.words;
  return {};
}

// What the options of a selection must be together.
Result<void> check(Command command, const core::Selection &selection) {
  const auto &files = selection.hosts_files;
  if (!selection.all && selection.groups.empty() && selection.hosts.empty() && files.empty() &&
      !selection.rerun) {
    const bool has_rerun = find_option(command, "--rerun") != nullptr;
    return fail(ErrorKind::usage,
                fmt::format("no hosts are selected; use -g, -H, -a{}",
                            has_rerun ? ", --hosts-file or --rerun" : " or --hosts-file"));
  }
  if (selection.pick && selection.shard)
    return fail(ErrorKind::usage,
                "--pick and --shard contradict each other: each process would draw another sample");
  const auto readers =
      std::count(files.begin(), files.end(), "-") + (selection.inventory == "-" ? 1 : 0);
  if (readers > 1)
    return fail(ErrorKind::usage,
                "only one of --hosts-file and --inventory can read standard input (-)");
  return {};
}

}  // namespace

Result<void> agree(Draft &draft, const CommandLine &line) {
  if (draft.command != Command::report) TRY(check(draft.command, draft.selection));
  TRY(check_control(draft, line));
  switch (draft.command) {
    case Command::exec: return finish_exec(draft, line);
    case Command::put:
    case Command::get: return finish_transfer(draft, line);
    case Command::hosts: return finish_hosts(draft);
    case Command::trust: draft.command_is_marked = true; return {};  // there is none to mistake
    case Command::report: return finish_report(draft, line);
  }
  return {};
}

}  // namespace fanout::cli
