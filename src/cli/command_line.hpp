// The words of a command line, told apart: options with their values, and what stands after them.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "fanout/core/result.hpp"
#include "option_table.hpp"

namespace fanout::cli {

struct FoundOption {
  const OptionRow *row = nullptr;
  std::string value;  // empty if and only if the option takes none
};

struct CommandLine {
  std::vector<FoundOption> options;  // in the order given
  std::vector<std::string> words;    // from the first word on that is no option
  bool dashes = false;               // "--" stood before the words
};

// `arguments` are those after the command's name. Long options take "--name=value" and "--name value", short ones
// "-gdb", "-g db" and "-Lv"; the word after an option that takes a value is its value, whatever it looks like.
core::Result<CommandLine> split(Command command, const std::vector<std::string> &arguments);

inline constexpr std::array commands{Command::exec,  Command::put,   Command::get,
                                     Command::hosts, Command::trust, Command::report};

// The commands that have this option ("--group", "-g").
std::vector<std::string> takers_of(std::string_view option);

// "exec"
std::string name_of(Command command);

}  // namespace fanout::cli
