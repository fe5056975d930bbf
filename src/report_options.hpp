// How the report of a run is to look, from the command line.
#pragma once

#include "fanout/cli/options.hpp"
#include "fanout/report/report.hpp"

namespace fanout {

report::ReportOptions report_options(const cli::Options &options);

}  // namespace fanout
