// Grouping and aligning. Linear in the number of hosts: ten thousand of them with as many causes must not take longer to
// sum up than to run.

#include "fanout/report/summary.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

#include "failure_groups.hpp"
#include "fanout/console/columns.hpp"
#include "fanout/console/sanitize.hpp"
#include "fanout/core/duration.hpp"
#include "sizes.hpp"
#include "transfer.hpp"

namespace fanout::report {

using console::Style;
using core::HostIndex;
using core::Outcome;
using core::Status;

namespace {

constexpr std::ptrdiff_t most_causes = 20;  // for each status; the others are folded into one line
constexpr std::string_view copied_word = "transfer";
constexpr std::size_t most_leftovers = 10;
constexpr std::size_t widest_hosts_column = 32;
constexpr std::size_t cause_columns = 300;

struct Row {
  std::string word;
  std::string hosts;
  std::string cause;
  Style style = Style::warning;  // of the word
};

Style style_of(Status status) { return is_failure(status) ? Style::bad : Style::warning; }

std::string count(std::size_t number, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", number, number == 1 ? one : many);
}

std::string first_line(const Summary &summary) {
  std::array<std::size_t, core::status_count> counts{};
  for (const Outcome &outcome : summary.outcomes)
    ++counts[static_cast<std::size_t>(outcome.status)];
  const auto of = [&counts](Status status) { return counts[static_cast<std::size_t>(status)]; };
  const std::size_t ok = of(Status::ok);
  const std::size_t interrupted = of(Status::interrupted);
  const std::size_t skipped = of(Status::skipped);
  const std::size_t failed = summary.outcomes.size() - ok - interrupted - skipped;
  const console::Colors &colors = summary.colors;
  std::string line = fmt::format("fanout: {}, ", count(summary.outcomes.size(), "host", "hosts"));
  const bool all = ok == summary.outcomes.size();
  const std::string well = fmt::format("{} ok", ok);
  line += all ? colors.paint(Style::good, well) : well;
  if (failed > 0) line += ", " + colors.paint(Style::bad, fmt::format("{} failed", failed));
  if (interrupted > 0)
    line += ", " + colors.paint(Style::warning, fmt::format("{} interrupted", interrupted));
  if (skipped > 0) line += ", " + colors.paint(Style::warning, fmt::format("{} skipped", skipped));
  return line + fmt::format(" in {}\n", core::describe_duration(summary.elapsed));
}

void add_failures(const Summary &summary, const Fold &fold, std::vector<Row> &rows) {
  const std::vector<FailureGroup> groups = group_failures(summary.hosts, summary.outcomes);
  for (auto group = groups.begin(); group != groups.end();) {
    const Status status = group->status;
    const std::string word(to_string(status));
    const auto next = std::find_if(group, groups.end(), [status](const FailureGroup &other) {
      return other.status != status;
    });
    const auto listed = group + std::min<std::ptrdiff_t>(next - group, most_causes);
    for (; group != listed; ++group)
      rows.push_back({word, fold(group->hosts), console::safe_line(group->cause, cause_columns),
                      style_of(status)});
    if (group == next) continue;
    const auto others = static_cast<std::size_t>(next - group);
    std::vector<HostIndex> hosts;
    for (; group != next; ++group)
      hosts.insert(hosts.end(), group->hosts.begin(), group->hosts.end());
    std::sort(hosts.begin(), hosts.end());
    rows.push_back(
        {word, fold(hosts), "and " + count(others, "more cause", "more causes"), style_of(status)});
  }
}

void add_differing(const Summary &summary, const Fold &fold, std::vector<Row> &rows) {
  const auto &differing = summary.differing;
  const std::size_t listed = std::min<std::size_t>(differing.size(), most_causes);
  for (std::size_t i = 0; i < listed; ++i)
    rows.push_back({"differs", fold(differing[i]),
                    fmt::format("printed something else than {}",
                                console::safe_line(summary.differ_from, cause_columns)),
                    Style::bad});
  if (listed == differing.size()) return;
  std::vector<HostIndex> others;
  for (std::size_t i = listed; i < differing.size(); ++i)
    others.insert(others.end(), differing[i].begin(), differing[i].end());
  std::sort(others.begin(), others.end());
  rows.push_back({"differs", fold(others),
                  "and " + count(differing.size() - listed, "more output", "more outputs"),
                  Style::bad});
}

void add_truncated(const Summary &summary, const Fold &fold, std::vector<Row> &rows) {
  const std::unordered_set<HostIndex> not_kept(summary.not_kept.begin(), summary.not_kept.end());
  std::vector<HostIndex> over_limit;
  std::vector<HostIndex> lost;
  std::uint64_t over_limit_bytes = 0;
  std::uint64_t lost_bytes = 0;
  for (std::size_t i = 0; i < summary.outcomes.size(); ++i) {
    const std::uint64_t dropped = summary.outcomes[i].dropped_bytes;
    if (dropped == 0) continue;
    const auto host = static_cast<HostIndex>(i);
    const bool is_lost = not_kept.count(host) > 0;
    (is_lost ? lost : over_limit).push_back(host);
    (is_lost ? lost_bytes : over_limit_bytes) += dropped;
  }
  if (!over_limit.empty())
    rows.push_back(
        {"truncated", fold(over_limit),
         fmt::format("{} of output not shown, over --max-output {}",
                     describe_bytes(over_limit_bytes), format_size(summary.max_output_bytes))});
  if (!lost.empty())
    rows.push_back({"truncated", fold(lost),
                    fmt::format("{} of output not shown, {}", describe_bytes(lost_bytes),
                                console::safe_line(summary.why_not_kept, cause_columns))});
}

void add_unknown(const Summary &summary, const Fold &fold, std::vector<Row> &rows) {
  std::vector<HostIndex> hosts;
  for (std::size_t i = 0; i < summary.outcomes.size(); ++i)
    if (summary.outcomes[i].remote_end == core::RemoteEnd::unknown)
      hosts.push_back(static_cast<HostIndex>(i));
  if (hosts.empty()) return;
  rows.push_back({"unknown", fold(hosts),
                  is_transfer(summary.task) ? "what was started there may still run"
                                            : "the remote command may still run"});
}

void add_leftovers(const Summary &summary, const Fold &fold, std::vector<Row> &rows) {
  std::size_t listed = 0;
  std::size_t more = 0;
  std::vector<HostIndex> others;
  for (std::size_t i = 0; i < summary.outcomes.size(); ++i) {
    const auto &transfer = summary.outcomes[i].transfer;
    if (!transfer) continue;
    const auto host = static_cast<HostIndex>(i);
    for (const std::string &name : transfer->leftovers) {
      if (listed < most_leftovers) {
        ++listed;
        rows.push_back({"leftover", fold({host}), console::safe_line(name, cause_columns)});
        continue;
      }
      ++more;
      if (others.empty() || others.back() != host) others.push_back(host);
    }
  }
  if (more > 0)
    rows.push_back({"leftover", fold(others), "and " + count(more, "more name", "more names")});
}

using Field = std::string core::TransferRecord::*;

// Hosts that are ok, by what their records have there.
std::map<std::string, std::vector<HostIndex>> by_field(const Summary &summary, Field field) {
  std::map<std::string, std::vector<HostIndex>> hosts;
  for (std::size_t i = 0; i < summary.outcomes.size(); ++i) {
    const Outcome &outcome = summary.outcomes[i];
    if (core::succeeded(outcome) && outcome.transfer && !((*outcome.transfer).*field).empty())
      hosts[(*outcome.transfer).*field].push_back(static_cast<HostIndex>(i));
  }
  return hosts;
}

void add_manner(const Summary &summary, const Fold &fold, std::vector<Row> &rows) {
  for (const auto &[what, hosts] : by_field(summary, &core::TransferRecord::verified_by))
    rows.push_back({"verified", fold(hosts), "SHA-256 by " + console::safe_line(what)});
  const auto methods = by_field(summary, &core::TransferRecord::used);
  if (methods.size() < 2) return;
  for (const auto &[what, hosts] : methods)
    rows.push_back({"method", fold(hosts), console::safe_line(what)});
}

}  // namespace

std::string format_summary(const Summary &summary, const Fold &fold) {
  std::vector<Row> rows;
  add_failures(summary, fold, rows);
  add_differing(summary, fold, rows);
  add_truncated(summary, fold, rows);
  add_unknown(summary, fold, rows);
  add_leftovers(summary, fold, rows);
  add_manner(summary, fold, rows);

  const std::string copied =
      is_transfer(summary.task)
          ? describe_transfers(summary.task, summary.outcomes, summary.elapsed)
          : std::string();
  std::size_t word_column = copied.empty() ? 0 : copied_word.size();
  std::size_t hosts_column = 0;
  for (const Row &row : rows) {
    word_column = std::max(word_column, row.word.size());
    const std::size_t width = console::columns(row.hosts);
    // One long list of names must not push the causes of all the others off the screen.
    if (width <= widest_hosts_column) hosts_column = std::max(hosts_column, width);
  }
  std::string text = first_line(summary);
  if (!copied.empty()) text += fmt::format("  {:<{}}  {}\n", copied_word, word_column, copied);
  for (const Row &row : rows) {
    const std::size_t width = console::columns(row.hosts);
    const std::string gap(word_column - row.word.size(), ' ');
    text += fmt::format("  {}{}  {}", summary.colors.paint(row.style, row.word), gap, row.hosts);
    text.append(hosts_column > width ? hosts_column - width : 0, ' ');
    text += "  " + row.cause + "\n";
  }
  if (!summary.sandbox_remark.empty())
    text += fmt::format("  sandbox  {}\n", console::safe_line(summary.sandbox_remark));
  return text;
}

}  // namespace fanout::report
