// What several runs tell of one host. Pure.
#pragma once

#include "fanout/report/journal.hpp"

namespace fanout::report {

// `later` is of a run that came after the one of `known`, and its word counts. But a host that is in doubt stays so: what did not
// come as far as its command says nothing about the run before, in which it may have run.
void take_later_word(JournalEntry &known, JournalEntry later);

}  // namespace fanout::report
