#include "live_lines.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "fanout/console/columns.hpp"
#include "fanout/console/sanitize.hpp"
#include "fanout/core/status.hpp"
#include "sizes.hpp"

namespace fanout::report {

using console::safe_line;
using console::Style;
using core::Milliseconds;
using core::Phase;
using core::TaskKind;
using State = LiveRow::State;

namespace {

constexpr std::size_t narrow = 40;
constexpr std::size_t roomy = 100;
constexpr std::size_t gap = 2;
constexpr std::size_t state_columns = 11;  // "unreachable"
constexpr std::size_t short_state_columns = 7;
constexpr std::size_t phase_columns = 21;  // "checking its host key"
constexpr std::size_t short_phase_columns = 8;
constexpr std::size_t time_columns = 7;
constexpr std::size_t least_last_columns = 12;
constexpr std::size_t least_name_columns = 6;

bool is_transfer(TaskKind task) { return task == TaskKind::put || task == TaskKind::get; }

std::string_view state_word(const LiveRow &row) {
  switch (row.state) {
    case State::waiting: return "waiting";
    case State::running: return "running";
    case State::retrying: return "retrying";
    case State::ended: return core::to_string(row.status);
  }
  return "";
}

std::optional<Style> state_style(const LiveRow &row) {
  switch (row.state) {
    case State::waiting: return Style::dim;
    case State::running: return Style::place;
    case State::retrying: return Style::warning;
    case State::ended: break;
  }
  switch (row.status) {
    case core::Status::ok: return Style::good;
    case core::Status::skipped:
    case core::Status::interrupted: return Style::warning;
    case core::Status::failed:
    case core::Status::timeout:
    case core::Status::resolve:
    case core::Status::unreachable:
    case core::Status::host_key:
    case core::Status::auth:
    case core::Status::protocol:
    case core::Status::internal: return Style::bad;
  }
  return std::nullopt;
}

// While it runs what it does; of one that has failed, where.
std::string phase_text(const LiveRow &row, TaskKind task, bool in_full) {
  if (row.state == State::waiting || row.phase == Phase::done) return {};
  if (row.state == State::ended && row.status == core::Status::ok) return {};
  const bool copies = row.phase == Phase::run && is_transfer(task);
  std::string text(in_full ? (copies ? "copying files" : core::describe(row.phase))
                           : (copies ? "copy" : core::to_string(row.phase)));
  if (copies && row.total_bytes > 0)
    text += fmt::format(" {}%", 100 * std::min(row.done_bytes, row.total_bytes) / row.total_bytes);
  return text;
}

std::string last_text(const LiveRow &row) {
  const bool has_failed =
      row.state == State::retrying || (row.state == State::ended && row.status != core::Status::ok);
  const std::string &printed = row.last.text();
  if (!has_failed || row.reason.empty()) return printed;
  return printed.empty() ? row.reason : row.reason + ": " + printed;
}

std::string cut(std::string_view text, std::size_t width) {
  return std::string(console::first_columns(text, width));
}

// In a table a tab is a space, not something to be pointed out.
std::string one_line(std::string text, std::size_t width) {
  std::replace(text.begin(), text.end(), '\t', ' ');
  return cut(safe_line(text), width);
}

}  // namespace

std::string format_clock(Milliseconds time) {
  const long long seconds = std::max<long long>(time.count(), 0) / 1000;
  if (seconds < 3600) return fmt::format("{}:{:02}", seconds / 60, seconds % 60);
  return fmt::format("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
}

LiveColumns lay_out(std::size_t columns, std::size_t longest_name) {
  LiveColumns laid;
  const std::size_t state = columns < narrow ? short_state_columns : state_columns;
  const std::size_t most_name =
      columns < narrow ? columns - std::min(columns, state + gap) : columns * 3 / 10;
  laid.name = {0,
               std::clamp(longest_name, std::size_t{4}, std::max(most_name, least_name_columns))};
  std::size_t at = laid.name.width + gap;
  const auto place = [&at](std::size_t width) {
    const LiveColumns::Column column{at, width};
    at += width + gap;
    return column;
  };
  laid.state = place(state);
  laid.phases_in_full = columns >= roomy;
  const std::size_t phase = laid.phases_in_full ? phase_columns : short_phase_columns;
  if (at + phase + gap + time_columns <= columns) laid.phase = place(phase);
  if (at + time_columns <= columns) laid.time = place(time_columns);
  if (at + least_last_columns <= columns) laid.last = {at, columns - at};
  return laid;
}

LiveLine format_totals(const LiveTable::Counts &counts, const Course &course, Milliseconds elapsed,
                       std::size_t columns) {
  const bool is_narrow = columns < 60;
  std::string text;
  if (!is_narrow)
    text = fmt::format("{} of {} {}, {} running", counts.ended, counts.hosts,
                       counts.hosts == 1 ? "host" : "hosts", counts.running);
  else
    text = fmt::format("{}/{}, {} run", counts.ended, counts.hosts, counts.running);
  if (counts.failed > 0)
    text += fmt::format(", {} {}", counts.failed, is_narrow ? "fail" : "failed");
  text += "  " + format_clock(elapsed);
  if (!is_narrow) text += fmt::format("  parallel {}", course.parallel);
  const std::string_view stop = course.halted ? "STARTS NO MORE" : course.paused ? "PAUSED" : "";
  LiveLine line;
  std::size_t at = 0;
  const auto add = [&line, &at](std::string_view words, std::optional<Style> style) {
    if (words.empty()) return;
    line.pieces.push_back({at, std::string(words), style});
    at += console::columns(words) + gap;
  };
  if (is_narrow) add(stop, Style::warning);
  add(text, Style::title);
  if (!is_narrow) add(stop, Style::warning);
  add(course.remark, std::nullopt);
  return line;
}

LiveLine format_heads(const LiveColumns &columns) {
  LiveLine line;
  const auto add = [&line](const LiveColumns::Column &column, std::string_view word) {
    if (column.width > 0) line.pieces.push_back({column.at, cut(word, column.width), Style::dim});
  };
  add(columns.name, "HOST");
  add(columns.state, "STATE");
  add(columns.phase, "PHASE");
  add(columns.time, "   TIME");
  add(columns.last, "LAST LINE");
  return line;
}

LiveLine format_row(std::string_view name, const LiveRow &row, TaskKind task,
                    const LiveColumns &columns, core::TimePoint now) {
  LiveLine line;
  const auto add = [&line](const LiveColumns::Column &column, std::string text,
                           std::optional<Style> style = std::nullopt) {
    if (column.width > 0 && !text.empty())
      line.pieces.push_back({column.at, std::move(text), style});
  };
  add(columns.name, safe_line(name, columns.name.width));
  add(columns.state, cut(state_word(row), columns.state.width), state_style(row));
  add(columns.phase, cut(phase_text(row, task, columns.phases_in_full), columns.phase.width));
  if (row.state != State::waiting)
    add(columns.time, fmt::format("{:>{}}", format_clock(row.elapsed(now)), time_columns));
  add(columns.last, one_line(last_text(row), columns.last.width));
  return line;
}

LiveLine format_title(std::string_view name, const LiveRow &row, TaskKind task,
                      std::string_view remark, core::TimePoint now) {
  LiveLine line;
  line.pieces.push_back({0, std::string(name), Style::title});
  std::string text;
  std::size_t at = console::columns(name) + gap;
  const std::string_view state = state_word(row);
  line.pieces.push_back({at, std::string(state), state_style(row)});
  at += state.size() + gap;
  if (row.state != State::waiting) text += format_clock(row.elapsed(now)) + "  ";
  if (row.state == State::running) text += phase_text(row, task, true) + "  ";
  if (row.state != State::running && !row.reason.empty()) text += safe_line(row.reason) + "  ";
  text += describe_bytes(row.printed_bytes) + " printed";
  if (!remark.empty()) text += fmt::format("  ({})", safe_line(remark));
  line.pieces.push_back({at, std::move(text), std::nullopt});
  return line;
}

std::string fitting(const std::vector<std::string> &texts, std::size_t columns) {
  for (const std::string &text : texts)
    if (console::columns(text) <= columns) return text;
  return texts.empty() ? std::string() : cut(texts.back(), columns);
}

std::vector<std::string> keys_of_table(LiveOrder order, bool paused, bool stopping) {
  const std::string_view pause = paused ? "p go on" : "p pause";
  const std::string_view quit = stopping ? "q stop what runs" : "q quit";
  return {
      fmt::format("Enter output  s sort: {}  {}  +/- parallel  x stop  {}  ? help",
                  to_string(order), pause, quit),
      fmt::format("Enter output  s sort: {}  {}  x stop  {}  ? help", to_string(order), pause,
                  quit),
      fmt::format("s {}  {}  {}  ? help", to_string(order), pause, quit),
      fmt::format("{}  ? help", quit),
      "? help",
  };
}

std::vector<std::string> keys_of_pane() {
  return {
      "PgUp PgDn Home End  scroll  Enter or q  back  x stop this host  ? help",
      "PgUp PgDn scroll  q back  ? help",
      "q back  ? help",
  };
}

std::vector<std::string> help() {
  return {
      "arrows j k PgUp PgDn Home End  select a host", "Enter  what it prints; once more: back",
      "s      sort by state, time, name, selection",  "p      start no more hosts; go on",
      "+ -    more or fewer hosts at once",           "x      stop this host",
      "q      stop the run as Ctrl-C does;",          "       once more: stop what runs",
  };
}

}  // namespace fanout::report
