// What the live view looks like: texts for lines of a screen, for any width. Pure; everything in them is safe for a terminal.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fanout/console/colors.hpp"
#include "fanout/core/deadline.hpp"
#include "fanout/core/task.hpp"
#include "fanout/report/live.hpp"
#include "live_table.hpp"

namespace fanout::report {

// One line: pieces from left to right.
struct LiveLine {
  struct Piece {
    std::size_t column = 0;
    std::string text;
    std::optional<console::Style> style;
  };
  std::vector<Piece> pieces;
  bool highlighted = false;
};

// Where the columns of the table stand. What there is no room for has none: the last line goes first, then the phase, then the time.
struct LiveColumns {
  struct Column {
    std::size_t at = 0;
    std::size_t width = 0;  // 0: not shown
  };
  Column name;
  Column state;
  Column phase;
  Column time;
  Column last;
  bool phases_in_full = false;  // "exchanging keys", not "kex"
};
LiveColumns lay_out(std::size_t columns, std::size_t longest_name);

// "12 of 20 hosts, 7 running, 1 failed  0:45  parallel 64  batch 2 of 5". Shorter where it is narrow; a pause comes first then.
LiveLine format_totals(const LiveTable::Counts &counts, const Course &course,
                       core::Milliseconds elapsed, std::size_t columns);
LiveLine format_heads(const LiveColumns &columns);
// `name` is safe.
LiveLine format_row(std::string_view name, const LiveRow &row, core::TaskKind task,
                    const LiveColumns &columns, core::TimePoint now);
// Above the output of a host: "web03: running the command, 0:12, 1.2 MB printed".
LiveLine format_title(std::string_view name, const LiveRow &row, core::TaskKind task,
                      std::string_view remark, core::TimePoint now);

// The longest of these that fits, and what of the last does.
std::string fitting(const std::vector<std::string> &texts, std::size_t columns);
std::vector<std::string> keys_of_table(LiveOrder order, bool paused, bool stopping);
std::vector<std::string> keys_of_pane();
std::vector<std::string> help();

// "0:04", "12:05", "1:02:03".
std::string format_clock(core::Milliseconds time);

}  // namespace fanout::report
