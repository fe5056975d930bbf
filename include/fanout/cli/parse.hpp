// argv to a value. Pure: reads neither files nor the environment, prints nothing.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "fanout/cli/options.hpp"
#include "fanout/core/result.hpp"

namespace fanout::cli {

// Text of at most 80 columns, with its last newline. Asked for, it goes to stdout and the program ends with 0; else
// nothing was asked for at all: stderr and 2.
struct Help {
  std::string text;
  bool asked_for = true;
};

// The caller prints version_text().
struct Version {};

using Parsed = std::variant<Options, Help, Version>;

// Whether argv names a command that contacts hosts. All that is looked at is its first word, and nothing is kept of it.
bool contacts_hosts(int argc, const char *const argv[]);

// Options end at the first word that is not one, or at "--": everything from there on is COMMAND. The error is of
// ErrorKind::usage and names the option ("--group", whether -g or --group was written); one line of printable ASCII
// without a full stop. ErrorKind::internal if the library fails.
core::Result<Parsed> parse(int argc, const char *const argv[]);

// The line to print below an error of parse(): "try 'fanout exec --help'".
std::string hint(int argc, const char *const argv[]);

// Three lines: fanout's version and those of the libraries that it runs with.
std::string version_text(std::string_view libssh2, std::string_view openssl);

// For exec, once the hosts are known: refuses a COMMAND whose first word is a host. That is what is left of an
// unquoted web[1-3] where the local shell found files of these names and made several words of it. `host_names` are the
// hosts of the run and, where there is an inventory, all of its names. A COMMAND that was marked passes.
core::Result<void> refuse_expanded_brackets(const Options &options,
                                            const std::vector<std::string> &host_names);

}  // namespace fanout::cli
