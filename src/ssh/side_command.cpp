// Hard here: the connection is one, and what libssh2 reads for this channel may be the other one's output. So whoever drives
// both pumps the other channel after each turn. The tap goes on watching the other channel.
#include "fanout/ssh/side_command.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "session_state.hpp"

namespace fanout::ssh {

using core::Result;

namespace {

constexpr unsigned int window_bytes = 32 * 1024;
constexpr unsigned int packet_bytes = 32 * 1024;
constexpr std::size_t max_output_bytes = 4096;
constexpr int steps_a_turn = 64;  // the parent wants to be heard, whatever the server sends

}  // namespace

struct SideCommand::Channel {
  LIBSSH2_CHANNEL *handle = nullptr;  // freed with the session
};

SideCommand::SideCommand(Session &session, std::string command)
    : session_(*session.state_),
      command_(std::move(command)),
      channel_(std::make_unique<Channel>()) {}

SideCommand::~SideCommand() = default;

bool SideCommand::open() {
  Session::State &s = session_;
  // libssh2 goes on with a channel that was asked for before.
  if (!std::exchange(s.opening_channel, true)) ++s.next_channel;
  channel_->handle =
      libssh2_channel_open_ex(s.library, "session", 7, window_bytes, packet_bytes, nullptr, 0);
  const int answer = channel_->handle != nullptr ? 0 : libssh2_session_last_errno(s.library);
  if (answer == LIBSSH2_ERROR_EAGAIN) return false;
  s.opening_channel = false;
  stage_ = answer == 0 ? Stage::starting : Stage::refused;
  return true;
}

bool SideCommand::start() {
  const int answer = libssh2_channel_process_startup(channel_->handle, "exec", 4, command_.data(),
                                                     static_cast<unsigned int>(command_.size()));
  if (answer == LIBSSH2_ERROR_EAGAIN) return false;
  stage_ = answer == 0 ? Stage::finishing_input : Stage::refused;
  if (answer != 0) libssh2_channel_close(channel_->handle);
  return true;
}

bool SideCommand::finish_input() {
  if (libssh2_channel_send_eof(channel_->handle) == LIBSSH2_ERROR_EAGAIN) return false;
  stage_ = Stage::running;
  return true;
}

bool SideCommand::read() {
  std::array<char, 2048> piece;
  bool progress = false;
  int ended_streams = 0;
  // Both, because they share a window; what a login shell complains of is nobody's business.
  for (const int stream : {0, SSH_EXTENDED_DATA_STDERR}) {
    const ssize_t count =
        libssh2_channel_read_ex(channel_->handle, stream, piece.data(), piece.size());
    if (count > 0) progress = true;
    if (count > 0 && stream == 0)
      output_.append(piece.data(),
                     std::min(static_cast<std::size_t>(count), max_output_bytes - output_.size()));
    if (count == 0 || (count < 0 && count != LIBSSH2_ERROR_EAGAIN)) ++ended_streams;
  }
  if (ended_streams == 2) stage_ = Stage::ended;
  return progress;
}

Result<void> SideCommand::turn() {
  Session::State &s = session_;
  s.transport.waited();
  bool progress = true;
  for (int step = 0; step < steps_a_turn && progress && !over(); ++step) {
    s.transport.begin_call();
    switch (stage_) {
      case Stage::opening: progress = open(); break;
      case Stage::starting: progress = start(); break;
      case Stage::finishing_input: progress = finish_input(); break;
      case Stage::running: progress = read(); break;
      case Stage::refused:
      case Stage::ended: progress = false; break;
    }
  }
  has_more_ = progress && !over();
  s.transport.flush();
  return s.usable();
}

void SideCommand::give_up() {
  Session::State &s = session_;
  const bool runs = stage_ == Stage::finishing_input || stage_ == Stage::running;
  stage_ = Stage::ended;
  has_more_ = false;
  if (channel_->handle == nullptr) return;
  s.transport.begin_call();
  if (runs) libssh2_channel_signal_ex(channel_->handle, "TERM", 4);
  libssh2_channel_close(channel_->handle);
  s.transport.flush();
}

}  // namespace fanout::ssh
