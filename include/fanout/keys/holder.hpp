// The parent's side of the key holder: the process that alone sees private keys, passphrases, passwords and the agent.
//
// Started before the parent reads anything else. It ends when the parent closes its control socket, which the parent's
// death does too.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fanout/console/lock.hpp"
#include "fanout/core/result.hpp"
#include "fanout/core/secret.hpp"
#include "fanout/sandbox/confinement.hpp"
#include "fanout/sys/fd.hpp"
#include "fanout/sys/process.hpp"
#include "fanout/wire/frame.hpp"

namespace fanout::keys {

struct HolderOptions {
  std::string agent_socket;  // SSH_AUTH_SOCK; empty is no agent
  std::chrono::milliseconds agent_timeout{10'000};
  console::Lock *console_lock =
      nullptr;  // without one nothing is ever asked; borrowed, must outlive the holder's start
  std::string terminal = "/dev/tty";
  sandbox::Mode sandbox = sandbox::Mode::automatic;
};

using IdentityId = std::uint32_t;
using PasswordId = std::uint32_t;  // equal ones mean the same password
using SlotId = std::uint32_t;

struct IdentityRequest {
  std::string path;
  bool explicitly_configured =
      true;  // -k or hosts.ini; else a default place, where nothing need be
};

// The files that are tried when the user names none, cheapest signature first.
std::vector<IdentityRequest> default_identities(const std::string &home);

struct LoadedIdentity {
  IdentityId id = 0;
  std::string path;
  std::string type;     // "ssh-ed25519"; empty when nothing is known of it
  bool usable = false;  // somebody can sign with it: the file, or the agent
  bool in_agent = false;
};

struct LoadReport {
  std::vector<LoadedIdentity> identities;  // one a request, in the same order
  std::uint32_t agent_keys = 0;
  std::vector<std::string> notes;  // for -v: what was left out, and why; safe to print
};

struct SlotOptions {
  std::string host;  // for messages
  std::string user;  // the only one for whom is signed
  std::vector<IdentityId>
      identities;  // empty: the default files. The agent's keys are offered besides
  std::optional<PasswordId> password;  // else the one of ask_password(), if it was asked
};

struct OpenedSlot {
  SlotId id = 0;
  sys::UniqueFd worker_end;  // for keys::Slot in the worker; close-on-exec
};

// A slot that the holder has closed because its client broke a rule, which none of our workers does unless it was captured.
struct Notice {
  SlotId slot = 0;
  // What its client did: "asked as user 'root', its slot is for 'www'"; safe to print.
  std::string text;
};

// All calls are the parent's. Those up to store_password() block until the holder answers, which may be after the user has.
// So does the first open_slot(), which seals the holder: from then on it has no files and no terminal any more, and the
// calls before it fail with ErrorKind::internal. What comes after only hands over a message. Any call fails with
// ErrorKind::internal "key holder lost" once the holder is gone. SIGPIPE must be ignored.
class KeyHolder {
public:
  // Forks. The holder stays in the parent's process group, because it reads the terminal.
  static core::Result<KeyHolder> start(const HolderOptions &options);

  KeyHolder(KeyHolder &&) = default;
  KeyHolder &operator=(KeyHolder &&) = delete;
  // Ends the holder in an orderly way, or kills it if it does not end within half a second.
  ~KeyHolder();

  // Reads key files and the agent's list; asks for passphrases. May be called again: ids count on. ErrorKind::usage names the
  // file that the user configured and that cannot be used.
  core::Result<LoadReport> load(const std::vector<IdentityRequest> &requests);

  // Asks on the terminal, once, for the password of every host without one of its own.
  core::Result<PasswordId> ask_password(const std::string &question);

  // The signal by which the user left a question of load() or ask_password(): SIGINT, SIGTERM, SIGHUP or SIGQUIT.
  [[nodiscard]] std::optional<int> interrupted_by() const { return interrupted_by_; }

  // Hands over a password; the argument and every copy of ours is wiped. The same password has the same number, that of
  // ask_password() among them.
  core::Result<PasswordId> store_password(core::Secret password);

  // ErrorKind::local when the holder cannot be confined as HolderOptions::sandbox demands.
  core::Result<OpenedSlot> open_slot(const SlotOptions &options);

  // At most once a slot, when the user's files or the user have judged that `blob` (RFC 4253, section 6.6) is the key of
  // this slot's server. Only from then on is anything signed for the slot, against proof by exactly this key, and is its
  // password given. What is sent to a worker after this returned, the worker cannot act upon before the
  // holder has seen it: the holder reads these messages before it answers any slot.
  core::Result<void> accept_host_key(SlotId slot, std::string_view blob);
  // Nothing is done for the slot any more. A slot also ends when the worker's end is closed everywhere.
  void close_slot(SlotId slot);

  // Readable when take_notices() has something to do; -1 when nothing will come any more. Ask again after each call.
  [[nodiscard]] int notice_fd() const { return sealed_ && !notices_ended_ ? control_.get() : -1; }
  // Never blocks. At most one a slot, and some may be missing: the holder does not wait for a parent that does not read.
  std::vector<Notice> take_notices();

  // Readable when the holder has ended; -1 after a call has found it lost.
  [[nodiscard]] int pidfd() const { return child_.pidfd(); }
  [[nodiscard]] pid_t pid() const { return child_.pid(); }

private:
  KeyHolder(sys::Child child, sys::UniqueFd control, std::string terminal)
      : child_(std::move(child)), control_(std::move(control)), terminal_(std::move(terminal)) {}
  template <class Expected, class Request>
  core::Result<Expected> ask(const Request &request);
  template <class Request>
  core::Result<void> tell(const Request &request, int fd = -1);
  core::Error lost();
  [[nodiscard]] core::Result<void> not_sealed() const;

  sys::Child child_;
  sys::UniqueFd control_;
  std::string terminal_;
  std::optional<int> interrupted_by_;
  IdentityId identity_count_ = 0;
  PasswordId password_count_ = 0;
  SlotId next_slot_ = 0;
  bool sealed_ = false;
  bool notices_ended_ = false;
  wire::FrameReader notice_reader_;
};

}  // namespace fanout::keys
