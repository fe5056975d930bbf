// The deadline is looked at in wait() alone. If the transport saw it pass, no byte could be received any more, and what was
// begun on the host could not be removed.

#include "sftp_channel.hpp"

#include <poll.h>

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "fanout/sys/io.hpp"

namespace fanout::ssh {

using core::Deadline;
using core::Error;
using core::ErrorKind;
using core::fail;
using core::Result;

namespace {

constexpr std::size_t unsent_limit_bytes = 256 * 1024;
constexpr std::size_t packet_content_bytes = 32'700;  // that libssh2 puts into one packet at most
constexpr unsigned long narrow_window_bytes = 256 * 1024;
constexpr std::size_t complaint_bytes = 512;
constexpr core::Milliseconds glance{1};

class Unbounded {
public:
  explicit Unbounded(Session::State &session) : session_(session) {
    session_.transport.set_deadline({});
  }
  ~Unbounded() { session_.transport.set_deadline(session_.deadline); }
  Unbounded(const Unbounded &) = delete;
  Unbounded &operator=(const Unbounded &) = delete;

private:
  Session::State &session_;
};

}  // namespace

SftpChannel::~SftpChannel() {
  if (channel_ == nullptr || !session_.usable()) return;
  session_.transport.begin_call();
  libssh2_channel_free(channel_);  // else the session does it
  session_.transport.flush();
}

Result<bool> SftpChannel::begin(std::string_view greeting, std::string &why) {
  Session::State &s = session_;
  TRY_ASSIGN(channel_, s.open_channel(window_bytes_));
  number_ = s.next_channel - 1;
  libssh2_channel_window_write_ex(channel_, &server_window_bytes_);
  // The greeting leaves in the same breath as the request; a server that refuses throws it away. Unless the server has
  // spoken meanwhile: it may have begun a key exchange, and then it is open which of the two would leave first.
  const std::uint64_t heard = s.transport.handed_out_bytes();
  bool sending = true;
  TRY_ASSIGN(const int started, s.drive([&] {
    const int answer = libssh2_channel_process_startup(channel_, "subsystem", 9, "sftp", 4);
    if (sending && s.transport.handed_out_bytes() == heard) {
      const ssize_t count = libssh2_channel_write_ex(channel_, 0, greeting.data(), greeting.size());
      if (count > 0) greeting.remove_prefix(static_cast<std::size_t>(count));
    }
    sending = false;
    return answer;
  }));
  if (started != 0 && started != LIBSSH2_ERROR_CHANNEL_REQUEST_DENIED)
    return fail(ErrorKind::protocol, s.library_error());
  if (started != 0) {
    why = "it refused the subsystem";
    TRY(finish());
    return false;
  }
  while (!greeting.empty()) {
    TRY_ASSIGN(const int count, s.drive([&] {
      return libssh2_channel_write_ex(channel_, 0, greeting.data(), greeting.size());
    }));
    if (count <= 0) return fail(ErrorKind::protocol, s.library_error());
    greeting.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

Error SftpChannel::broken() const {
  if (auto usable = session_.usable(); !usable) return usable.error();
  return {ErrorKind::protocol, session_.library_error()};
}

Result<std::size_t> SftpChannel::send(std::string_view bytes, bool answers_due) {
  Session::State &s = session_;
  const Unbounded unbounded(s);
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    if (s.transport.unsent_bytes() >= unsent_limit_bytes) break;
    const std::string_view rest = bytes.substr(sent);
    const unsigned long window = libssh2_channel_window_write_ex(channel_, nullptr);
    if (committed_bytes_ == 0) {
      if (window == 0) break;
      // Half of a small window: a server may be silent about the rest of it until it has had more than that.
      if (answers_due && window < rest.size() &&
          window < std::min(narrow_window_bytes, server_window_bytes_ / 2))
        break;
    }
    if (queue_empty_) s.transport.begin_call();
    const ssize_t count = libssh2_channel_write_ex(channel_, 0, rest.data(), rest.size());
    if (count == LIBSSH2_ERROR_EAGAIN) {
      // In a key exchange libssh2 has made up its mind how much it will send.
      committed_bytes_ = std::min(rest.size(), packet_content_bytes);
      break;
    }
    if (count < 0) return fail(broken());
    committed_bytes_ = 0;
    if (count == 0) break;
    sent += static_cast<std::size_t>(count);
  }
  s.transport.flush();
  return sent;
}

void SftpChannel::keep_window_wide() {
  if (!widened_) return;
  // libssh2 would let it fall back to where it began.
  const unsigned long window = libssh2_channel_window_read_ex(channel_, nullptr, nullptr);
  if (window >= window_bytes_ / 4 * 3) return;
  libssh2_channel_receive_window_adjust2(
      channel_, static_cast<unsigned long>(window_bytes_ - window), 1, nullptr);
}

Result<std::size_t> SftpChannel::receive(char *buffer, std::size_t size) {
  Session::State &s = session_;
  if (ended_) return 0;
  const Unbounded unbounded(s);
  const std::uint64_t before = s.transport.handed_out_bytes();
  // Each call would queue whatever the socket holds, and with a wide window that is a lot of memory, and a long way to the end
  // of the queue.
  if (queue_empty_) s.transport.begin_call();
  keep_window_wide();
  const ssize_t count = libssh2_channel_read_ex(channel_, 0, buffer, size);
  queue_empty_ = count <= 0;
  if (count > 0) return static_cast<std::size_t>(count);
  if (count < 0 && count != LIBSSH2_ERROR_EAGAIN) return fail(broken());
  TRY(hear_complaints());
  // What libssh2 has read last may be for the stream that was asked before.
  more_queued_ = s.transport.handed_out_bytes() != before;
  if (more_queued_) return 0;
  if (libssh2_channel_eof(channel_) == 1)
    ended_ = true;
  else
    TRY(s.usable());
  return 0;
}

// Whatever the server's program prints to its standard error would fill the window that it shares with the answers.
Result<void> SftpChannel::hear_complaints() {
  std::array<char, 1024> piece;
  for (;;) {
    session_.transport.begin_call();
    const ssize_t count =
        libssh2_channel_read_ex(channel_, SSH_EXTENDED_DATA_STDERR, piece.data(), piece.size());
    if (count < 0 && count != LIBSSH2_ERROR_EAGAIN) return fail(broken());
    if (count <= 0) return {};
    complaints_.append(piece.data(),
                       std::min(static_cast<std::size_t>(count),
                                complaint_bytes - std::min(complaint_bytes, complaints_.size())));
  }
}

std::string SftpChannel::last_words() const {
  std::string words;
  const PacketTap &tap = session_.tap;
  if (tap.watched_channel() == number_) {
    if (!tap.exit_signal().empty())
      words = fmt::format("killed by signal {}", tap.exit_signal());
    else if (tap.exit_status() && *tap.exit_status() != 0)
      words = fmt::format("exit {}", *tap.exit_status());
  }
  const std::string_view line =
      std::string_view(complaints_).substr(0, complaints_.find_first_of("\r\n"));
  if (!line.empty()) words += (words.empty() ? "" : ", ") + std::string(line);
  return words;
}

Result<void> SftpChannel::wait(Deadline until, bool hear_only) {
  Session::State &s = session_;
  s.transport.flush();
  short events = static_cast<short>(POLLIN | (s.transport.has_unsent() ? POLLOUT : 0));
  if (hear_only || more_queued_ || s.transport.has_unread()) {
    // A deadline that has passed would be all that is looked at.
    until = Deadline::in(glance, sys::now());
    events = POLLIN | POLLOUT;
  }
  auto waited = s.wait(s.transport.fd(), events, s.deadline.or_sooner(until));
  s.transport.waited();
  if (!waited && waited.error().kind == ErrorKind::timeout && !s.deadline.passed(sys::now()))
    return {};
  return waited;
}

void SftpChannel::widen_window(std::uint32_t bytes) {
  if (bytes <= window_bytes_) return;
  window_bytes_ = bytes;
  widened_ = true;
}

Result<void> SftpChannel::finish() {
  if (channel_ == nullptr) return {};
  return session_.end_channel(std::exchange(channel_, nullptr));
}

}  // namespace fanout::ssh
