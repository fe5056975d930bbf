// fanout report: what journals tell of earlier runs. Contacts nobody: the run is played to a report once more.

#include <optional>
#include <utility>

#include <fmt/format.h>

#include "fanout/console/lock.hpp"
#include "fanout/console/output.hpp"
#include "fanout/core/exit_code.hpp"
#include "fanout/report/html.hpp"
#include "fanout/report/past_run.hpp"
#include "fanout/report/report.hpp"
#include "logins.hpp"
#include "report_options.hpp"
#include "run.hpp"
#include "surroundings.hpp"

namespace fanout {

using core::ErrorKind;
using core::fail;
using core::HostIndex;
using core::Result;

namespace {

class PastReport {
public:
  PastReport(const cli::Options &options, console::Output &output)
      : options_(options), output_(output) {}

  Result<int> run() {
    if (to_stdout() && options_.output != cli::OutputForm::none)
      return fail(ErrorKind::usage,
                  "--html -: standard output has the output of hosts already, see --output");
    TRY_ASSIGN(run_, report::read_past_run(options_.journals));
    for (const std::string &note : run_.notes) say(output_, note);
    if (options_.html && !to_stdout()) TRY(report::check_page_file(*options_.html));
    TRY_ASSIGN(auto reference, load_reference(options_, run_.hosts));
    TRY_ASSIGN(auto folder, open_output_folder(options_, run_.hosts));
    if (options_.html) TRY(make_page());

    report::ReportOptions shown = report_options(options_, output_, std::move(reference));
    shown.task = run_.task;
    shown.sandbox_remark.clear();
    shown.wall_clock = [this] { return started_; };
    report::Report report(std::move(shown), run_.hosts, output_, fold_names, std::move(folder));
    TRY(replay_to(report));
    if (const auto shown_to_end = report.finish(run_.elapsed()); !shown_to_end)
      say(output_, shown_to_end.error().message);
    if (report.local_failure()) return static_cast<int>(core::ExitCode::internal);
    std::optional<bool> differ;
    if (options_.expect_same) differ = report.outputs_differ();
    const int code = report::exit_code_of(run_, report.outcomes(), differ);
    if (code == static_cast<int>(core::ExitCode::different) && !differ)
      say(output_, "outputs differed in that run; --expect-same shows whose");
    return code;
  }

private:
  [[nodiscard]] bool to_stdout() const { return options_.html == "-"; }

  Result<void> make_page() {
    TRY_ASSIGN(const std::string page,
               report::format_page(run_, [this](const std::vector<HostIndex> &hosts) {
                 std::vector<std::string> names;
                 names.reserve(hosts.size());
                 for (const HostIndex host : hosts) names.push_back(run_.hosts[host].name);
                 return fold_names(names);
               }));
    return to_stdout() ? output_.write(core::Stream::out, page)
                       : report::write_page(*options_.html, page);
  }

  // A stream that cannot be written is told of once, and the others go on.
  Result<void> replay_to(report::Report &report) {
    return report::replay(
        run_,
        [&](const core::Event &event) -> Result<void> {
          auto shown = report.observe(event);
          if (shown || shown.error().kind != ErrorKind::local) return shown;
          say(output_, shown.error().message);
          return {};
        },
        [this](report::JournalTime time) { started_ = time; });
  }

  const cli::Options &options_;
  console::Output &output_;
  report::PastRun run_;
  std::chrono::system_clock::time_point started_;
};

}  // namespace

int run_report(const cli::Options &options) {
  auto lock = console::Lock::create();
  if (!lock) return give_up(lock.error());
  console::Output output = console::Output::standard(*lock);
  const auto code = PastReport(options, output).run();
  return code ? *code : report_error(output, code.error());
}

}  // namespace fanout
