// What the user sees of a run: the report, and while it goes on the line of progress or the live view. For every command
// that logs in.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "dispatch.hpp"
#include "fanout/cli/options.hpp"
#include "fanout/core/event.hpp"
#include "fanout/core/result.hpp"
#include "fanout/report/live.hpp"
#include "fanout/report/progress.hpp"
#include "fanout/report/report.hpp"
#include "logins.hpp"

namespace fanout {

class Display {
public:
  // `options` and `contact` must outlive this. `bytes_per_host`: for the line of progress of a transfer; 0 when it is not
  // known.
  Display(const cli::Options &options, const Contact &contact, std::uint64_t bytes_per_host = 0);

  // The run that it has shown may be gone by then.
  ~Display() { leave_view(true); }
  Display(const Display &) = delete;
  Display &operator=(const Display &) = delete;

  // Before the run begins, which the live view steers and the journal is told of. ErrorKind::usage when there is no terminal
  // for the view: then the journal knows nothing of a run.
  core::Result<void> open(Dispatch &dispatch);

  core::Result<void> observe(const core::Event &event);
  // For Dispatch::Task.
  core::Deadline refresh(core::TimePoint now);
  [[nodiscard]] std::string running_text() const { return report_.running_text(); }

  // After the run: the view is gone, the summary comes. `failed_here`: something else of this machine went wrong. Returns the
  // exit code.
  int close(bool failed_here = false);

private:
  core::Result<void> open_view();
  report::Steering steering();
  [[nodiscard]] report::Course course() const;
  void set_parallel(std::size_t parallel);
  void keep_in_journal(core::HostIndex host, const report::Printed &printed);
  // In a hurry, a terminal that takes nothing is waited for no longer than two seconds.
  void leave_view(bool hurried);

  const cli::Options &options_;
  Prepared &prepared_;
  pool::Pool &pool_;
  Signals &signals_;
  console::Output &output_;
  Dispatch *dispatch_ = nullptr;  // once the run has begun
  report::Report report_;
  report::Progress progress_;
  std::optional<report::LiveView> view_;
};

}  // namespace fanout
