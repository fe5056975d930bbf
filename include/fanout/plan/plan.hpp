// Which host is next, which is tried again, when a batch is over and when the run is. Pure: no clock, no process; it is
// told what happened and what time it is, and says what to do.
//
//     for (;;) switch (plan.next(now, has_room)) ...   Start, RunGate, GiveUp, StopRunning: do it, and ask again
//                                                       Wait: listen to the workers that long, tell observe() and ended()
//                                                       Finished: every host has its record or will not be started
//
// Time and memory are linear in the number of hosts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "fanout/core/deadline.hpp"
#include "fanout/core/event.hpp"
#include "fanout/core/host.hpp"
#include "fanout/core/run_control.hpp"

namespace fanout::plan {

// What the plan has to know of a host.
struct HostFacts {
  int priority = 0;
  // Whom it is reached through: address and port, or its jump host. Equal text shares the limit for connections that have
  // not logged in (server_pace.hpp).
  std::string server;
  // Equal numbers: the same password. None: it has none.
  std::optional<std::uint32_t> password;
};

// The hosts in the order in which they are started: by `control.order`, and where that says nothing in that of the selection.
std::vector<core::HostIndex> sequence(const core::RunControl &control,
                                      const std::vector<HostFacts> &hosts, std::uint64_t seed);
// The sizes of the batches that `hosts` are started in, none of them 0. One, if the control has none.
std::vector<std::size_t> batch_sizes(const core::RunControl &control, std::size_t hosts);

// Of next(). A worker for this host, now. Counted as running from here on.
struct Start {
  core::HostIndex host = 0;
  std::uint32_t attempt = 1;
};
// The local command between two batches; answered by gate_ended(), also when it was ended because the run has halted. Until
// then nothing is started, and the run is not finished.
struct RunGate {
  std::size_t ended_batch = 0;  // counted from 1
};
// It was to be tried again and will not be: its last attempt is its record.
struct GiveUp {
  core::HostIndex host = 0;
};
// Workers that run are to stop; told once. Their records say `status`.
struct StopRunning {
  core::Status status = core::Status::interrupted;
  std::string why;
};
// There is nothing to do before the next event, or before that time.
struct Wait {
  core::Deadline until;
};
struct Finished {};
using Action = std::variant<Start, RunGate, GiveUp, StopRunning, Wait, Finished>;

class Plan {
public:
  // `seed` is that of back-off, and of a random order that nobody gave one. `begin` is when the run began. So
  // many workers may be at their beginning at once (start_pace.hpp).
  Plan(const core::RunControl &control, const std::vector<HostFacts> &hosts, std::uint64_t seed,
       core::TimePoint begin, std::size_t most_beginning);
  Plan(Plan &&) noexcept;
  Plan &operator=(Plan &&) = delete;
  ~Plan();

  // `has_room`: another worker fits. Without it there is no Start, and Wait does not wait for one.
  Action next(core::TimePoint now, bool has_room);

  // Every event of a started host but its end.
  void observe(const core::Event &event);

  // The end of an attempt. It is the host's record, or the host is tried again after `again_in`: the caller then keeps the
  // record for GiveUp. A status `skipped` means that no worker was made after all: the host is where it was before, and once
  // halted its record is that of the attempt before, if there was one.
  struct Ending {
    bool is_record = true;
    core::Milliseconds again_in{0};
  };
  Ending ended(const core::Ended &ended, core::TimePoint now);

  // `why` is for a gate that is closed, and is why the run halts: "stopped by --gate: exit 3".
  void gate_ended(bool is_open, const std::string &why);

  // Nothing new is started from here on, and no attempt repeated; what runs goes on. Only the first reason counts.
  void halt(const std::string &why);
  // While paused nothing is started; the deadline goes on.
  void set_paused(bool paused);

  [[nodiscard]] bool halted() const;
  [[nodiscard]] const std::string &why_halted() const;  // empty: not halted
  // Halted by a rule of the control, and not by halt().
  [[nodiscard]] bool stopped_early() const;
  [[nodiscard]] bool paused() const;
  [[nodiscard]] std::uint32_t attempts(core::HostIndex host) const;

  // How far it is, for people.
  struct Progress {
    std::size_t running = 0;
    std::size_t waiting_to_retry = 0;
    std::size_t not_started = 0;
    std::size_t ended = 0;
    std::size_t failed = 0;
    std::size_t batch = 1;  // counted from 1
    std::size_t batches = 1;
    bool gate_runs = false;
    core::Deadline pause_until;  // between two batches; never: there is none
  };
  [[nodiscard]] Progress progress() const;

private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace fanout::plan
