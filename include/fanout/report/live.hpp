// The live view (--live): all hosts in a table that fills the terminal, what one of them prints, and keys that steer the
// run. fanout(1) explains the keys.
//
//     LiveTable   the account, its order, who is selected and in sight; pure
//     LivePane    what one host has printed, wrapped and scrolled; pure
//     LiveView    both on a console::Screen, and the keys
//
// Lives in the parent beside the report. It is told every event and asked to draw when the time of wake_at() has come. What
// hosts print is kept a second time for it, in a file of its own (spill.hpp), the end of it only, so that memory is bounded.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "fanout/core/deadline.hpp"
#include "fanout/core/event.hpp"
#include "fanout/core/host.hpp"
#include "fanout/core/result.hpp"
#include "fanout/core/task.hpp"

namespace fanout::report {

// How the run goes, from whoever steers it; asked at each drawing.
struct Course {
  std::size_t parallel = 0;  // hosts at once
  bool paused = false;       // nothing new is started
  bool halted = false;       // and never will be
  bool interrupted = false;  // by the user: the next time, what runs is stopped
  std::string remark;        // "batch 2 of 5"; one line, safe; or empty
};

// What the keys do. All return at once.
struct Steering {
  std::function<Course()> course;
  std::function<void()> toggle_pause;
  std::function<void(std::size_t parallel)> set_parallel;  // takes what is possible; see Course
  std::function<void(core::HostIndex)> stop_host;          // one that runs
  std::function<void()> stop_run;                          // as Ctrl-C: once, and once more
};

class LiveView {
public:
  // Takes the terminal, a path. `hosts` must outlive this. ErrorKind::usage when there is no terminal for it.
  static core::Result<LiveView> open(const std::string &terminal,
                                     const std::vector<core::Host> &hosts, Steering steering,
                                     bool colors, core::TaskKind task = core::TaskKind::exec);
  LiveView(LiveView &&) noexcept;
  LiveView &operator=(LiveView &&) = delete;
  ~LiveView();  // gives the terminal back

  // As console::Output::give_up_on(), for the terminal.
  void give_up_on(int fd);

  void observe(const core::Event &event, core::TimePoint now);
  // Obeys keys, Ctrl-Z among them, and draws if there is something to draw and it is time.
  void refresh(core::TimePoint now);
  // When refresh() is to be called at the latest.
  [[nodiscard]] core::Deadline wake_at() const;
  [[nodiscard]] int fd() const;  // readable when refresh() should be called sooner

private:
  struct State;
  explicit LiveView(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace fanout::report
