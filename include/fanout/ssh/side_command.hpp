// A command beside the one of Session::exec(), on a channel of its own (RFC 4254, section 5): what is to be done on the
// host while the other one runs. Runs in a worker. Nothing here blocks, and nothing that it does touches the other channel.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "fanout/core/result.hpp"
#include "fanout/ssh/session.hpp"

namespace fanout::ssh {

class SideCommand {
public:
  // Borrows the session, which outlives it. The first turn() asks for the channel.
  SideCommand(Session &session, std::string command);
  ~SideCommand();
  SideCommand(const SideCommand &) = delete;
  SideCommand &operator=(const SideCommand &) = delete;

  // Goes as far as it can without waiting: asks, starts the command with an empty standard input, takes what it prints.
  // Between turns wait for the socket as ExecChannel::wanted_events() says. An error means that the connection is lost.
  core::Result<void> turn();

  [[nodiscard]] bool refused() const { return stage_ == Stage::refused; }
  // Refused, or all of its output has come, or given up.
  [[nodiscard]] bool over() const { return stage_ == Stage::refused || stage_ == Stage::ended; }
  // The last turn() has stopped although it could have gone on.
  [[nodiscard]] bool has_more() const { return has_more_; }
  // What it has printed to stdout, the first 4 KiB.
  [[nodiscard]] const std::string &output() const { return output_; }

  // Asks the server to end the command and its channel, and waits for neither.
  void give_up();

private:
  enum class Stage : std::uint8_t { opening, starting, finishing_input, running, refused, ended };

  struct Channel;  // the library's

  bool open();
  bool start();
  bool finish_input();
  bool read();

  Session::State &session_;
  std::string command_;
  Stage stage_ = Stage::opening;
  bool has_more_ = false;
  std::unique_ptr<Channel> channel_;
  std::string output_;
};

}  // namespace fanout::ssh
