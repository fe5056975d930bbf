// Hard here: a wait may end for many reasons, and each has to be told apart from the command's own end. Whatever it was,
// Transfer::broken() hears of it first, because that gives the time in which the command can still be stopped.
#include "running_command.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "fanout/core/duration.hpp"
#include "fanout/sys/io.hpp"

namespace fanout::worker {

using core::Deadline;
using core::Error;
using core::ErrorKind;
using core::fail;
using core::Result;

namespace {

constexpr std::size_t turn_bytes = 256 * 1024;
constexpr std::size_t max_errors_bytes = 4096;
constexpr std::size_t max_unasked_bytes = 256 * 1024;
constexpr std::size_t max_described_bytes = 300;
constexpr core::Milliseconds to_stop{1'000};

}  // namespace

std::string CommandEnd::describe() const {
  std::string text = !signal.empty() ? fmt::format("killed by signal {}", signal)
                     : exit_status   ? fmt::format("exit {}", *exit_status)
                                     : "no exit status from the server";
  std::string_view said = errors;
  while (said.ends_with('\n')) said.remove_suffix(1);
  // The first line is what went wrong; what follows is what came of it.
  said = said.substr(0, std::min(said.find('\n'), max_described_bytes));
  if (!said.empty()) text += fmt::format(": {}", said);
  return text;
}

Result<RunningCommand> RunningCommand::start(Transfer &transfer, const std::string &command,
                                             ssh::Session::Input input) {
  auto channel = transfer.session.exec(command, input);
  if (channel) return RunningCommand(transfer, *std::move(channel));
  Error error = std::move(channel).error();
  // A server that refuses commands is as sound as before; a connection that is lost is not.
  if (error.kind == ErrorKind::unreachable && error.message.starts_with("the server refused"))
    error.kind = ErrorKind::remote;
  else
    transfer.broken(error);
  return fail(std::move(error));
}

RunningCommand::RunningCommand(Transfer &transfer, ssh::ExecChannel channel)
    : transfer_(&transfer), channel_(channel), moved_(sys::now()) {}

RunningCommand::RunningCommand(RunningCommand &&other) noexcept
    : transfer_(std::exchange(other.transfer_, nullptr)),
      channel_(other.channel_),
      output_(std::move(other.output_)),
      errors_(std::move(other.errors_)),
      moved_(other.moved_),
      unsent_before_(other.unsent_before_),
      input_closed_(other.input_closed_) {}

RunningCommand::~RunningCommand() {
  if (transfer_ != nullptr && !channel_.closed()) stop();
}

// Not every server knows signals, but the end of its input and of its output ends nearly every command.
void RunningCommand::stop() {
  const Deadline patience = Deadline::in(to_stop, sys::now());
  transfer_->session.set_deadline(patience);
  static_cast<void>(channel_.signal("TERM"));
  static_cast<void>(channel_.close());
  const auto ignore = [](core::Stream, std::string_view) {};
  while (!patience.passed(sys::now()) && channel_.pump(turn_bytes, ignore) && !channel_.closed())
    transfer_->parent.wait_for_anything(channel_.fd(), channel_.wanted_events(), patience);
  transfer_->session.set_deadline(transfer_->deadline());
}

Result<void> RunningCommand::broken(Error error) {
  transfer_->broken(error);
  return fail(std::move(error));
}

Result<void> RunningCommand::turn() {
  if (closed()) return {};
  const auto take = [this](core::Stream stream, std::string_view bytes) {
    moved_ = sys::now();
    if (stream == core::Stream::out) {
      output_ += bytes;
      return;
    }
    // A NUL is a sign of life of our scripts, and nothing to read.
    for (const char c : bytes)
      if (c != '\0' && errors_.size() < max_errors_bytes) errors_ += c;
  };
  if (auto pumped = channel_.pump(turn_bytes, take); !pumped)
    return broken(std::move(pumped).error());
  if (const std::uint64_t lost = channel_.closed() ? channel_.lost_bytes() : 0; lost > 0)
    return broken(
        {ErrorKind::protocol,
         fmt::format("window violated: the server sent {} bytes more than it was allowed", lost)});
  const std::size_t unsent = channel_.unsent_bytes();
  if (unsent < unsent_before_) moved_ = sys::now();
  unsent_before_ = unsent;
  return {};
}

Result<std::size_t> RunningCommand::offer(std::string_view bytes) {
  if (input_closed_ || channel_.closed()) return 0;
  auto taken = channel_.write(bytes);
  if (!taken) {
    if (taken.error().kind != ErrorKind::remote) {
      transfer_->broken(taken.error());
      return fail(std::move(taken).error());
    }
    input_closed_ = true;
    return 0;
  }
  if (*taken > 0) moved_ = sys::now();
  return *taken;
}

Result<bool> RunningCommand::finish_input() {
  if (input_closed_ || channel_.closed()) return true;
  auto finished = channel_.finish_input();
  if (!finished) {
    if (finished.error().kind != ErrorKind::remote) {
      transfer_->broken(finished.error());
      return fail(std::move(finished).error());
    }
    finished = true;
  }
  input_closed_ = *finished;
  return *finished;
}

CommandEnd RunningCommand::end() const {
  return {channel_.exit_status(), channel_.exit_signal(), errors_};
}

Result<void> RunningCommand::wait() {
  ParentLink &parent = transfer_->parent;
  const short events = channel_.wanted_events();
  if (events == 0) {
    // Nothing to wait for is no reason not to hear the parent.
    parent.wait_for_anything(channel_.fd(), 0, Deadline(core::TimePoint::min()));
    if (parent.stop() && !transfer_->is_broken())
      return broken({ErrorKind::interrupted, "stopped"});
    return {};
  }
  const Deadline silence = Deadline::in(transfer_->card.stall_timeout, moved_);
  auto heard = parent.wait(channel_.fd(), events, transfer_->deadline().or_sooner(silence));
  if (heard) return {};
  Error error = std::move(heard).error();
  if (error.kind == ErrorKind::timeout && silence.passed(sys::now()))
    error.message = fmt::format("nothing went in either direction for {}",
                                core::format_duration(transfer_->card.stall_timeout));
  return broken(std::move(error));
}

Result<void> RunningCommand::send(std::string_view bytes) {
  while (!bytes.empty()) {
    TRY_ASSIGN(const std::size_t taken, offer(bytes));
    bytes.remove_prefix(taken);
    TRY(turn());
    if (bytes.empty()) break;
    if (closed() || input_closed_)
      return fail(ErrorKind::remote, fmt::format("ended too early: {}", end().describe()));
    if (output_.size() > max_unasked_bytes)
      return fail(ErrorKind::protocol, "the host sent much that nobody has asked for");
    if (taken == 0) TRY(wait());
  }
  return {};
}

Result<bool> RunningCommand::receive() {
  const std::size_t before = output_.size();
  for (;;) {
    TRY(turn());
    if (output_.size() > before) return true;
    if (closed()) return false;
    TRY(wait());
  }
}

Result<void> wait_until(Transfer &transfer, core::TimePoint time) {
  while (sys::now() < time) {
    const Deadline until = transfer.deadline().or_sooner(Deadline(time));
    auto heard = transfer.parent.wait(-1, 0, until);
    if (heard || sys::now() >= time) continue;
    transfer.broken(heard.error());
    return heard;
  }
  return {};
}

}  // namespace fanout::worker
