// Channels of a session, one after the other or side by side (RFC 4254, section 5): how they begin and how they end.

#include <poll.h>

#include <array>
#include <utility>

#include <fmt/format.h>

#include "fanout/sys/io.hpp"
#include "session_state.hpp"

namespace fanout::ssh {

using core::Deadline;
using core::ErrorKind;
using core::fail;
using core::Result;

namespace {

constexpr unsigned int packet_bytes = 32 * 1024;
constexpr core::Milliseconds end_patience{2'000};

// One step towards the end: says that we end it, throws away what still comes, and tells whether the server has ended it.
bool end_step(LIBSSH2_CHANNEL *channel) {
  std::array<char, 4096> ignored;
  libssh2_channel_close(channel);  // sends EOF and CLOSE, once
  for (const int stream : {0, SSH_EXTENDED_DATA_STDERR})
    while (libssh2_channel_read_ex(channel, stream, ignored.data(), ignored.size()) > 0) {
    }
  return libssh2_channel_eof(channel) == 1 && libssh2_channel_wait_closed(channel) == 0;
}

}  // namespace

Result<LIBSSH2_CHANNEL *> Session::State::open_channel(std::uint32_t window_bytes) {
  // libssh2 goes on with one that it has asked for before.
  const bool first = next_channel == 0;
  if (!std::exchange(opening_channel, true)) tap.watch_channel(next_channel++);
  LIBSSH2_CHANNEL *opened = nullptr;
  bool asked = !first;
  TRY_ASSIGN(const int answer, drive([&] {
               opened = libssh2_channel_open_ex(library, "session", 7, window_bytes, packet_bytes,
                                                nullptr, 0);
               // sshd says two things to the first (its other host keys, and yes), of which the second waits until we have the first.
               transport.flush();
               if (!std::exchange(asked, true)) transport.acknowledge_at_once();
               return opened != nullptr ? 0 : libssh2_session_last_errno(library);
             }));
  opening_channel = false;
  // A server that has heard of the end and of the wish in one breath may still have counted the one that has ended.
  if (std::exchange(channel_ended, false) && answer == LIBSSH2_ERROR_CHANNEL_FAILURE)
    return open_channel(window_bytes);
  if (answer != 0 && answer != LIBSSH2_ERROR_CHANNEL_FAILURE)
    return fail(ErrorKind::protocol, library_error());
  if (answer != 0)
    return fail(ErrorKind::unreachable,
                fmt::format("the server refused a session: {}", library_error()));
  return opened;
}

Result<void> Session::State::end_channel(LIBSSH2_CHANNEL *ended) {
  const Deadline patience = Deadline::in(end_patience, sys::now());
  transport.begin_call();
  while (!end_step(ended)) {
    transport.flush();
    TRY(usable());
    if (patience.passed(sys::now())) return {};
    if (!transport.has_unread()) {
      const short events = static_cast<short>(POLLIN | (transport.has_unsent() ? POLLOUT : 0));
      const auto waited = wait(transport.fd(), events, deadline.or_sooner(patience));
      const bool impatient = !waited && waited.error().kind == ErrorKind::timeout;
      if (impatient && !deadline.passed(sys::now())) return {};
      TRY(waited);
    }
    transport.waited();
    transport.begin_call();
  }
  libssh2_channel_free(ended);
  channel_ended = true;
  transport.flush();
  return {};
}

}  // namespace fanout::ssh
