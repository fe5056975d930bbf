#include "report_options.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "fanout/console/sanitize.hpp"
#include "fanout/sys/fd.hpp"
#include "fanout/sys/io.hpp"
#include "surroundings.hpp"
#include "workers.hpp"

namespace fanout {

using core::ErrorKind;
using core::fail;
using core::Result;
using core::Stream;

namespace {

// What would not be compared line by line anyway is no reference for anything.
constexpr std::size_t most_reference_bytes = std::size_t{16} << 20;

console::Colors::When when_of_colors(cli::When when) {
  switch (when) {
    case cli::When::automatic: return console::Colors::When::automatic;
    case cli::When::always: return console::Colors::When::always;
    case cli::When::never: return console::Colors::When::never;
  }
  return console::Colors::When::automatic;
}

console::ProgressLine::When when_of_progress(cli::When when) {
  switch (when) {
    case cli::When::automatic: return console::ProgressLine::When::automatic;
    case cli::When::always: return console::ProgressLine::When::always;
    case cli::When::never: return console::ProgressLine::When::never;
  }
  return console::ProgressLine::When::automatic;
}

report::OutputForm form_of(const cli::Options &options, const console::Output &output) {
  // What the view has shown does not scroll by once more, unless somebody wants it to.
  if (options.live && !options.output_is_chosen && output.is_terminal(Stream::out))
    return report::OutputForm::none;
  switch (options.output) {
    case cli::OutputForm::block: return report::OutputForm::block;
    case cli::OutputForm::line: return report::OutputForm::line;
    case cli::OutputForm::merge: return report::OutputForm::merge;
    case cli::OutputForm::diff: return report::OutputForm::diff;
    case cli::OutputForm::json: return report::OutputForm::json;
    case cli::OutputForm::none: return report::OutputForm::none;
  }
  return report::OutputForm::block;
}

Result<std::string> read_reference(const std::string &file) {
  const auto refuse = [&file](std::string_view why) {
    return fail(ErrorKind::usage,
                fmt::format("--diff-against {}: {}", console::safe_line(file), why));
  };
  // A pipe will do, as <(command) makes one.
  const auto fd = sys::UniqueFd::adopt(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd && errno == ENOENT) return refuse("neither a host of this run nor a file");
  if (!fd) return refuse(core::system_error(ErrorKind::usage, "open", errno).message);
  struct stat facts {};
  if (::fstat(fd.get(), &facts) == 0 && S_ISDIR(facts.st_mode)) return refuse("is a folder");
  std::string text;
  for (;;) {
    char buffer[64 * 1024];
    const sys::Transfer read = sys::read_some(fd.get(), buffer, sizeof buffer);
    if (read.state == sys::Transfer::State::end) return text;
    if (read.state != sys::Transfer::State::done)
      return refuse(core::system_error(ErrorKind::usage, "read", read.error).message);
    text.append(buffer, read.count);
    if (text.size() > most_reference_bytes)
      return refuse(fmt::format("has more than {} bytes", most_reference_bytes));
  }
}

}  // namespace

Result<std::optional<report::Reference>> load_reference(const cli::Options &options,
                                                        const std::vector<core::Host> &hosts) {
  std::optional<report::Reference> reference;
  if (!options.diff_against) return reference;
  reference.emplace();
  reference->name = *options.diff_against;
  const auto found = std::find_if(hosts.begin(), hosts.end(), [&](const core::Host &host) {
    return host.name == reference->name;
  });
  if (found != hosts.end()) {
    reference->host = static_cast<core::HostIndex>(found - hosts.begin());
  } else {
    TRY_ASSIGN(reference->text, read_reference(reference->name));
  }
  return reference;
}

Result<std::optional<report::OutputFolder>> open_output_folder(
    const cli::Options &options, const std::vector<core::Host> &hosts) {
  std::optional<report::OutputFolder> folder;
  if (!options.outdir) return folder;
  TRY_ASSIGN(report::OutputFolder opened, report::OutputFolder::open(*options.outdir, hosts));
  folder.emplace(std::move(opened));
  return folder;
}

core::TaskKind task_of(const cli::Options &options) {
  if (options.command == cli::Command::put) return core::TaskKind::put;
  return options.command == cli::Command::get ? core::TaskKind::get : core::TaskKind::exec;
}

report::ReportOptions report_options(const cli::Options &options, const console::Output &output,
                                     std::optional<report::Reference> reference) {
  report::ReportOptions chosen;
  chosen.form = form_of(options, output);
  chosen.merges_too = options.merges_too;
  chosen.task = task_of(options);
  chosen.headers = options.headers;
  chosen.sorted = options.sorted;
  chosen.masking = options.masking;
  chosen.reference = std::move(reference);
  chosen.compares = options.expect_same;
  for (const Stream stream : {Stream::out, Stream::err})
    chosen.colors[static_cast<std::size_t>(stream)] = colors_of(options, output, stream);
  chosen.raw = options.raw;
  chosen.verbosity = options.verbosity;
  chosen.max_output_bytes = options.task.max_output_bytes;
  chosen.sandbox_remark = sandbox_remark(options.sandbox);
  return chosen;
}

console::Colors colors_of(const cli::Options &options, const console::Output &output,
                          Stream stream) {
  return console::Colors::choose(when_of_colors(options.color), output.is_terminal(stream),
                                 variable("NO_COLOR"), variable("TERM"));
}

console::ProgressLine::Form progress_form(const cli::Options &options,
                                          const console::Output &output) {
  // The view tells all that and more.
  if (options.live) return console::ProgressLine::Form::none;
  return console::ProgressLine::choose(when_of_progress(options.progress),
                                       output.is_terminal(Stream::err), variable("TERM"));
}

}  // namespace fanout
