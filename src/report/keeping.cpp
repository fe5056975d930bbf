// What hosts print, before a form shows it: how much of it is taken, where it goes, and what is lost. Several may want it,
// and what keeps one of them from having it must not keep it from the others: a full disk is no reason to hold back lines
// that are printed at once.

#include <algorithm>

#include <fmt/format.h>

#include "fanout/console/sanitize.hpp"
#include "fanout/report/journal_texts.hpp"
#include "fanout/report/report.hpp"
#include "form.hpp"
#include "printed.hpp"
#include "sizes.hpp"

namespace fanout::report {

using core::HostIndex;
using core::Stream;

namespace {

constexpr std::size_t why_columns = 1000;

}  // namespace

Printed &Report::printed_of(Running &running) {
  if (!running.printed) {
    running.printed = std::make_unique<Printed>(spill_);
    if (hashes_)
      for (const Stream stream : {Stream::out, Stream::err})
        running.printed->of(stream).hash.emplace();
  }
  return *running.printed;
}

void Report::keep(HostIndex host, Running &running, const core::OutputReceived &received) {
  if (running.cut) return;
  std::string_view bytes = received.bytes;
  if (options_.max_output_bytes > 0) {
    const std::uint64_t room = options_.max_output_bytes - running.shown_bytes;
    if (bytes.size() > room) bytes = bytes.substr(0, static_cast<std::size_t>(room));
  }
  const std::size_t shown = bytes.empty() ? 0 : show_live(host, running, received.stream, bytes);
  running.shown_bytes += shown;
  if (!bytes.empty()) keep_text(host, running, received.stream, bytes);
  if (shown == received.bytes.size()) return;
  running.cut = true;
  for (const auto &form : forms_) form->cut(host);
  // Who watches a host live must not wait for its end to learn that there is more than is shown.
  if (options_.form == OutputForm::line && running.why_not_kept.empty())
    say(fmt::format("[fanout: {}: over --max-output {}, more is counted and not shown]\n",
                    labels_[host], format_size(options_.max_output_bytes)));
}

// How many of them.
std::size_t Report::show_live(HostIndex host, Running &running, Stream stream,
                              std::string_view bytes) {
  std::size_t shown = bytes.size();
  for (const auto &form : forms_) {
    Form::Taken taken = form->received(host, stream, bytes);
    if (taken.error) lose(host, running, std::move(*taken.error));
    shown = std::min(shown, taken.bytes);
  }
  return shown;
}

// What is kept is a beginning of what was printed: once a piece is missing, nothing comes after it.
void Report::keep_text(HostIndex host, Running &running, Stream stream, std::string_view bytes) {
  if (running.text_has_ended || !(keeps_text_ || journals_)) return;
  HeldText &text = printed_of(running).of(stream).text;
  if (!keeps_text_) {
    const std::uint64_t kept = std::min<std::uint64_t>(text.size(), longest_journaled_text);
    bytes = bytes.substr(0, longest_journaled_text - static_cast<std::size_t>(kept));
    if (bytes.empty()) return;
  }
  auto kept = text.append(bytes);
  if (kept) return;
  running.text_has_ended = true;
  // A journal does without, and says so itself.
  if (keeps_text_) lose(host, running, std::move(kept).error());
}

std::uint64_t Report::dropped_bytes(Running &running) const {
  if (!shows_text_) return 0;
  const std::uint64_t all = running.stdout_bytes + running.stderr_bytes;
  std::uint64_t kept = all;
  if (options_.form == OutputForm::line) kept = running.shown_bytes;
  if (keeps_text_ && running.printed)
    kept = std::min(kept, running.printed->out.text.size() + running.printed->err.text.size());
  return all - kept;
}

void Report::lose(HostIndex host, Running &running, core::Error why) {
  if (running.why_not_kept.empty()) not_kept_.push_back(host);
  running.why_not_kept = why.message;
  if (why_not_kept_.empty()) why_not_kept_ = why.message;
  if (!local_failure_) local_failure_ = std::move(why);
}

std::string Report::truncation_notice(HostIndex host, std::uint64_t dropped,
                                      const Running &running) const {
  if (dropped == 0) return {};
  const std::string why = running.why_not_kept.empty()
                              ? "over --max-output " + format_size(options_.max_output_bytes)
                              : console::safe_line(running.why_not_kept, why_columns);
  // What was shown while it came can be missing in a file, or in the groups.
  const bool was_shown = options_.form == OutputForm::line &&
                         running.shown_bytes == running.stdout_bytes + running.stderr_bytes;
  return fmt::format("[fanout: {}: {} {}, {}]\n", labels_[host], describe_bytes(dropped),
                     was_shown ? "not kept" : "more not shown", why);
}

}  // namespace fanout::report
