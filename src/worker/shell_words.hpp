// Words of a command line, whatever their bytes: for the login shell of the host, which may be any, and for scripts of our
// own, which sh reads. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace fanout::worker {

// One word for a POSIX shell, whatever its bytes but NUL; also right for csh and fish when is_plain(word).
std::string quoted(std::string_view word);

// Printable ASCII without backslash and exclamation mark: between single quotes every login shell takes it as it stands.
// csh looks for history even there, fish for backslashes, an old csh uses the eighth bit itself, and a newline ends its word.
bool is_plain(std::string_view word);

// `sh -c SCRIPT sh ARGUMENT...`, for any login shell. SCRIPT is printable ASCII without a single quote; of exclamation marks it
// has "$! " alone, with the space, which csh leaves as it is, and of backslashes no two in a row, for fish. Messages of what it runs are in English (LC_ALL). Arguments that are not plain travel
// as octal numbers, which a few words before SCRIPT take back.
std::string sh(std::string_view script, const std::vector<std::string> &arguments = {});

// A word for scripts that take it through printf's %b (remote_scripts.hpp): in single quotes, what is not plain as \0ooo.
std::string octal_word(std::string_view word);

// As an operand of any command: a relative path that begins with a dash gets "./", an empty one is ".".
std::string as_operand(std::string_view path);

}  // namespace fanout::worker
