// The pass before PropertyTree: makes out of what people write in hosts.ini what read_ini() understands, and remembers what
// it forgets, the line numbers.
//
// * A byte order mark and CR before LF go.
// * Comments go: from `;` or `#` to the end of the line, at its beginning or after a blank. So `passwd = a;b` is a;b, and
//   `passwd = a ; b` is a. Quotes have no meaning. A value that needs a blank before `;` or `#` cannot be written down
//   here (password_command can print it).
// * Members go, and are listed here: `name = name`, `name` alone, `hosts = PATTERN`. They are no settings, and PropertyTree
//   takes twice as long for 100,000 of them as everything else together.
// * Passwords go, into a Secret: nobody wipes the strings of a tree. Their keys stay, without a value.
// * UTF-16, NUL, a CR alone, lines over 1 MiB, a text before the first section, a section or a key that is there twice:
//   errors, "FILE:LINE: ...". PropertyTree would find the last two without saying where the first one is.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "draft.hpp"
#include "fanout/core/secret.hpp"

namespace fanout::inventory {

struct Normalised {
  struct Lines {
    std::string section;
    int line = 0;
    std::vector<Member> members;
    std::vector<int> settings;  // the line of each key in the tree
  };
  std::string text;             // for read_ini()
  std::vector<Lines> sections;  // in the order of the tree, which leaves out those without settings
  std::map<int, core::Secret> passwords;  // by line
};

// `draft` is for the name of the file in messages.
core::Result<Normalised> normalise(const Draft &draft, std::string_view text);

}  // namespace fanout::inventory
