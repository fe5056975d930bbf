// The live view: which key does what, and what stands where. Keys are obeyed at once; what they change is drawn with the
// next drawing, of which there are at most ten a second, a few more while keys are pressed.

#include "fanout/report/live.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "fanout/console/sanitize.hpp"
#include "fanout/console/screen.hpp"
#include "live_keys.hpp"
#include "live_lines.hpp"
#include "live_pane.hpp"
#include "live_table.hpp"
#include "live_texts.hpp"

namespace fanout::report {

using console::Screen;
using core::HostIndex;
using core::Milliseconds;
using core::Result;
using core::TimePoint;

namespace {

constexpr Milliseconds between_drawings{100};
constexpr Milliseconds between_idle_drawings{1'000};  // times go on by themselves
constexpr Milliseconds after_a_key{30};
constexpr int keys_at_once = 64;

// With so many lines there is room for everything; with fewer the heads go first, then the keys.
constexpr std::size_t lines_with_heads = 8;
constexpr std::size_t lines_with_keys = 4;

// Above it + and - move by a tenth.
constexpr std::size_t few_at_once = 20;
std::size_t step(std::size_t parallel) { return parallel > few_at_once ? parallel / 10 : 1; }

struct Pane {
  HostIndex host = 0;
  LivePane lines;
  std::uint64_t seen_bytes = 0;  // of what the host has printed
  std::size_t columns = 0;       // that it was wrapped to; 0: not yet
};

constexpr std::ptrdiff_t very_far = std::numeric_limits<std::ptrdiff_t>::max() / 2;

}  // namespace

struct LiveView::State {
  State(Screen of_screen, const std::vector<core::Host> &of_hosts, Steering of_steering,
        bool has_colors, core::TaskKind of_task)
      : screen(std::move(of_screen)),
        hosts(of_hosts),
        steering(std::move(of_steering)),
        colors(has_colors),
        task(of_task),
        table(of_hosts),
        texts(of_hosts.size()) {}

  void press(LiveCommand command, TimePoint now);
  void press_in_table(LiveCommand command, TimePoint now);
  void press_in_pane(LiveCommand command);
  bool press_anywhere(LiveCommand command, TimePoint now);
  void answer(LiveCommand command);
  void ask_to_stop(TimePoint now);
  void quit();
  void open_pane(TimePoint now);

  void draw(TimePoint now);
  void put(std::size_t line, const LiveLine &shown);
  void draw_table(std::size_t first, std::size_t lines, TimePoint now);
  void draw_pane(std::size_t first, std::size_t lines, TimePoint now);
  void draw_help(std::size_t first, std::size_t lines);
  void read_pane();
  [[nodiscard]] std::string bottom_line(const Course &course) const;

  Screen screen;
  const std::vector<core::Host> &hosts;
  Steering steering;
  bool colors;
  core::TaskKind task;
  LiveTable table;
  LiveTexts texts;

  // What is asked in the last line.
  enum class Question : std::uint8_t { none, stop_host, stop_run };
  Question question = Question::none;
  HostIndex asked_about = 0;
  bool shows_help = false;

  std::optional<Pane> pane;

