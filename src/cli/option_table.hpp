// The table of all options: what they are called, who takes them, what they do to the value that is being made.
//
// The parser, the help texts and the suggestions in error messages read it; there is no second list.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "fanout/cli/options.hpp"
#include "fanout/core/result.hpp"

namespace fanout::cli {

// The value in the making. `..._by` is the option that set a member which several options set; empty: none so far.
struct Draft : Options {
  bool help = false;
  std::string output_by;
  std::string family_by;
  std::string listing_by;
};

// An option as it was met: its name as messages say it ("--group") and its value, if it takes one.
struct Given {
  std::string_view name;
  std::string_view value;
};

// The headings of the help texts, in their order.
enum class Heading : std::uint8_t {
  selection,
  listing,
  transfer,
  run,
  control,
  login,
  output,
  command,
};

// Commands, one bit each.
enum class TakenBy : std::uint8_t {
  exec = 1,
  hosts = 2,
  trust = 4,
  put = 8,
  get = 16,
  report = 32
};
constexpr TakenBy operator|(TakenBy a, TakenBy b) {
  return static_cast<TakenBy>(static_cast<std::uint8_t>(a) | static_cast<std::uint8_t>(b));
}

enum class Times : std::uint8_t { once, any };

struct OptionRow {
  Heading heading;
  TakenBy taken_by;
  Times times;             // an option without a value may always be repeated
  std::string_view names;  // as Boost.Program_options takes them: "group,g" or ",4"
  std::string_view
      alias;  // a further name, "-l" or "--fanout", that the help mentions but does not list
  std::string_view value;  // what the help calls its value; empty: it takes none
  std::string_view
      help;  // defaults are said here; they are the initial values in options.hpp and core/task.hpp
  core::Result<void> (*take)(Draft &draft, Given given);
};

std::span<const OptionRow> option_table();

// `name` as the user writes it ("--group", "-g"), of this command; null if there is none. A name can mean one thing to one
// command and another to the next, never two to the same.
const OptionRow *find_option(Command command, std::string_view name);

bool takes(Command command, const OptionRow &row);

// "--group", or "-4" where there is no long name.
std::string name_of(const OptionRow &row);
// "-g", or empty.
std::string letter_of(const OptionRow &row);

}  // namespace fanout::cli
