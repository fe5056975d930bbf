// One SSH connection (RFC 4253, 4252, 4254) through libssh2, non-blocking, driven by the caller's Wait. Runs in a worker.
//
// Order of use: handshake(), host_key() and the caller's decision, login(), exec(). Every call may block until the
// deadline of the Transport. Errors carry the kind that decides the host's status and a sentence of our own, because
// libssh2's numbers say little (a failed key exchange is -1, -5 or -8).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fanout/core/deadline.hpp"
#include "fanout/core/host_key_proof.hpp"
#include "fanout/core/result.hpp"
#include "fanout/core/secret.hpp"
#include "fanout/core/status.hpp"
#include "fanout/ssh/transport.hpp"
#include "fanout/ssh/wait.hpp"
#include "fanout/sys/fd.hpp"

namespace fanout::ssh {

// Once, in the parent, before the first fork: starts libssh2, and does once what every worker would otherwise do for itself
// and does not inherit otherwise (see warm.cpp). Takes about 4 ms of CPU, which a single worker would spend as well.
core::Result<void> start_library();
std::string library_version();  // of libssh2, at run time
std::string crypto_version();   // of OpenSSL, at run time

// A public key that may be used, best first; `blob` as on the wire, or a user certificate.
struct LoginKey {
  std::string blob;
  std::string description;  // for messages
};

// Where login() gets what it needs. All three are asked in the worker and answered by somebody else.
struct Credentials {
  std::vector<LoginKey> keys;
  // Signs `data` with the key of `blob`; the answer is what goes inside the signature (raw for ed25519, r and s as two
  // mpints for ECDSA, PKCS#1 for RSA).
  std::function<core::Result<std::string>(std::string_view blob, std::string_view data)> sign;
  // Asked at most once, only when the server accepts passwords; empty function: there is none.
  std::function<core::Result<core::Secret>()> password;
};

class ExecChannel;
class Sftp;

class Session {
public:
  struct Options {
    std::string host_key_algorithms;  // comma separated, best first
  };

  Session(sys::UniqueFd socket, Wait wait, Options options);
  ~Session();
  Session(const Session &) = delete;
  Session &operator=(const Session &) = delete;

  // Bounds everything until the next call.
  void set_deadline(core::Deadline deadline);

  // Identification, key exchange, service request.
  core::Result<void> handshake();
  // The server's public key, after handshake().
  [[nodiscard]] std::string host_key() const;
  // After handshake(): the algorithm with which that key was proven, and all that the server can prove one with.
  [[nodiscard]] std::string host_key_algorithm() const;
  [[nodiscard]] const std::string &offered_host_keys() const;
  // That this session is with the server of host_key(), for whoever signs the login; only while login() asks for a
  // signature, because the secret of the key exchange is in it. Empty when what the server sent has no such form; the
  // library's own check is none of this.
  [[nodiscard]] const core::HostKeyProof &proof() const;
  // Tries the keys in order, then keyboard-interactive, else password. ErrorKind::auth says what was tried and what the
  // server offers.
  core::Result<void> login(const std::string &user, const Credentials &credentials);
  // After login(), however it ended: whether the server took the password, alone or as one of several methods; nullopt when it
  // was sent none. What was lost before an answer came was not taken: the server may have counted it as wrong.
  [[nodiscard]] std::optional<bool> password_taken() const;
  // All that the server has said for people during the login so far (RFC 4252, section 5.4), as it sent it, cut after
  // PacketTap::login_banner_limit_bytes.
  [[nodiscard]] std::string login_banner() const;
  // Opens a channel and starts `command`. ErrorKind::unreachable when the server refuses either. One command at a time; an
  // Sftp of the same session may be open meanwhile, with nothing under way. With Input::none the command finds its standard
  // input empty; with Input::open it waits for write() and finish_input().
  enum class Input : std::uint8_t { none, open };
  core::Result<ExecChannel> exec(const std::string &command, Input input = Input::none);

  // After a handshake() that failed with ErrorKind::unreachable: the server was reached, and did not want this connection.
  [[nodiscard]] bool turned_away() const;
  // "SSH-2.0-OpenSSH_9.2p1 Debian-2": how the server introduces itself, after handshake().
  [[nodiscard]] const std::string &identification() const;
  // The same, and what was agreed on; for -v.
  [[nodiscard]] std::string describe() const;

  struct State;

private:
  friend class Sftp;
  friend class SideCommand;
  std::unique_ptr<State> state_;
};

// A running command. Lives at most as long as its Session.
class ExecChannel {
public:
  // One turn: sends what is due, then reads what there is of both streams, at most `limit_bytes` together, into `sink`
  // (called with at most 32 KiB at a time). Never blocks. An error means that the connection can no longer be used; all
  // output that came before it has been delivered.
  core::Result<void> pump(std::size_t limit_bytes,
                          const std::function<void(core::Stream, std::string_view)> &sink);

  // Sends as much of it as the server's window and our own buffer have room for, and says how much that was; 0 means:
  // pump(), wait, try again. Never blocks. ErrorKind::remote when the command has ended or closed its input.
  core::Result<std::size_t> write(std::string_view bytes);
  // Nothing more comes. Repeat while it says false, with pump() in between.
  core::Result<bool> finish_input();
  // What has been written and is not sent yet. wanted_events() waits for room when there is some.
  [[nodiscard]] std::size_t unsent_bytes() const;

  // What to wait for before the next pump(): poll(2) events of fd(), 0 when it is to be called at once.
  [[nodiscard]] int fd() const;
  [[nodiscard]] short wanted_events() const;

  // The server has closed the channel and all output has been delivered: the record can be made.
  [[nodiscard]] bool closed() const;
  // Set as soon as the server has said so, which may be before closed().
  [[nodiscard]] std::optional<int> exit_status() const;
  [[nodiscard]] std::string exit_signal() const;  // "KILL"; empty when none
  // After closed(): output that the server sent beyond the window and that libssh2 threw away.
  [[nodiscard]] std::uint64_t lost_bytes() const;

  // Sends "signal" (RFC 4254, section 6.9), name without SIG. The server need not obey and does not answer.
  core::Result<void> signal(const char *name);
  // Asks the server to end the channel; pump() until closed() or the caller's patience ends.
  core::Result<void> close();

private:
  friend class Session;
  explicit ExecChannel(Session::State &session);
  Session::State *session_;
};

}  // namespace fanout::ssh
