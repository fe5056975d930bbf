#include "display.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "fanout/pool/capacity.hpp"
#include "fanout/sys/io.hpp"
#include "fanout/sys/limits.hpp"
#include "report_options.hpp"
#include "run_journal.hpp"
#include "surroundings.hpp"

namespace fanout {

using core::HostIndex;
using core::Result;
using core::Stream;

namespace {

constexpr const char *terminal = "/dev/tty";

}  // namespace

Display::Display(const cli::Options &options, const Contact &contact, std::uint64_t bytes_per_host)
    : options_(options),
      prepared_(contact.prepared),
      pool_(contact.pool),
      signals_(contact.signals),
      output_(contact.output),
      report_(
          [&] {
            auto chosen = report_options(options, output_, std::move(prepared_.reference));
            if (prepared_.journal)
              chosen.keep_printed = [this](HostIndex host, const report::Printed &printed) {
                keep_in_journal(host, printed);
              };
            return chosen;
          }(),
          prepared_.hosts, output_, fold_names, std::move(prepared_.folder)),
      progress_(progress_form(options, output_), prepared_.hosts, bytes_per_host, task_of(options),
                output_, colors_of(options, output_, Stream::err)) {}

Result<void> Display::open(Dispatch &dispatch) {
  dispatch_ = &dispatch;
  auto opened = options_.live ? open_view() : Result<void>();
  if (opened && prepared_.journal) opened = begin_journal(options_, prepared_);
  // Why it has not is for the terminal itself: what keeps the journal from being written may keep text from being held.
  if (!opened) leave_view(true);
  return opened;
}

Result<void> Display::open_view() {
  TRY_ASSIGN(
      report::LiveView view,
      report::LiveView::open(terminal, prepared_.hosts, steering(),
                             colors_of(options_, output_, Stream::err).on(), task_of(options_)));
  view.give_up_on(signals_.ending.fd());
  TRY(output_.hold());
  view_.emplace(std::move(view));
  return pool_.wake_on(view_->fd());
}

void Display::leave_view(bool hurried) {
  if (!view_) return;
  pool_.stop_waking_on(view_->fd());
  if (hurried) view_->give_up_on(-1);
  view_.reset();
  output_.release();
}

Result<void> Display::observe(const core::Event &event) {
  const core::TimePoint now = sys::now();
  progress_.observe(event, now);
  if (view_) view_->observe(event, now);
  return report_.observe(event);
}

core::Deadline Display::refresh(core::TimePoint now) {
  if (view_) {
    view_->refresh(now);
    return view_->wake_at();
  }
  if (dispatch_->halted()) progress_.start_no_more();
  progress_.refresh(now);
  return progress_.wake_at();
}

int Display::close(bool failed_here) {
  // The signal that would end the wait for a terminal that has stopped may have been heeded already.
  leave_view(dispatch_->interrupted_by().has_value());
  progress_.finish();
  if (auto shown = report_.finish(dispatch_->elapsed(), dispatch_->why_halted()); !shown)
    say(output_, shown.error().message);
  if (const auto &lost = output_.lost_while_held()) {
    say(output_, "not all that was to be printed meanwhile was kept: " + lost->message);
    failed_here = true;
  }
  if (prepared_.journal && prepared_.journal->has_failed()) failed_here = true;
  // Groups may be many, and their reader slow.
  dispatch_->note_late_signals();
  return exit_code_of(
      options_,
      {report_.outcomes(), failed_here || report_.local_failure(), report_.outputs_differ()},
      *dispatch_);
}

void Display::keep_in_journal(HostIndex host, const report::Printed &printed) {
  dispatch_->journalled(prepared_.journal->printed(host, printed));
}

// --- the keys of the live view ----------------------------------------------------------------------------------------

report::Steering Display::steering() {
  return {[this] { return course(); }, [this] { dispatch_->toggle_pause(); },
          [this](std::size_t parallel) { set_parallel(parallel); },
          [this](HostIndex host) { dispatch_->stop_host(host, "stopped in the live view"); },
          [this] { dispatch_->interrupt(); }};
}

report::Course Display::course() const {
  const plan::Plan::Progress progress = dispatch_->progress();
  report::Course course;
  course.parallel = pool_.max_workers();
  course.paused = dispatch_->paused();
  course.halted = dispatch_->halted();
  course.interrupted = dispatch_->interrupted_by().has_value();
  if (progress.batches > 1)
    course.remark = fmt::format("batch {} of {}", progress.batch, progress.batches);
  return course;
}

// As many as this machine carries; the user sees in the view how many those are.
void Display::set_parallel(std::size_t parallel) {
  const std::size_t possible =
      pool::capacity(pool::measure_resources(), std::max<std::size_t>(1, parallel),
                     prepared_.hosts.size())
          .workers;
  sys::raise_open_file_limit(pool::files_besides + pool::files_per_worker * possible);
  pool_.set_max_workers(possible);
}

}  // namespace fanout
