#include "group_form.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "fanout/console/sanitize.hpp"
#include "fanout/report/reason.hpp"
#include "identity.hpp"
#include "mask.hpp"
#include "pen.hpp"
#include "sizes.hpp"

namespace fanout::report {

using core::HostIndex;
using core::Outcome;
using core::Result;
using core::Status;
using core::Stream;

namespace {

constexpr std::size_t end_columns = 200;

// "2 failed, 1 timeout".
std::string describe_statuses(const OutputGroup &group) {
  std::string text;
  for (std::size_t status = 0; status < group.statuses.size(); ++status) {
    const std::size_t count = group.statuses[status];
    if (count == 0 || static_cast<Status>(status) == Status::ok) continue;
    if (!text.empty()) text += ", ";
    text += fmt::format("{} {}", count, to_string(static_cast<Status>(status)));
  }
  return text;
}

}  // namespace

Result<void> GroupForm::ended(HostIndex host, const Outcome &outcome, Printed &printed) {
  const bool compared = is_comparable(outcome);
  if (compared) compared_.push_back(host);
  if (compared && printed.out.bytes() == 0 && printed.err.bytes() == 0) silent_.add(host, outcome);
  Result<void> result;
  for (const Stream stream : {Stream::out, Stream::err}) {
    PrintedStream &text = printed.of(stream);
    if (!compared && text.bytes() == 0) continue;
    auto identity = tools_.identities.of(text, tools_.hosts[host]);
    if (!identity) {
      result = core::fail(std::move(identity).error());
      continue;
    }
    if (compared && stream == Stream::out) name_outliers(host, *identity);
    groups_[static_cast<std::size_t>(stream)].add(host, *identity, outcome, text);
  }
  return result;
}

void GroupForm::name_outliers(HostIndex host, std::string_view identity) {
  // Who has named what to compare with has said already that most need not be right.
  if (!tools_.output.is_terminal(Stream::err) || tools_.options.reference) return;
  const Outliers::Named named = outliers_.add(host, identity);
  if (named.hosts.empty()) return;
  say(fmt::format("fanout: {}: output differs from that of {} other hosts\n", name_of(named.hosts),
                  named.others));
}

void GroupForm::say(std::string_view text) const {
  const std::string_view line_end = tools_.output.line_is_open(Stream::err) ? "\n" : "";
  (void)tools_.output.write(Stream::err, fmt::format("{}{}", line_end, text));
}

bool GroupForm::has_compared(HostIndex host) const {
  return std::binary_search(compared_.begin(), compared_.end(), host);
}

Result<void> GroupForm::finished() {
  std::sort(compared_.begin(), compared_.end());
  silent_.sort();
  for (OutputGroups &groups : groups_) groups.sort();
  all_ended();
  const auto show = [this](Stream stream) -> Result<void> {
    // A stream that is lost must not keep the other one back; what became of it is told by the output.
    if (tools_.output.failure(stream)) return {};
    auto printed = print(stream);
    return tools_.output.failure(stream) ? Result<void>() : std::move(printed);
  };
  return print_each(tools_.output, std::array{Stream::out, Stream::err}, show);
}

std::string GroupForm::name_of(const std::vector<HostIndex> &hosts) const {
  return hosts.size() == 1 ? tools_.labels[hosts.front()] : tools_.fold(hosts);
}

std::string GroupForm::header(Stream stream, const OutputGroup &group) const {
  if (!tools_.options.headers) return {};
  std::string in_brackets =
      group.hosts.size() == 1 ? "" : fmt::format("{} hosts", group.hosts.size());
  if (stream == Stream::err) in_brackets += in_brackets.empty() ? "stderr" : ", stderr";
  if (!in_brackets.empty()) in_brackets = fmt::format(" ({})", in_brackets);

  std::vector<std::string> remarks;
  if (group.is_silent()) remarks.emplace_back("no output");
  if (!group.all_ok())
    remarks.push_back(group.hosts.size() == 1 ? console::safe_line(group.end_of_one, end_columns)
                                              : describe_statuses(group));
  if (group.missing_bytes > 0)
    remarks.push_back(fmt::format("{} more not shown", describe_bytes(group.missing_bytes)));
  const std::string remark =
      remarks.empty() ? std::string() : fmt::format(": {}", fmt::join(remarks, ", "));
  return tools_.colors(stream).paint(
      group.all_ok() ? console::Style::title : console::Style::bad,
      fmt::format("== {}{}{} ==\n", name_of(group.hosts), in_brackets, remark));
}

Result<void> GroupForm::print_whole(Stream stream, const OutputGroup &group) const {
  console::Output::Block block(tools_.output);
  Pen pen(block, stream, tools_.sanitises(stream));
  pen.own(header(stream, group));
  Masker masker(tools_.options.masking, tools_.hosts[group.whose]);
  const bool masks = tools_.options.masking.any();
  std::string masked;
  auto copied = group.text->each_piece([&](std::string_view piece) -> Result<void> {
    if (tools_.output.is_given_up()) return {};
    if (!masks) return pen.remote(piece);
    masked.clear();
    masker.feed(piece, masked);
    return pen.remote(masked);
  });
  masked.clear();
  masker.finish(masked);
  if (copied) copied = pen.remote(masked);
  // With several hosts the first line of the next one must not continue the last line of this one.
  if (tools_.options.headers || tools_.labels.size() > 1) pen.end_line();
  TRY(pen.lift());
  return copied;
}

Result<std::string> GroupForm::whole_text(const OutputGroup &group) const {
  TRY_ASSIGN(std::string text, group.text->whole());
  if (!tools_.options.masking.any()) return text;
  return mask(tools_.options.masking, tools_.hosts[group.whose], text);
}

void GroupForm::print_silent() const {
  const auto &others = groups(Stream::out).sorted();
  const bool has_text = std::any_of(others.begin(), others.end(),
                                    [](const OutputGroup *group) { return !group->is_silent(); });
  if (silent_.hosts.empty() || !has_text) return;
  (void)tools_.output.write(Stream::out, header(Stream::out, silent_));
}

}  // namespace fanout::report
