// Boost.Program_options goes through all of argv and sorts words from options. A remote command has options of its own
// ("ls -l"), so here a style parser of ours reads the words by the rules of getopt(3) in its POSIX form, and
// swallows everything from the first word on. It also words the errors: the library's own name neither the nearest
// option nor, for a short one, the right one.
#include "command_line.hpp"

#include <algorithm>
#include <cctype>
#include <optional>
#include <set>
#include <string_view>

#include <boost/program_options/options_description.hpp>
#include <boost/program_options/parsers.hpp>
#include <boost/program_options/value_semantic.hpp>

#include "values.hpp"

namespace fanout::cli {

using core::Error;
using core::ErrorKind;
using core::fail;
using core::Result;

namespace {

namespace po = boost::program_options;

po::options_description describe(Command command) {
  po::options_description description;
  for (const OptionRow &row : option_table()) {
    if (!takes(command, row)) continue;
    const auto add = [&](const std::string &names) {
      // Owned by the description from then on.
      description.add_options()(names.c_str(), new po::untyped_value(row.value.empty()), "");
    };
    add(std::string(row.names));
    if (row.alias.starts_with("--"))
      add(std::string(row.alias.substr(2)));
    else if (!row.alias.empty())
      add("," + std::string(row.alias.substr(1)));
  }
  return description;
}

// The long names that the command knows, without their dashes.
std::vector<std::string> long_names_of(Command command) {
  std::vector<std::string> names;
  for (const OptionRow &row : option_table()) {
    if (!takes(command, row)) continue;
    for (const std::string &known : {name_of(row), std::string(row.alias)})
      if (known.starts_with("--")) names.push_back(known.substr(2));
  }
  return names;
}

Error unknown_option(Command command, const std::string &name, const std::string &word) {
  const std::vector<std::string> long_names = long_names_of(command);
  const std::string unknown = "unknown option " + shown(name);
  const bool is_long = name.starts_with("--");
  // A long name with one dash, also where another command takes its first letter.
  if (!is_long &&
      std::find(long_names.begin(), long_names.end(), word.substr(1)) != long_names.end())
    return {ErrorKind::usage, fmt::format("{} in '{}'; did you mean -{}?", unknown, word, word)};

  if (const std::vector<std::string> takers = takers_of(name); !takers.empty())
    return {ErrorKind::usage, fmt::format("{} is an option of {}, not of {}", name,
                                          enumerated(takers, "and"), name_of(command))};
  if (is_long) return {ErrorKind::usage, unknown + did_you_mean(name.substr(2), long_names, "--")};

  // The right letter in the wrong case.
  const auto letter = static_cast<unsigned char>(name[1]);
  const std::string other_case{
      '-', static_cast<char>(std::islower(letter) ? std::toupper(letter) : std::tolower(letter))};
  const bool suggested = other_case != name && find_option(command, other_case) != nullptr;
  return {ErrorKind::usage, unknown + (suggested ? "; did you mean " + other_case + "?" : "")};
}

// One call reads one word, its value if that is the next word, or all the rest. After an error nothing is left to read.
class Reader {
public:
  Reader(Command command, const po::options_description &description)
      : command_(command), description_(description) {}

  std::vector<po::option> operator()(std::vector<std::string> &words) {
    const std::string word = words.front();
    if (word == "--") {
      dashes = true;
      words.erase(words.begin());
      return take_rest(words);
    }
    if (word.size() < 2 || word[0] != '-') return take(words);
    words.erase(words.begin());
    return word[1] == '-' ? read_long(word, words) : read_short(word, words);
  }

  std::optional<Error> error;
  bool dashes = false;

private:
  // Where words are files of ours, and no command or path for a host begins, options may follow them.
  std::vector<po::option> take(std::vector<std::string> &words) const {
    if (command_ != Command::report) return take_rest(words);
    const std::string word = words.front();
    words.erase(words.begin());
    return {po::option("", {word})};
  }

  static std::vector<po::option> take_rest(std::vector<std::string> &words) {
    std::vector<po::option> rest;
    rest.reserve(words.size());
    for (std::string &word : words)
      rest.emplace_back("", std::vector<std::string>{std::move(word)});
    words.clear();
    return rest;
  }

