#include "help.hpp"

#include <fmt/format.h>

#include "option_table.hpp"

namespace fanout::cli {

namespace {

std::string_view title(Heading heading) {
  switch (heading) {
    case Heading::selection:
      return "Selection (a LIST is comma separated; the option may be repeated)";
    case Heading::transfer: return "Transfer";
    case Heading::run: return "Run";
    case Heading::control: return "Run control";
    case Heading::login: return "Login";
    case Heading::output: return "Output";
    case Heading::listing: return "Form";
    case Heading::command: return "Other";
  }
  return "";
}

constexpr auto headings = {Heading::selection, Heading::listing, Heading::transfer,
                           Heading::run,       Heading::control, Heading::login,
                           Heading::output,    Heading::command};

// "  -g, --group LIST        groups of the inventory"
std::string line_of(const OptionRow &row) {
  const std::string letter = letter_of(row);
  const std::string name = name_of(row);
  std::string left = letter.empty() ? "      " + name : "  " + letter;
  if (!letter.empty() && name != letter) left += ", " + name;
  if (!row.value.empty()) left += " " + std::string(row.value);
  return fmt::format("{:<26}  {}\n", left, row.help);
}

std::string options_of(Command command) {
  std::string text;
  for (const Heading heading : headings) {
    std::string lines;
    for (const OptionRow &row : option_table())
      if (row.heading == heading && takes(command, row)) lines += line_of(row);
    if (!lines.empty()) text += fmt::format("\n{}\n{}", title(heading), lines);
  }
  return text;
}

}  // namespace

std::string general_help() {
  return R"(fanout runs commands and copies files on many hosts over SSH.

  fanout exec  [selection] [options] [--] COMMAND [ARG...]   run a command
  fanout put   [selection] [options] LOCAL... REMOTE         copy files there
  fanout get   [selection] [options] REMOTE... LOCALDIR      fetch files
  fanout hosts [selection] [options]                         list the hosts
  fanout trust [selection] [options]                         record host keys
  fanout report [options] JOURNAL...                         of earlier runs
  fanout COMMAND --help                                      explain the options

Selection:
  -g, --group LIST     groups of the inventory (hosts.ini)
  -H, --host LIST      hosts and patterns of hosts: 'web[01-20]', user@host:port
  -a, --all            every host of the inventory
  -x, --exclude LIST   but not these

Examples:
  fanout exec -g db "systemctl status"
  fanout exec -H 'web[01-20]' -x web07 -- uptime
  fanout put -g web -r site/ /srv/

The exit code is 0 if every host succeeded. The manual is fanout(1).
)";
}

std::string help_of(Command command) {
  switch (command) {
    case Command::exec:
      return "fanout exec [selection] [options] [--] COMMAND [ARG...]\n"
             "Runs COMMAND on every selected host. Options end where COMMAND begins.\n" +
             options_of(command);
    case Command::put:
      return "fanout put [selection] [options] LOCAL... REMOTE\n"
             "Copies files to every selected host. A REMOTE that ends in / is a directory\n"
             "there, which the LOCALs go into; any other is the new name of the one LOCAL.\n" +
             options_of(command);
    case Command::get:
      return "fanout get [selection] [options] REMOTE... LOCALDIR\n"
             "Copies files from every selected host to LOCALDIR/HOST/PATH. REMOTEs may be\n"
             "patterns: quote their * ? [ ].\n" +
             options_of(command);
    case Command::hosts:
      return "fanout hosts [selection] [options]\n"
             "Shows which hosts a selection means; contacts none of them.\n" +
             options_of(command);
    case Command::trust:
      return "fanout trust [selection] [options]\n"
             "Shows the host keys of the selected hosts and, once you have confirmed them,\n"
             "records them in known_hosts. Changed keys are never recorded.\n" +
             options_of(command);
    case Command::report:
      return "fanout report [options] JOURNAL...\n"
             "Reads journals of earlier runs as one run, and shows it again: the summary, what\n"
             "hosts printed in any form of --output, or a page. Exits as that run did.\n" +
             options_of(command);
  }
  return "";
}

}  // namespace fanout::cli
