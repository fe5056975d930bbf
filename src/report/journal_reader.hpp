// Reading a journal that is open already, for read_journal() and for tests.
#pragma once

#include <string>

#include "fanout/report/journal.hpp"

namespace fanout::report {

// `name` is for messages: "NAME:12: ...".
core::Result<ReadJournal> read_journal(int fd, const std::string &name,
                                       JournalTexts *texts = nullptr);

}  // namespace fanout::report
