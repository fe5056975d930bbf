// Which files of the host does a pattern mean (glob(7))? Directories are read by SFTP and compared here, so that no shell
// has a say.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fanout/core/result.hpp"
#include "fanout/ssh/sftp.hpp"
#include "fanout/ssh/task.hpp"

namespace fanout::worker {

// Whether one component of a path means more than itself: it has *, ? or [ that is not quoted by a backslash.
bool is_pattern(std::string_view component);
// A component that is none, without its backslashes.
std::string unquoted(std::string_view component);
// fnmatch(3) with FNM_PERIOD, in the locale "C": bytes are compared, and what begins with a dot must be asked for by one.
bool matches(std::string_view pattern, std::string_view name);

struct Matches {
  std::vector<std::string> paths;  // in the order of their bytes
  // The server has sent names that are none, or listings without end; what else was found is right.
  std::optional<core::Error> fault;
};

// Every path that the pattern means; directories, links and specials too. "no such file: PATTERN" (ErrorKind::remote) when
// there is none. A path without pattern is its own match, whether it exists or not.
ssh::Task<core::Result<Matches>> find_matches(ssh::Sftp &sftp, std::string pattern);

}  // namespace fanout::worker
