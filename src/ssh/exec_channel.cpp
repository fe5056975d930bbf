// One command on one channel (RFC 4254, sections 5 and 6).

#include <poll.h>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

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
constexpr std::size_t piece_bytes = 32 * 1024;
// What libssh2 sends of input in one packet at most, and how much of it may wait for the socket.
constexpr std::size_t input_piece_bytes = 32'700;
constexpr std::size_t unsent_input_bytes = 256 * 1024;

bool told_end(const PacketTap &tap) { return tap.exit_status() || !tap.exit_signal().empty(); }

// Output that lies decrypted in libssh2's queue when the connection breaks. libssh2_channel_read() asks the connection
// first and so never hands it out; but it can be made to give it back, and then the tap sees it.
void deliver_queued(Session::State &s,
                    const std::function<void(core::Stream, std::string_view)> &sink) {
  // The first packet of each stream may have been read in part.
  std::array<std::uint64_t, 2> read{};
  for (const core::Stream stream : {core::Stream::out, core::Stream::err}) {
    const std::uint64_t delivered = s.delivered_bytes[static_cast<std::size_t>(stream)];
    const std::uint64_t given_back = s.tap.data_bytes(stream);
    read[static_cast<std::size_t>(stream)] = delivered - std::min(delivered, given_back);
  }
  s.tap.pass_output_to([&](core::Stream stream, std::string_view data) {
    const auto which = static_cast<std::size_t>(stream);
    const auto skipped = std::min<std::uint64_t>(read[which], data.size());
    read[which] -= skipped;
    data.remove_prefix(static_cast<std::size_t>(skipped));
    s.delivered_bytes[which] += data.size();
    for (; !data.empty(); data.remove_prefix(std::min(data.size(), piece_bytes)))
      sink(stream, data.substr(0, piece_bytes));
  });
  libssh2_channel_flush_ex(s.channel, LIBSSH2_CHANNEL_FLUSH_ALL);
  s.tap.pass_output_to({});
}

// Whether libssh2 holds output of the channel although there is nothing to read from either stream. With extended data of
// any other type it always does: nobody can read that without knowing its type, and until then the channel does not end.
bool holds_unread_output(const Session::State &s, bool streams_have_ended) {
  unsigned long queued_bytes = 0;
  libssh2_channel_window_read_ex(s.channel, &queued_bytes, nullptr);
  // A packet without any bytes is not counted, but found by libssh2_channel_eof().
  return queued_bytes > 0 || (streams_have_ended && libssh2_channel_eof(s.channel) == 0);
}

// Hands libssh2 what write() has taken. Ours and not the caller's bytes: while keys are exchanged it wants to be offered the
// same ones again, however many the caller has by then. An error is for pump() to tell, when it has delivered what came before.
void send_input(Session::State &s) {
  while (s.input_trouble == 0 && !s.input.empty() &&
         s.transport.unsent_bytes() < unsent_input_bytes) {
    // Nothing is sent into a closed window, and asking libssh2 would be a round through its queue.
    if (libssh2_channel_window_write_ex(s.channel, nullptr) == 0) break;
    s.transport.begin_call();
    const ssize_t count = libssh2_channel_write_ex(s.channel, 0, s.input.data(), s.input.size());
    if (count > 0)
      s.input.erase(0, static_cast<std::size_t>(count));
    else if (count == 0 || count == LIBSSH2_ERROR_EAGAIN)
      break;
    else
      s.input_trouble = static_cast<int>(count);
  }
  s.transport.flush();
}

}  // namespace

Result<ExecChannel> Session::exec(const std::string &command, Input input) {
  State &s = *state_;
  if (s.channel != nullptr) TRY(s.end_channel(std::exchange(s.channel, nullptr)));
  s.delivered_bytes = {};
  s.more_queued = false;
  s.closed = false;
  s.input.clear();
  s.input_trouble = 0;
  s.input_ended = input == Input::none;
  TRY_ASSIGN(s.channel, s.open_channel(window_bytes));
  // A command that reads its standard input finds it empty, and does not wait for what nobody sends. This is said in the
  // same breath as the request: an end needs no window, and nothing answers it. Unless the server has spoken meanwhile: it
  // may have begun a key exchange, and then it is open which of the two would leave first.
  const std::uint64_t heard = s.transport.handed_out_bytes();
  int ended = input == Input::none ? LIBSSH2_ERROR_EAGAIN : 0;
  TRY_ASSIGN(const int started, s.drive([&] {
    const int answer = libssh2_channel_process_startup(s.channel, "exec", 4, command.data(),
                                                       static_cast<unsigned int>(command.size()));
    if (ended == LIBSSH2_ERROR_EAGAIN && s.transport.handed_out_bytes() == heard)
      ended = libssh2_channel_send_eof(s.channel);
    return answer;
  }));
  if (started != 0 && started != LIBSSH2_ERROR_CHANNEL_REQUEST_DENIED)
    return fail(ErrorKind::protocol, s.library_error());
  if (started != 0) {
    const std::string why = s.library_error();
    TRY(s.end_channel(std::exchange(s.channel, nullptr)));
    return fail(ErrorKind::unreachable,
                fmt::format("the server refused to run a command: {}", why));
  }
  if (ended == LIBSSH2_ERROR_EAGAIN) {
    TRY_ASSIGN(ended, s.drive([&] { return libssh2_channel_send_eof(s.channel); }));
  }
  if (ended != 0) return fail(ErrorKind::protocol, s.library_error());
  s.piece = std::make_unique_for_overwrite<char[]>(piece_bytes);
  return ExecChannel(s);
}

