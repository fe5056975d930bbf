// Shows a run to its user: what the hosts print while it goes, and at the end one record a host and a summary.
//
// Lives in the parent. Consumes the events of the pool in their order and writes to the console's output; writing blocks
// while the reader is slow. Memory does not grow with what the hosts print (see spill.hpp): a few hundred bytes for each
// host, and a small buffer for each that runs.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "fanout/console/colors.hpp"
#include "fanout/console/output.hpp"
#include "fanout/core/event.hpp"
#include "fanout/core/host.hpp"
#include "fanout/core/masking.hpp"
#include "fanout/core/result.hpp"
#include "fanout/core/task.hpp"
#include "fanout/report/output_folder.hpp"
#include "fanout/report/spill.hpp"

namespace fanout::report {

struct Printed;

// Host names as one text: web[01-06,08-20].
using FoldFunction = std::function<std::string(std::span<const std::string> names)>;

// --output. Remote stdout goes to stdout and remote stderr to stderr in every form.
enum class OutputForm : std::uint8_t {
  // When a host ends, its output under one header line for each stream that has text:
  //     == web01 ==                            stdout of a host that is ok
  //     == web01 (stderr): failed, exit 3 ==   the other stream, and how it ended if it is not ok
  // A host that is ok and silent is only in the summary (with -v it has its header); one that failed without a word has
  // its header on stderr. A last line without a newline gets one, except without headers and with a single host: then
  // the bytes are those of the host.
  block,
  // Every line when it is complete, with `web01: ` before it; aligned on a terminal. A last line without a newline gets
  // one. A host that fails is named on stderr when it happens.
  line,
  // When all have ended, each output once, under one header line that names the hosts that have printed it, and how many:
  //     == web[01-18] (18 hosts) ==
  // The largest group comes first, then the one whose first host was selected first. stdout and stderr are grouped by
  // themselves. Hosts whose command has printed nothing, while others have, stand under a header without text.
  merge,
  // As merge, but of all groups but the largest only what differs from that one, as a unified diff.
  diff,
  // When a host ends, one JSON object on stdout, which nothing else is written to; its keys are in fanout(1). What the
  // host printed is among them. Hosts that were never started get theirs at the end.
  json,
  none,
};

// What the outputs of the others are compared with, instead of the largest group.
struct Reference {
  std::string name;                     // as it was given
  std::optional<core::HostIndex> host;  // one of the run
  std::string text;                     // else that of a file, for stdout
};

struct ReportOptions {
  OutputForm form = OutputForm::block;
  // After OutputForm::line: when all have ended, the same once more as OutputForm::merge.
  bool merges_too = false;
  core::TaskKind task = core::TaskKind::exec;
  bool headers = true;                    // of blocks and groups
  bool sorted = false;                    // blocks and records in the order of the selection
  core::Masking masking;                  // of merge, diff and outputs_differ()
  std::optional<Reference> reference;     // of diff and outputs_differ()
  bool compares = false;                  // for outputs_differ() and the summary: --expect-same
  std::array<console::Colors, 2> colors;  // by stream
  bool raw = false;                       // remote text reaches a terminal as it is
  int verbosity = 0;                      // 1: notes and times of each host; 2: each step
  std::uint64_t max_output_bytes = 64ULL << 20;  // per host, both streams together; 0 is no limit
  SpillLimits spill;
  // May be empty. Told of each host that has been started and has ended, with what it has printed.
  std::function<void(core::HostIndex host, const Printed &printed)> keep_printed;
  std::string
      sandbox_remark;  // in what way workers are less confined than they should be, for the summary; or empty
  std::function<std::chrono::system_clock::time_point()> wall_clock =
      std::chrono::system_clock::now;
};

class Form;
class Comparison;
class Identities;
struct Summary;

class Report {
public:
  // `hosts` and `output` must outlive the report. `folder` gets what hosts print besides. `open_spill` makes the file for
  // what does not fit in memory.
  Report(ReportOptions options, const std::vector<core::Host> &hosts, console::Output &output,
         FoldFunction fold, std::optional<OutputFolder> folder = std::nullopt,
         Spill::OpenFile open_spill = sys::make_temporary_file);
  ~Report();
  Report(const Report &) = delete;
  Report &operator=(const Report &) = delete;

  // An error says that the run should end: a stream of ours cannot be written any more (ErrorKind::local, once for each
  // stream; what hosts print there from then on is not shown), or the events contradict each other
  // (ErrorKind::internal; the event is ignored).
  core::Result<void> observe(const core::Event &event);

  // After the last event: hosts that were never started get their record, with `why_skipped` as its cause, and the
  // summary is written to stderr. Errors as above.
  core::Result<void> finish(core::Milliseconds elapsed, std::string_view why_skipped = {});