  std::vector<po::option> read_long(const std::string &word, std::vector<std::string> &words) {
    const auto equals = word.find('=');
    const std::string name = word.substr(0, equals);
    const std::string key = name.substr(2);
    // The library would find the short option "-g" under the key of "---g", and any option under no key.
    const auto *found = key.empty() || key[0] == '-' ? nullptr : find(key);
    if (found == nullptr) return refuse(words, unknown_option(command_, name, word));
    po::option option(key, {});
    if (equals != std::string::npos) {
      if (!has_value(*found)) return refuse(words, {ErrorKind::usage, name + " takes no value"});
      option.value.push_back(word.substr(equals + 1));
    } else if (has_value(*found) && !take_value(option, words)) {
      return refuse(words, {ErrorKind::usage, name + " needs a value"});
    }
    return {option};
  }

  std::vector<po::option> read_short(const std::string &word, std::vector<std::string> &words) {
    std::vector<po::option> options;
    for (std::size_t i = 1; i < word.size(); ++i) {
      const std::string name{'-', word[i]};
      const auto *found = find(name);
      if (found == nullptr) return refuse(words, unknown_option(command_, name, word));
      po::option &option = options.emplace_back(name, std::vector<std::string>{});
      if (!has_value(*found)) continue;
      if (i + 1 < word.size())
        option.value.push_back(word.substr(i + 1));
      else if (!take_value(option, words))
        return refuse(words, {ErrorKind::usage, name + " needs a value"});
      break;
    }
    return options;
  }

  static bool take_value(po::option &option, std::vector<std::string> &words) {
    if (words.empty()) return false;
    option.value.push_back(std::move(words.front()));
    words.erase(words.begin());
    return true;
  }

  std::vector<po::option> refuse(std::vector<std::string> &words, Error why) {
    error = std::move(why);
    words.clear();
    return {};
  }

  [[nodiscard]] const po::option_description *find(const std::string &key) const {
    return description_.find_nothrow(key, /*approx=*/false);
  }
  static bool has_value(const po::option_description &option) {
    return option.semantic()->max_tokens() > 0;
  }

  Command command_;
  const po::options_description &description_;
};

}  // namespace

Result<CommandLine> split(Command command, const std::vector<std::string> &arguments) try {
  const po::options_description description = describe(command);
  Reader reader(command, description);
  const auto parsed =
      po::command_line_parser(arguments)
          .options(description)
          .extra_style_parser([&](std::vector<std::string> &words) { return reader(words); })
          .run();
  if (reader.error) return fail(*reader.error);

  CommandLine line;
  line.dashes = reader.dashes;
  std::set<const OptionRow *> seen;
  for (const po::option &option : parsed.options) {
    if (option.string_key.empty()) {
      line.words.push_back(option.value.front());
      continue;
    }
    const bool is_letter = option.string_key[0] == '-';
    FoundOption found{
        find_option(command, is_letter ? option.string_key : "--" + option.string_key), ""};
    const bool again = !seen.insert(found.row).second;
    if (!found.row->value.empty()) {
      if (again && found.row->times == Times::once)
        return fail(ErrorKind::usage, name_of(*found.row) + " is given twice");
      found.value = option.value.front();
      if (found.value.empty())
        return fail(ErrorKind::usage, name_of(*found.row) + ": the value is empty");
    }
    line.options.push_back(std::move(found));
  }
  return line;
} catch (const po::error &problem) {
  return fail(ErrorKind::internal, std::string("command line: ") + problem.what());
}

std::vector<std::string> takers_of(std::string_view option) {
  std::vector<std::string> takers;
  for (const Command command : commands)
    if (find_option(command, option) != nullptr) takers.push_back(name_of(command));
  return takers;
}

std::string name_of(Command command) {
  switch (command) {
    case Command::exec: return "exec";
    case Command::put: return "put";
    case Command::get: return "get";
    case Command::hosts: return "hosts";
    case Command::trust: return "trust";
    case Command::report: return "report";
  }
  return "";
}

}  // namespace fanout::cli
