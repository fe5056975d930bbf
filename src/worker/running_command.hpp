// A command on the host while it runs: for what reads and writes in turns, as scp does. remote_command.hpp is for commands
// that are only to end. Runs in a worker; a wait hears the parent, and ends by --stall-timeout and the deadline of the
// transfer.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "fanout/core/deadline.hpp"
#include "fanout/core/result.hpp"
#include "fanout/ssh/session.hpp"
#include "transfer.hpp"

namespace fanout::worker {

struct CommandEnd {
  std::optional<int> exit_status;
  std::string signal;
  std::string errors;  // what it wrote to stderr, the first 4 KiB
  [[nodiscard]] bool ok() const { return exit_status == 0 && signal.empty(); }
  // "exit 2: tar: not found", one line, for a cause.
  [[nodiscard]] std::string describe() const;
};

// A failure of any call but start() is one of the connection, a stop or a deadline, which Transfer::broken() has been told;
// or of kind remote or protocol, when the command does what it must not.
class RunningCommand {
public:
  // The user's login shell gets `command`, whatever that is. ErrorKind::remote when the server runs no commands.
  static core::Result<RunningCommand> start(Transfer &transfer, const std::string &command,
                                            ssh::Session::Input input);
  RunningCommand(RunningCommand &&other) noexcept;
  RunningCommand &operator=(RunningCommand &&) = delete;
  ~RunningCommand();  // tells the command to stop, if it still runs, and gives it a moment for that

  // --- turns; none of these blocks -----------------------------------------------------------------------------------
  // Takes what has come and sends what is due.
  core::Result<void> turn();
  // How much of it was taken. Nothing more is, once the command has ended or closed its input: see wants_input().
  core::Result<std::size_t> offer(std::string_view bytes);
  // True once the command knows that nothing more comes.
  core::Result<bool> finish_input();
  [[nodiscard]] bool wants_input() const { return !input_closed_; }
  // What it wrote to stdout and nobody has taken off yet.
  [[nodiscard]] std::string &output() { return output_; }
  [[nodiscard]] bool closed() const { return channel_.closed(); }
  [[nodiscard]] CommandEnd end() const;

  // --- waiting ---------------------------------------------------------------------------------------------------------
  // Until there is reason for another turn.
  core::Result<void> wait();
  // Sends all of it. ErrorKind::remote when the command ends before, ErrorKind::protocol when it talks and talks meanwhile.
  core::Result<void> send(std::string_view bytes);
  // Until more output has come (true), or the command has ended and all of its output is in output() (false).
  core::Result<bool> receive();

private:
  RunningCommand(Transfer &transfer, ssh::ExecChannel channel);
  core::Result<void> broken(core::Error error);
  void stop();

  Transfer *transfer_;  // null once it was moved from
  ssh::ExecChannel channel_;
  std::string output_;
  std::string errors_;
  core::TimePoint moved_;          // when the last byte went in either direction
  std::size_t unsent_before_ = 0;  // of what was written
  bool input_closed_ = false;
};

// Waits, hearing the parent, for a time that Transfer::pace() gave. An error as wait() has it.
core::Result<void> wait_until(Transfer &transfer, core::TimePoint time);

}  // namespace fanout::worker