  // One for each host, in the order of the selection; `skipped` until it has ended.
  [[nodiscard]] const std::vector<core::Outcome> &outcomes() const { return outcomes_; }

  // The first failure of this machine that kept output from the user: a stream that cannot be written, a full disk.
  // The program's exit code must tell.
  [[nodiscard]] const std::optional<core::Error> &local_failure() const { return local_failure_; }

  // Once finish() has returned: whether commands that ended by themselves have printed different things, or other things than
  // the reference.
  [[nodiscard]] bool outputs_differ() const { return outputs_differ_; }

  // What is going on now, a few lines for stderr (SIGINT, SIGUSR1).
  [[nodiscard]] std::string running_text() const;

private:
  enum class State : std::uint8_t { waiting, running, ended };
  struct Running {
    core::Phase phase = core::Phase::start;
    std::unique_ptr<Printed> printed;  // once it has printed
    std::uint64_t stdout_bytes = 0;
    std::uint64_t stderr_bytes = 0;
    std::uint64_t shown_bytes = 0;  // are shown while it runs
    bool cut = false;               // nothing that comes is shown or kept any more
    bool text_has_ended = false;    // nothing that comes is kept any more
    std::string why_not_kept;       // empty: --max-output
  };
  // What is left to be shown of a host that has ended.
  struct Show {
    std::unique_ptr<Printed> printed;
    std::string notices;
  };

  core::Result<void> happened(const core::Started &started);
  core::Result<void> happened(const core::PhaseEntered &entered);
  core::Result<void> happened(const core::HostKeyOffered &offered);
  core::Result<void> happened(const core::OutputReceived &received);
  core::Result<void> happened(const core::OutputMissing &missing);
  core::Result<void> happened(const core::Noted &noted);
  core::Result<void> happened(const core::PasswordAnswered &answered);
  core::Result<void> happened(const core::Progressed &progressed);
  core::Result<void> happened(const core::FileFetched &fetched);
  core::Result<void> happened(const core::Ended &ended);
  core::Result<void> happened(const core::Retrying &retrying);

  void keep(core::HostIndex host, Running &running, const core::OutputReceived &received);
  std::size_t show_live(core::HostIndex host, Running &running, core::Stream stream,
                        std::string_view bytes);
  void keep_text(core::HostIndex host, Running &running, core::Stream stream,
                 std::string_view bytes);
  // Of what is to be shown or to stand in a file; those that are not.
  [[nodiscard]] std::uint64_t dropped_bytes(Running &running) const;
  Printed &printed_of(Running &running);
  void lose(core::HostIndex host, Running &running, core::Error why);
  void end(core::HostIndex host, core::Outcome outcome);
  void skip(core::HostIndex host, std::string_view why);
  void hand_on(core::HostIndex host, Printed &printed, std::string &notices);
  void show(core::HostIndex host, Show what);
  void show_now(core::HostIndex host, Show &what);
  void show_groups();
  void tell_differing(Summary &summary);
  void note_incomplete(std::string_view what, core::Error why, std::string &text);
  [[nodiscard]] std::string_view doing(core::Phase phase) const;
  [[nodiscard]] std::string truncation_notice(core::HostIndex host, std::uint64_t dropped,
                                              const Running &running) const;
  [[nodiscard]] std::string fold(const std::vector<core::HostIndex> &hosts) const;
  core::Result<Running *> find_running(core::HostIndex host);
  void say(std::string_view text);
  // The failures of the output that nobody has been told of yet.
  core::Result<void> check_output();

  ReportOptions options_;
  const std::vector<core::Host> &hosts_;
  console::Output &output_;
  FoldFunction fold_;
  std::vector<std::string> labels_;  // names, safe to print
  Spill spill_;
  std::vector<std::unique_ptr<Form>> forms_;
  std::optional<OutputFolder> folder_;
  std::unique_ptr<Identities> identities_;
  std::unique_ptr<Comparison> comparison_;  // with ReportOptions::compares
  std::unordered_map<core::HostIndex, std::int64_t>
      started_;              // seconds since 1970, of the first start
  bool keeps_text_ = false;  // up to the limit of the user
  bool shows_text_ = false;  // and tells what is not kept
  bool journals_ = false;    // the beginning, if nobody keeps more
  bool hashes_ = false;
  std::map<core::HostIndex, Show> waiting_to_show_;  // until those before them have ended
  core::HostIndex next_to_show_ = 0;
  std::vector<core::Outcome> outcomes_;
  std::vector<State> states_;
  std::unordered_map<core::HostIndex, Running> running_;
  std::vector<core::HostIndex> not_kept_;  // hosts with output that this machine could not keep
  std::string why_not_kept_;
  std::optional<core::Error> local_failure_;
  bool outputs_differ_ = false;
  bool told_[2] = {false, false};
};

}  // namespace fanout::report
