// What the parts of one connection share: private to session.cpp, login.cpp, channels.cpp, exec_channel.cpp and
// sftp_channel.cpp.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <libssh2.h>

#include "fanout/ssh/packet_tap.hpp"
#include "fanout/ssh/session.hpp"
#include "fanout/ssh/transport.hpp"

namespace fanout::ssh {

struct Session::State {
  State(sys::UniqueFd socket, Wait wait_function, Options chosen)
      : transport(std::move(socket)), wait(std::move(wait_function)), options(std::move(chosen)) {}
  ~State();
  State(const State &) = delete;
  State &operator=(const State &) = delete;

  Transport transport;
  PacketTap tap;  // outlives `library`, which gives its memory back here
  Wait wait;
  Options options;
  core::Deadline deadline;
  LIBSSH2_SESSION *library = nullptr;

  // libssh2 numbers the channels of a session from 0, in the order in which they are asked for.
  std::uint32_t next_channel = 0;
  bool channel_ended = false;    // since the last was asked for
  bool opening_channel = false;  // asked for, and not answered when the wait for it ended

  int disconnect_reason = 0;                   // RFC 4253, section 11.1
  std::optional<std::string> disconnect_text;  // what the server said when it disconnected

  // Login, while it lasts.
  core::HostKeyProof proof;
  const Credentials *credentials = nullptr;
  std::optional<core::Error> sign_error;
  std::optional<core::Secret> password;
  bool password_sent = false;
  bool password_taken = false;
  unsigned partial_successes_before_password = 0;

  // The command that was started last.
  LIBSSH2_CHANNEL *channel = nullptr;
  std::array<std::uint64_t, 2> delivered_bytes{};  // by stream
  bool more_queued = false;  // libssh2 may have output that the last pump() has not taken
  bool closed = false;
  std::unique_ptr<char[]> piece;  // of output, between libssh2 and the sink
  std::string input;              // taken by write(), not yet by libssh2
  bool input_ended = false;
  int input_trouble = 0;  // what libssh2 answered when it could not send

  // Repeats a non-blocking call of libssh2 until it is done, waiting in between. The answer is the library's: 0 or more,
  // or a negative error that is the server's doing; what is not (deadline, stop, lost connection) is an Error.
  template <class Call>
  core::Result<int> drive(Call call) {
    for (;;) {
      transport.begin_call();
      const int answer = static_cast<int>(call());
      transport.flush();
      if (answer != LIBSSH2_ERROR_EAGAIN) {
        if (answer < 0) TRY(usable());
        return answer;
      }
      TRY(usable());
      if (!transport.has_unread()) TRY(wait_for_socket());
      transport.waited();
    }
  }

  // Opens a channel for a command or a subsystem; the tap watches it. ErrorKind::unreachable when the server refuses.
  core::Result<LIBSSH2_CHANNEL *> open_channel(std::uint32_t window_bytes);
  // Ends a channel and frees it when the server has ended it too: before, it counts as one of those that a server allows. A
  // server that does not within a short time keeps it.
  core::Result<void> end_channel(LIBSSH2_CHANNEL *ended);

  // Returns when the server's KEXINIT is here, or it wants to hear ours first.
  core::Result<void> hear_hello();
  // Right before a password leaves.
  void remember_password_sent() {
    password_sent = true;
    partial_successes_before_password = tap.partial_successes();
  }
  // Finds out which of the secrets that libssh2 has given back belongs to the session.
  void complete_proof(std::string_view session_id);
  core::Result<void> usable() const;
  core::Result<void> wait_for_socket();
  // "the server disconnected: TEXT" or "connection closed by the server".
  [[nodiscard]] core::Error lost() const;
  [[nodiscard]] std::string library_error() const;
  [[nodiscard]] std::string method(int type) const;
};

}  // namespace fanout::ssh
