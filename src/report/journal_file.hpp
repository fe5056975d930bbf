// The file of a journal: whose it may be, and where its last whole line ends.
#pragma once

#include <string>
#include <string_view>

#include "fanout/core/error.hpp"
#include "fanout/core/result.hpp"
#include "fanout/report/journal.hpp"
#include "fanout/sys/fd.hpp"

namespace fanout::report {

// Of an open journal; its end is taken for the end of a line.
JournalPlace place_of(int fd);

// What every line begins with, up to the digits of the run: Journal::line() writes it so.
inline constexpr std::string_view journal_line_beginning = R"({"v":1,"run":")";

// "journal FILE", safe to print.
std::string journal_name(const std::string &path);

// Of a file of ours that nobody else may write to, and never through a link. ErrorKind::usage. A FIFO is not waited for.
core::Result<sys::UniqueFd> open_journal_to_read(const std::string &path);

// The same; locked, and made if there is none. It is empty, or begins with a line of ours and ends with a whole line.
core::Result<sys::UniqueFd> open_journal_to_add(const std::string &path);

}  // namespace fanout::report
