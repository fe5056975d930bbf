// Ends a remote command and finds out whether that is so: TERM, a time of grace, KILL, a short time for the server to
// confirm, then its channel is closed. Runs in a worker, in turns: whoever drives it goes on forwarding what the command
// prints. All of it takes at most the grace and 4 s, which is the patience of the parent (pool/kill_ladder.hpp).
#pragma once

#include <optional>
#include <string>

#include "fanout/core/deadline.hpp"
#include "fanout/core/outcome.hpp"
#include "fanout/ssh/session.hpp"
#include "fanout/ssh/side_command.hpp"
#include "stop_script.hpp"

namespace fanout::worker {

class RemoteStop {
public:
  // Both are borrowed. Begins at once; the parent's stop must not end waits any more.
  RemoteStop(ssh::Session &session, ssh::ExecChannel &channel, core::Milliseconds grace,
             core::TimePoint now);

  // Does what is due. To be called after each pump() of the channel and when until() has passed. `output_moves`: there was
  // some, or the parent does not take any.
  void turn(bool output_moves, core::TimePoint now);
  [[nodiscard]] bool over() const { return over_; }
  // The connection is lost: no more is to be found out.
  void lost() { over_ = true; }
  [[nodiscard]] core::Deadline until() const;
  // The script's channel wants to be read even when nobody reads that of the command.
  [[nodiscard]] bool listens() const { return side_ && !side_->over(); }

  // When it is over: exit, signal, remote_end, stopped_by, and as the cause `why` with what became of the command.
  void record(const std::string &why, core::Outcome &outcome) const;

private:
  enum class Step : std::uint8_t { none, terminated, killed, closing };

  [[nodiscard]] bool server_told_end() const {
    return channel_.exit_status() || !channel_.exit_signal().empty();
  }
  // Every process that could be found is known to have ended.
  [[nodiscard]] bool script_ended_all() const {
    return answer_.left == 0 && answer_.found.value_or(0) > 0;
  }
  [[nodiscard]] bool script_decides() const { return answer_.found.value_or(0) > 0; }
  void send_signal(const char *name, core::TimePoint now);
  void turn_script(core::TimePoint now);
  void rely_on_signals(core::TimePoint now);
  void climb(core::TimePoint now);
  void look_at_end(bool output_moves, core::TimePoint now);

  ssh::Session &session_;
  ssh::ExecChannel &channel_;
  core::TimePoint kill_at_;
  bool ended_before_;
  bool needs_script_;  // by the kind of server
  Step step_ = Step::none;
  core::Deadline next_step_;     // of the signals
  core::Deadline script_until_;  // it has to have begun, or ended
  core::Deadline end_until_;     // the rest of the output has to have come
  std::optional<ssh::SideCommand> side_;
  StopAnswer answer_;
  bool over_ = false;
};

}  // namespace fanout::worker
