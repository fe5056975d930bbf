#include "shell_words.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace fanout::worker {

namespace {

bool is_plain_byte(char c) { return c >= ' ' && c <= '~' && c != '\\' && c != '!'; }

// %b of printf (POSIX) takes \0 and three octal digits for a byte. The point at the end keeps the newlines before it, which
// a command substitution would cut off.
constexpr std::string_view take_arguments_back =
    R"(for a do a=$(printf %b. "$a"); set -- "$@" "${a%.}"; shift; done; )";

}  // namespace

bool is_plain(std::string_view word) {
  return std::all_of(word.begin(), word.end(), is_plain_byte);
}

std::string quoted(std::string_view word) {
  std::string text = "'";
  for (const char c : word) {
    if (c == '\'')
      text += R"('\'')";
    else
      text += c;
  }
  return text + '\'';
}

std::string octal_word(std::string_view word) {
  std::string text = "'";
  for (const char c : word) {
    if (is_plain_byte(c) && c != '\'')
      text += c;
    else
      text += fmt::format("\\0{:03o}", static_cast<unsigned char>(c));
  }
  return text + '\'';
}

std::string sh(std::string_view script, const std::vector<std::string> &arguments) {
  const bool plain = std::all_of(arguments.begin(), arguments.end(), is_plain);
  std::string command = "sh -c 'LC_ALL=C; export LC_ALL; ";
  if (!plain) command += take_arguments_back;
  command += script;
  command += "' sh";
  for (const std::string &argument : arguments)
    command += ' ' + (plain ? quoted(argument) : octal_word(argument));
  return command;
}

std::string as_operand(std::string_view path) {
  if (path.empty()) return ".";
  return path.front() == '-' ? "./" + std::string(path) : std::string(path);
}

}  // namespace fanout::worker
