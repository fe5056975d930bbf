// The parts of the page. Pure, but for the texts of the run.
#pragma once

#include "fanout/core/result.hpp"
#include "fanout/core/status.hpp"
#include "fanout/report/html.hpp"
#include "html_text.hpp"

namespace fanout::report {

Markup html_style();

// The class that has the colour of this status.
Markup class_of(core::Status status);
// The word with its colour.
Html chip(core::Status status);
// "2026-01-31 12:00:00 UTC"
Html moment(JournalTime time);
// "1,234"
Html grouped(std::uint64_t number);
// "12 hosts", "1 host"
Html count_hosts(std::size_t hosts);

// Each is a section, or nothing where there is nothing to say.
Html failures_section(const PastRun &run, const FoldHosts &fold);
Html timeline_section(const PastRun &run);
Html durations_section(const PastRun &run);
core::Result<Html> outputs_section(const PastRun &run, const FoldHosts &fold);
Html hosts_section(const PastRun &run);
Html runs_section(const PastRun &run);

}  // namespace fanout::report
