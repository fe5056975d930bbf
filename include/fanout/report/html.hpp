// The page of `fanout report --html`: one file that needs nothing else, no script and no network. What runs and hosts say
// of themselves is escaped, and shown as console/sanitize.hpp does.
//
// How much of what hosts printed is on it is limited, so that it can be mailed and opens at once; what is not is said.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "fanout/core/host.hpp"
#include "fanout/core/result.hpp"
#include "fanout/report/past_run.hpp"

namespace fanout::report {

// Of hosts of the run: web[01-06].
using FoldHosts = std::function<std::string(const std::vector<core::HostIndex> &hosts)>;

// ErrorKind::local when texts cannot be read back.
core::Result<std::string> format_page(const PastRun &run, const FoldHosts &fold);

// Where it goes: nothing, or a regular file, which it replaces once it is whole. ErrorKind::usage when something else stands there
// or no file can be made there.
core::Result<void> check_page_file(const std::string &file);
// ErrorKind::local: "page.html: No space left on device"; what stood there before is still there.
core::Result<void> write_page(const std::string &file, std::string_view page);

}  // namespace fanout::report
