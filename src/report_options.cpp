#include "report_options.hpp"

#include "workers.hpp"

namespace fanout {

report::ReportOptions report_options(const cli::Options &options) {
  report::ReportOptions chosen;
  switch (options.output) {
    case cli::OutputForm::block: chosen.form = report::OutputForm::block; break;
    case cli::OutputForm::line: chosen.form = report::OutputForm::line; break;
    case cli::OutputForm::json: chosen.form = report::OutputForm::json; break;
    case cli::OutputForm::none: chosen.form = report::OutputForm::none; break;
  }
  if (options.command == cli::Command::put) chosen.task = core::TaskKind::put;
  if (options.command == cli::Command::get) chosen.task = core::TaskKind::get;
  chosen.headers = options.headers;
  chosen.raw = options.raw;
  chosen.verbosity = options.verbosity;
  chosen.max_output_bytes = options.task.max_output_bytes;
  chosen.sandbox_remark = sandbox_remark(options.sandbox);
  return chosen;
}

}  // namespace fanout