  std::optional<TimePoint> began;
  TimePoint drawn;
  bool changed = true;
  bool pressed = false;
  std::size_t page = 1;  // lines of the table or of the pane
};

// --- keys ---------------------------------------------------------------------------------------------------------------

void LiveView::State::press(LiveCommand command, TimePoint now) {
  if (question != Question::none) return answer(command);
  if (std::exchange(shows_help, false)) return;
  if (press_anywhere(command, now)) return;
  if (pane) return press_in_pane(command);
  press_in_table(command, now);
}

void LiveView::State::answer(LiveCommand command) {
  const Question asked = std::exchange(question, Question::none);
  // Whoever presses the key twice has answered.
  if (asked == Question::stop_host &&
      (command == LiveCommand::yes || command == LiveCommand::stop_host)) {
    if (table.can_be_stopped(asked_about)) steering.stop_host(asked_about);
  }
  if (asked == Question::stop_run &&
      (command == LiveCommand::yes || command == LiveCommand::quit)) {
    // A Ctrl-C that came while it was asked has done that already, and another one would stop what runs.
    if (!steering.course().interrupted) steering.stop_run();
  }
}

bool LiveView::State::press_anywhere(LiveCommand command, TimePoint now) {
  const auto change_parallel = [this](bool more) {
    const std::size_t parallel = steering.course().parallel;
    if (more || parallel > 1)
      steering.set_parallel(more ? parallel + step(parallel) : parallel - step(parallel));
  };
  switch (command) {
    case LiveCommand::pause: steering.toggle_pause(); return true;
    case LiveCommand::more: change_parallel(true); return true;
    case LiveCommand::fewer: change_parallel(false); return true;
    case LiveCommand::stop_host: ask_to_stop(now); return true;
    case LiveCommand::help: shows_help = true; return true;
    case LiveCommand::none:
    case LiveCommand::up:
    case LiveCommand::down:
    case LiveCommand::page_up:
    case LiveCommand::page_down:
    case LiveCommand::first:
    case LiveCommand::last:
    case LiveCommand::pane:
    case LiveCommand::back:
    case LiveCommand::sort:
    case LiveCommand::quit:
    case LiveCommand::yes: return false;
  }
  return false;
}

void LiveView::State::ask_to_stop(TimePoint now) {
  table.keep_selection(now);
  asked_about = pane ? pane->host : table.selected(now);
  if (table.can_be_stopped(asked_about)) question = Question::stop_host;
}

void LiveView::State::quit() {
  // As Ctrl-C: the first time no more hosts are started, the second time what runs is stopped.
  if (steering.course().interrupted) return steering.stop_run();
  question = Question::stop_run;
}

void LiveView::State::open_pane(TimePoint now) {
  if (hosts.empty()) return;
  table.keep_selection(now);
  pane.emplace();
  pane->host = table.selected(now);
}

void LiveView::State::press_in_table(LiveCommand command, TimePoint now) {
  const auto rows = static_cast<std::ptrdiff_t>(page);
  switch (command) {
    case LiveCommand::up: return table.move_selection(-1, now);
    case LiveCommand::down: return table.move_selection(1, now);
    case LiveCommand::page_up: return table.move_selection(-rows, now);
    case LiveCommand::page_down: return table.move_selection(rows, now);
    case LiveCommand::first: return table.move_selection(-very_far, now);
    case LiveCommand::last: return table.move_selection(very_far, now);
    case LiveCommand::pane: return open_pane(now);
    case LiveCommand::sort: return table.change_order();
    case LiveCommand::quit: return quit();
    case LiveCommand::none:
    case LiveCommand::back:
    case LiveCommand::pause:
    case LiveCommand::more:
    case LiveCommand::fewer:
    case LiveCommand::stop_host:
    case LiveCommand::help:
    case LiveCommand::yes: return;
  }
}

void LiveView::State::press_in_pane(LiveCommand command) {
  const auto by = static_cast<std::ptrdiff_t>(page);
  switch (command) {
    case LiveCommand::up: return pane->lines.scroll(-1, page);
    case LiveCommand::down: return pane->lines.scroll(1, page);
    case LiveCommand::page_up: return pane->lines.scroll(-by, page);
    case LiveCommand::page_down: return pane->lines.scroll(by, page);
    case LiveCommand::first: return pane->lines.scroll(-very_far, page);
    case LiveCommand::last: return pane->lines.scroll(very_far, page);
    case LiveCommand::pane:
    case LiveCommand::back:
    case LiveCommand::quit: return pane.reset();
    case LiveCommand::none:
    case LiveCommand::sort:
    case LiveCommand::pause:
    case LiveCommand::more:
    case LiveCommand::fewer:
    case LiveCommand::stop_host:
    case LiveCommand::help:
    case LiveCommand::yes: return;
  }
}

// --- what stands where --------------------------------------------------------------------------------------------------

void LiveView::State::put(std::size_t line, const LiveLine &shown) {
  // The whole width first, then what stands there.
  if (shown.highlighted) screen.put(line, "", {std::nullopt, true});
  for (const LiveLine::Piece &piece : shown.pieces)
    screen.put(line, piece.column, piece.text,
               {colors && !shown.highlighted ? piece.style : std::nullopt, shown.highlighted});
}

std::string LiveView::State::bottom_line(const Course &course) const {
  switch (question) {
    case Question::stop_host:
      return fmt::format("stop {}? y/n", console::safe_line(hosts[asked_about].name));
    case Question::stop_run: return "stop the run: start no more hosts? y/n";
    case Question::none: break;
  }
  if (shows_help) return "any key: back";
  return fitting(
      pane ? keys_of_pane() : keys_of_table(table.order(), course.paused, course.interrupted),
      screen.columns());
}

void LiveView::State::draw(TimePoint now) {
  const Course course = steering.course();
  screen.begin();
  const std::size_t lines = screen.lines();
  const bool has_totals = lines > 1;
  const bool has_keys = lines >= lines_with_keys;
  if (has_totals)
    put(0, format_totals(table.counts(), course,
                         std::chrono::duration_cast<Milliseconds>(now - began.value_or(now)),
                         screen.columns()));
  const std::size_t first = has_totals ? 1 : 0;
  const std::size_t rest = lines - first - (has_keys ? 1 : 0);
  if (shows_help)
    draw_help(first, rest);
  else if (pane)
    draw_pane(first, rest, now);
  else
    draw_table(first, rest, now);
  // A question has to be seen, whatever it hides.
  if (has_keys || question != Question::none)
    put(lines - 1, {{{0, bottom_line(course),
                      question == Question::none ? console::Style::dim : console::Style::warning}},
                    question != Question::none});
  screen.show();
  drawn = now;
  changed = false;
  pressed = false;
}

void LiveView::State::draw_table(std::size_t first, std::size_t lines, TimePoint now) {
  const LiveColumns columns = lay_out(screen.columns(), table.longest_name());
  if (screen.lines() >= lines_with_heads && lines > 1) {
    put(first++, format_heads(columns));
    --lines;
  }
  page = std::max<std::size_t>(lines, 1);
  const HostIndex selected = table.selected(now);
  for (const HostIndex host : table.in_sight(lines, now)) {
    LiveLine row = format_row(hosts[host].name, table.row(host), task, columns, now);
    row.highlighted = host == selected;
    put(first++, row);
  }
}

// Only what has changed is read and wrapped anew.
void LiveView::State::read_pane() {
  const std::uint64_t printed = table.row(pane->host).printed_bytes;
  if (pane->columns == screen.columns() && pane->seen_bytes == printed) return;
  pane->columns = screen.columns();
  pane->seen_bytes = printed;
  const LiveTexts::End end = texts.end_of(pane->host);
  pane->lines.set_text(end.missing_bytes, end.text, pane->columns);
}

void LiveView::State::draw_pane(std::size_t first, std::size_t lines, TimePoint now) {
  read_pane();
  std::string remark = texts.failure();
  if (remark.empty() && !pane->lines.follows()) remark = "more below";
  if (lines > 1) {
    LiveLine title = format_title(console::safe_line(hosts[pane->host].name), table.row(pane->host),
                                  task, remark, now);
    title.highlighted = true;
    put(first++, title);
    --lines;
  }
  page = std::max<std::size_t>(lines, 1);
  for (const LivePane::Line &line : pane->lines.in_sight(lines)) screen.put(first++, line.text, {});
}

void LiveView::State::draw_help(std::size_t first, std::size_t lines) {
  const std::vector<std::string> texts_of_help = help();
  const std::size_t blank = lines > texts_of_help.size() ? 1 : 0;
  for (std::size_t i = 0; i < texts_of_help.size() && i + blank < lines; ++i)
    screen.put(first + blank + i, blank > 0 ? 2 : 0, texts_of_help[i], {});
}

// --- the view -----------------------------------------------------------------------------------------------------------

LiveView::LiveView(std::unique_ptr<State> state) : state_(std::move(state)) {}
LiveView::LiveView(LiveView &&) noexcept = default;
LiveView::~LiveView() = default;

Result<LiveView> LiveView::open(const std::string &terminal, const std::vector<core::Host> &hosts,
                                Steering steering, bool colors, core::TaskKind task) {
  TRY_ASSIGN(Screen screen, Screen::open(terminal));
  return LiveView(
      std::make_unique<State>(std::move(screen), hosts, std::move(steering), colors, task));
}

void LiveView::give_up_on(int fd) { state_->screen.give_up_on(fd); }

void LiveView::observe(const core::Event &event, TimePoint now) {
  State &state = *state_;
  if (!state.began) state.began = now;
  state.table.observe(event, now);
  if (const auto *received = std::get_if<core::OutputReceived>(&event);
      received != nullptr && received->host < state.hosts.size())
    state.texts.append(received->host, received->bytes);
  state.changed = true;
}

void LiveView::refresh(TimePoint now) {
  State &state = *state_;
  if (!state.began) state.began = now;
  for (int count = 0; count < keys_at_once; ++count) {
    const auto key = state.screen.next_key();
    if (!key) break;
    state.press(command_of(*key), now);
    state.pressed = true;
  }
  if (wake_at().passed(now)) state.draw(now);
}

core::Deadline LiveView::wake_at() const {
  const State &state = *state_;
  if (state.pressed) return core::Deadline(state.drawn + after_a_key);
  const bool due = state.changed || state.screen.is_stale();
  return core::Deadline(state.drawn + (due ? between_drawings : between_idle_drawings));
}

int LiveView::fd() const { return state_->screen.fd(); }

}  // namespace fanout::report
