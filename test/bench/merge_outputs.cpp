// What gathering costs: outputs of hosts pass through a Report as the pool would hand them over, and come out merged.
//
//     merge_outputs < LINES                    "HOST: LINE", as dshbak(1) reads them; a host's lines in their order
//     merge_outputs HOSTS BYTES KINDS [DIFF]   so many hosts with outputs of so many bytes, of which so many are different; KINDS
//                                              is 0 when all are. DIFF: as --output diff
//
// Of the second kind 64 hosts run at once. All of it goes to standard output, the summary to standard error.
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "fanout/console/lock.hpp"
#include "fanout/console/output.hpp"
#include "fanout/inventory/fold.hpp"
#include "fanout/report/report.hpp"

namespace {

using namespace fanout;
using core::HostIndex;

constexpr std::size_t running_at_once = 64;
constexpr std::size_t piece_bytes = std::size_t{32} << 10;  // of a frame from a worker

core::Host named(std::string name) {
  core::Host host;
  host.address = name;
  host.name = std::move(name);
  return host;
}

core::Outcome ok() {
  core::Outcome outcome;
  outcome.status = core::Status::ok;
  outcome.phase = core::Phase::done;
  outcome.exit_status = 0;
  outcome.remote_end = core::RemoteEnd::exited;
  return outcome;
}

// The output of one kind: lines of 64 bytes, of which one tells the kind.
std::string text_of(std::size_t kind, std::size_t bytes) {
  constexpr std::size_t line_bytes = 64;
  std::string text;
  for (std::size_t line = 0; text.size() < bytes; ++line) {
    std::string one = "line " + std::to_string(line);
    if (line == bytes / line_bytes / 2) one += " of kind " + std::to_string(kind);
    one.resize(line_bytes - 1, '.');
    text += one + "\n";
  }
  text.resize(bytes);
  return text;
}

class Run {
public:
  Run(std::vector<core::Host> hosts, report::OutputForm form, console::Lock &lock)
      : hosts_(std::move(hosts)),
        output_(lock, {STDOUT_FILENO, false}, {STDERR_FILENO, false}),
        report_(options_of(form), hosts_, output_,
                [](std::span<const std::string> names) { return inventory::fold(names); }) {}

  void observe(const core::Event &event) {
    if (auto seen = report_.observe(event); !seen) give_up(seen.error());
  }
  void finish() {
    if (auto finished = report_.finish(core::Milliseconds(0)); !finished) give_up(finished.error());
    if (report_.local_failure()) give_up(*report_.local_failure());
  }

private:
  static report::ReportOptions options_of(report::OutputForm form) {
    report::ReportOptions options;
    options.form = form;
    return options;
  }
  [[noreturn]] static void give_up(const core::Error &error) {
    std::fprintf(stderr, "merge_outputs: %s\n", error.message.c_str());
    std::exit(1);
  }

  std::vector<core::Host> hosts_;
  console::Output output_;
  report::Report report_;
};

struct Line {
  HostIndex host;
  std::string_view text;  // with its newline
};

std::string read_input() {
  std::string input;
  std::string piece(std::size_t{1} << 20, '\0');
  // Grown by what comes, not to the double.
  while (const std::size_t count = std::fread(piece.data(), 1, piece.size(), stdin)) {
    input.reserve(input.size() + count);
    input.append(piece, 0, count);
  }
  return input;
}

void play_lines(console::Lock &lock) {
  const std::string input = read_input();
  std::vector<core::Host> hosts;
  std::unordered_map<std::string_view, HostIndex> places;
  std::vector<Line> lines;
  for (std::string_view left = input; !left.empty();) {
    const std::string_view line = left.substr(0, std::min(left.find('\n'), left.size() - 1) + 1);
    left.remove_prefix(line.size());
    const std::size_t colon = std::min(line.find(": "), line.size());
    const auto [place, is_new] =
        places.try_emplace(line.substr(0, colon), static_cast<HostIndex>(hosts.size()));
    if (is_new) hosts.push_back(named(std::string(place->first)));
    lines.push_back({place->second, line.substr(std::min(colon + 2, line.size()))});
  }
  std::vector<std::size_t> lines_left(hosts.size());
  for (const Line &line : lines) ++lines_left[line.host];
  std::vector<bool> has_started(hosts.size());
  Run run(std::move(hosts), report::OutputForm::merge, lock);
  for (const Line &line : lines) {
    if (!has_started[line.host]) run.observe(core::Started{line.host});
    has_started[line.host] = true;
    if (!line.text.empty())
      run.observe(core::OutputReceived{line.host, core::Stream::out, std::string(line.text)});
    if (--lines_left[line.host] == 0) run.observe(core::Ended{line.host, ok()});
  }
  run.finish();
}

void play_made_up(console::Lock &lock, const std::vector<std::size_t> &sizes, bool diffs) {
  std::vector<core::Host> hosts;
  for (std::size_t host = 0; host < sizes[0]; ++host)
    hosts.push_back(named("node" + std::to_string(host)));
  Run run(std::move(hosts), diffs ? report::OutputForm::diff : report::OutputForm::merge, lock);
  std::deque<HostIndex> running;
  const auto end_first = [&] {
    run.observe(core::Ended{running.front(), ok()});
    running.pop_front();
  };
  for (std::size_t host = 0; host < sizes[0]; ++host) {
    if (running.size() == running_at_once) end_first();
    running.push_back(static_cast<HostIndex>(host));
    run.observe(core::Started{running.back()});
    const std::string text = text_of(sizes[2] == 0 ? host : host % sizes[2], sizes[1]);
    for (std::size_t at = 0; at < text.size(); at += piece_bytes)
      run.observe(
          core::OutputReceived{running.back(), core::Stream::out, text.substr(at, piece_bytes)});
  }
  while (!running.empty()) end_first();
  run.finish();
}

}  // namespace

int main(int argc, char **argv) {
  auto lock = console::Lock::create();
  if (!lock) {
    std::fprintf(stderr, "merge_outputs: %s\n", lock.error().message.c_str());
    return 1;
  }
  std::vector<std::size_t> sizes;
  for (int i = 1; i < std::min(argc, 4); ++i) sizes.push_back(std::strtoul(argv[i], nullptr, 10));
  if (sizes.size() == 3)
    play_made_up(*lock, sizes, argc > 4);
  else
    play_lines(*lock);
  return 0;
}