ExecChannel::ExecChannel(Session::State &session) : session_(&session) {}

Result<void> ExecChannel::pump(std::size_t limit_bytes,
                               const std::function<void(core::Stream, std::string_view)> &sink) {
  Session::State &s = *session_;
  s.transport.waited();
  send_input(s);
  std::size_t taken = 0;
  int trouble = s.input_trouble;
  std::uint64_t read_before = 0;
  int ended_streams = 0;
  // Both streams in every turn: they share one window, and one that nobody reads stops the other for ever.
  for (bool progress = true; progress && trouble == 0 && taken < limit_bytes;) {
    progress = false;
    ended_streams = 0;
    read_before = s.transport.handed_out_bytes();
    for (const core::Stream stream : {core::Stream::out, core::Stream::err}) {
      s.transport.begin_call();
      const ssize_t count = libssh2_channel_read_ex(
          s.channel, stream == core::Stream::out ? 0 : SSH_EXTENDED_DATA_STDERR, s.piece.get(),
          piece_bytes);
      if (count > 0) {
        const auto size = static_cast<std::size_t>(count);
        sink(stream, {s.piece.get(), size});
        taken += size;
        s.delivered_bytes[static_cast<std::size_t>(stream)] += size;
        progress = true;
      } else if (count < 0 && count != LIBSSH2_ERROR_EAGAIN) {
        // Not a byte more is read: behind a packet whose MAC is wrong, libssh2 would go on as if it had not been sent.
        trouble = static_cast<int>(count);
        break;
      } else if (count == 0) {
        ++ended_streams;
      }
    }
  }
  // In a key exchange a stream that is not empty cannot be read either, so what is queued is looked at, and left alone.
  if (trouble == 0 && taken < limit_bytes && s.transport.handed_out_bytes() == read_before &&
      holds_unread_output(s, ended_streams == 2))
    s.tap.look_for_undefined_data();
  // libssh2_channel_eof() is true only when nothing of the channel is queued any more.
  // A server that hangs up between its exit status and CLOSE, or disconnects after it, has said everything that matters.
  if (trouble == 0 && libssh2_channel_eof(s.channel) == 1) {
    s.transport.begin_call();
    const int answer = libssh2_channel_wait_closed(s.channel);
    s.closed =
        answer == 0 || (answer == LIBSSH2_ERROR_EAGAIN && s.transport.ended() && told_end(s.tap));
    if (answer < 0 && answer != LIBSSH2_ERROR_EAGAIN) trouble = answer;
  }
  if (trouble != 0) {
    deliver_queued(s, sink);
    s.closed = trouble == LIBSSH2_ERROR_SOCKET_DISCONNECT && s.disconnect_text &&
               libssh2_channel_eof(s.channel) == 1 && told_end(s.tap);
  }
  s.transport.flush();
  if (const auto type = s.tap.undefined_data_type()) {
    s.closed = false;
    return fail(ErrorKind::protocol,
                fmt::format("the server sent output that is neither stdout nor stderr (extended "
                            "data of type {})",
                            *type));
  }
  // Whatever libssh2 has read last may be output of the stream that was asked before.
  s.more_queued = trouble == 0 && !s.closed &&
                  (taken >= limit_bytes || s.transport.handed_out_bytes() != read_before);
  if (s.closed || s.more_queued) return {};
  TRY(s.usable());
  if (trouble != 0) return fail(ErrorKind::protocol, s.library_error());
  return {};
}

// A server takes what is written to a command that has ended until the window is closed, and then nothing more, without a
// word.
Result<std::size_t> ExecChannel::write(std::string_view bytes) {
  Session::State &s = *session_;
  std::size_t taken = 0;
  for (;;) {
    send_input(s);
    if (s.input_trouble != 0) return taken;
    if (s.closed || told_end(s.tap)) return fail(ErrorKind::remote, "the command has ended");
    if (s.tap.input_refused())
      return fail(ErrorKind::remote, "the command has closed its standard input");
    if (!s.input.empty() || taken == bytes.size()) return taken;
    s.input = bytes.substr(taken, input_piece_bytes);
    taken += s.input.size();
  }
}

Result<bool> ExecChannel::finish_input() {
  Session::State &s = *session_;
  if (s.input_ended || s.closed) return true;
  send_input(s);
  const bool unread = !s.input.empty() && !told_end(s.tap) && !s.tap.input_refused();
  if (unread || s.input_trouble != 0) return false;
  s.transport.begin_call();
  const int answer = libssh2_channel_send_eof(s.channel);
  s.transport.flush();
  s.input_ended = answer == 0;
  if (answer != 0 && answer != LIBSSH2_ERROR_EAGAIN) s.input_trouble = answer;
  return s.input_ended;
}

std::size_t ExecChannel::unsent_bytes() const {
  return session_->input.size() + session_->transport.unsent_bytes();
}

int ExecChannel::fd() const { return session_->transport.fd(); }

short ExecChannel::wanted_events() const {
  const Transport &transport = session_->transport;
  // What libssh2 has queued is not in the socket any more; and unless it is read, the window stays closed.
  if (transport.has_unread() || session_->more_queued) return 0;
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
  const std::uint64_t delivered = session_->delivered_bytes[0] + session_->delivered_bytes[1];
  return sent > delivered ? sent - delivered : 0;
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
