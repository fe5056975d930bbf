// One command on one channel (RFC 4254, sections 5 and 6).

#include <poll.h>

#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "fanout/ssh/session.hpp"
#include "session_state.hpp"

namespace fanout::ssh {

using core::ErrorKind;
using core::fail;
using core::Result;

namespace {

// Bounds what a hostile server can pile up unread, and is a round trip's worth of output on any ordinary network.
constexpr unsigned int window_bytes = 1 << 20;
constexpr unsigned int packet_bytes = 32 * 1024;
constexpr std::size_t piece_bytes = 32 * 1024;

// libssh2 numbers the channels of a session from 0, and there is only this one.
constexpr std::uint32_t only_channel = 0;

}  // namespace

Result<ExecChannel> Session::exec(const std::string &command) {
  State &s = *state_;
  s.tap.watch_channel(only_channel);
  TRY_ASSIGN(const int opened, s.drive([&] {
    s.channel =
        libssh2_channel_open_ex(s.library, "session", 7, window_bytes, packet_bytes, nullptr, 0);
    return s.channel != nullptr ? 0 : libssh2_session_last_errno(s.library);
  }));
  if (opened != 0)
    return fail(ErrorKind::unreachable,
                fmt::format("the server refused a session: {}", s.library_error()));
  TRY_ASSIGN(const int started, s.drive([&] {
    return libssh2_channel_process_startup(s.channel, "exec", 4, command.data(),
                                           static_cast<unsigned int>(command.size()));
  }));
  if (started != 0)
    return fail(ErrorKind::unreachable,
                fmt::format("the server refused to run a command: {}", s.library_error()));
  return ExecChannel(s);
}

ExecChannel::ExecChannel(Session::State &session) : session_(&session) {}

Result<void> ExecChannel::pump(std::size_t limit_bytes,
                               const std::function<void(core::Stream, std::string_view)> &sink) {
  Session::State &s = *session_;
  char piece[piece_bytes];
  std::size_t taken = 0;
  int trouble = 0;
  // Both streams in every turn: they share one window, and one that nobody reads stops the other for ever.
  for (bool progress = true; progress && taken < limit_bytes;) {
    progress = false;
    for (const core::Stream stream : {core::Stream::out, core::Stream::err}) {
      s.transport.begin_call();
      const ssize_t count = libssh2_channel_read_ex(
          s.channel, stream == core::Stream::out ? 0 : SSH_EXTENDED_DATA_STDERR, piece,
          sizeof piece);
      if (count > 0) {
        const auto size = static_cast<std::size_t>(count);
        sink(stream, {piece, size});
        taken += size;
        s.delivered_bytes += size;
        progress = true;
      } else if (count < 0 && count != LIBSSH2_ERROR_EAGAIN) {
        trouble = static_cast<int>(count);
      }
    }
    if (trouble != 0) break;
  }
  // libssh2_channel_eof() is true only when nothing of the channel is queued any more.
  if (libssh2_channel_eof(s.channel) == 1) {
    s.transport.begin_call();
    // A server that hangs up between its exit status and CLOSE has said everything that matters.
    s.closed =
        libssh2_channel_wait_closed(s.channel) == 0 || (s.transport.ended() && exit_status());
  }
  s.transport.flush();
  if (s.closed || taken >= limit_bytes) return {};
  TRY(s.usable());
  if (trouble != 0) return fail(ErrorKind::protocol, s.library_error());
  return {};
}

int ExecChannel::fd() const { return session_->transport.fd(); }

short ExecChannel::wanted_events() const {
  const Transport &transport = session_->transport;
  if (transport.has_unread()) return 0;
  return static_cast<short>(POLLIN | (transport.has_unsent() ? POLLOUT : 0));
}

bool ExecChannel::closed() const { return session_->closed; }

std::optional<int> ExecChannel::exit_status() const {
  const auto status = session_->tap.exit_status();
  if (!status) return std::nullopt;
  // Servers on other systems use all 32 bits; none of them may turn into 0.
  return static_cast<int>(std::min<std::uint32_t>(*status, std::numeric_limits<int>::max()));
}

std::string ExecChannel::exit_signal() const { return session_->tap.exit_signal(); }

std::uint64_t ExecChannel::lost_bytes() const {
  const std::uint64_t sent = session_->tap.data_bytes();
  return sent > session_->delivered_bytes ? sent - session_->delivered_bytes : 0;
}

Result<void> ExecChannel::signal(const char *name) {
  Session::State &s = *session_;
  TRY_ASSIGN(const int answer, s.drive([&] {
    return libssh2_channel_signal_ex(s.channel, name, std::char_traits<char>::length(name));
  }));
  if (answer != 0) return fail(ErrorKind::unreachable, s.library_error());
  return {};
}

Result<void> ExecChannel::close() {
  Session::State &s = *session_;
  s.transport.begin_call();
  // Sends EOF and CLOSE at once; the rest of the call waits for the server, which pump() does better.
  libssh2_channel_close(s.channel);
  s.transport.flush();
  return s.usable();
}

}  // namespace fanout::ssh
