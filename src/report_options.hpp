// How the report of a run is to look, from the command line and from what is found out before anybody is contacted.
#pragma once

#include <optional>
#include <vector>

#include "fanout/cli/options.hpp"
#include "fanout/console/colors.hpp"
#include "fanout/console/output.hpp"
#include "fanout/console/progress.hpp"
#include "fanout/core/host.hpp"
#include "fanout/core/result.hpp"
#include "fanout/core/status.hpp"
#include "fanout/core/task.hpp"
#include "fanout/report/output_folder.hpp"
#include "fanout/report/report.hpp"

namespace fanout {

// What --diff-against names: a host of the run, else a file, which is read. None if it is not given. ErrorKind::usage.
core::Result<std::optional<report::Reference>> load_reference(const cli::Options &options,
                                                              const std::vector<core::Host> &hosts);

// The folder of --outdir. None if it is not given. ErrorKind::usage.
core::Result<std::optional<report::OutputFolder>> open_output_folder(
    const cli::Options &options, const std::vector<core::Host> &hosts);

// Of a command that logs in.
core::TaskKind task_of(const cli::Options &options);

report::ReportOptions report_options(const cli::Options &options, const console::Output &output,
                                     std::optional<report::Reference> reference);

// Of --color, NO_COLOR and TERM.
console::Colors colors_of(const cli::Options &options, const console::Output &output,
                          core::Stream stream);

console::ProgressLine::Form progress_form(const cli::Options &options,
                                          const console::Output &output);

}  // namespace fanout
