// When is a host key accepted? The only place that decides it.
//
// Lives in the parent, which alone reads and writes known_hosts; a worker sends the key that its server showed and
// waits for the answer. Whatever goes wrong on the way to a decision is a refusal.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "fanout/core/deadline.hpp"
#include "fanout/core/error.hpp"
#include "fanout/core/host.hpp"
#include "fanout/core/result.hpp"
#include "fanout/ssh/known_hosts.hpp"
#include "fanout/ssh/known_hosts_file.hpp"

namespace fanout::ssh {

// Why a key was refused.
enum class Refusal : std::uint8_t {
  none,
  unknown,      // no line names the host, and the policy is strict
  changed,      // the host is known by other keys only
  revoked,      // the key is on an @revoked line; no policy helps
  certificate,  // the host is known by @cert-authority lines only, or showed a certificate
  malformed,    // not a whole key, too long, or of a type that is never asked for
  failed,       // the question could not be answered
};

struct Verdict {
  enum class Decision : std::uint8_t {
    refused,
    accepted,
    accepted_new,  // only once remember() has succeeded
  };
  Decision decision = Decision::refused;
  Refusal refusal = Refusal::failed;
  std::string cause;  // one line, lower case; empty when accepted. No byte that the server chose
  std::string line;   // when the host is unknown: the known_hosts line that would make it known

  [[nodiscard]] bool refused() const { return decision == Decision::refused; }
  // A refusal as a failure: ErrorKind::internal when the question could not be answered, else ErrorKind::host_key.
  [[nodiscard]] core::Error error() const;
};

// One of the keys that who answers for a host has proven to have, each by a key exchange on a connection of its own, and
// what that makes of it.
struct ScannedKey {
  enum class Standing : std::uint8_t {
    known,  // stands in a file for this host
    first,  // nothing is known of this host
    further,  // no key of this type is known, but another connection has shown one that is; never recorded
    refused,
  };
  std::string blob;
  Standing standing = Standing::refused;
  // Of a refused key.
  Refusal refusal = Refusal::failed;
  std::string cause;  // as Verdict::cause
};

// Holds all `proven` keys of a host against what is known of `name`, which is of the form that known_hosts_name() gives;
// each key once, in the order of its first mention. Of a host with a refused key none may be recorded: whoever has a
// stolen key can add new ones of his own. Nor may a further one, for each key comes from a connection of its own:
// somebody on the way passes one on to the host, which proves the known key, and answers the next one himself. Pure;
// fails only when libcrypto does (ErrorKind::internal).
core::Result<std::vector<ScannedKey>> weigh(const std::string &name, const KnownKeys &known,
                                            std::span<const std::string> proven);

class HostKeys {
public:
  struct Options {
    // The first is the one that remember() extends; see default_known_hosts_files().
    std::vector<std::string> files;
    // HOME/.ssh is made, mode 0700, when a key is to be remembered there; empty: never.
    std::string home;
  };

  // Reads every file, once. Blocks on the disk alone. Fails with ErrorKind::local if any of them is there but unusable.
  static core::Result<HostKeys> load(Options options);
  // From files that have been read already.
  HostKeys(std::vector<KnownHostsFile> files, std::string home)
      : files_(std::move(files)), home_(std::move(home)) {}

  // For LIBSSH2_METHOD_HOSTKEY: the algorithms of the keys that are known of this host, so that a server which has
  // several keys shows a known one; then the others, so that a server without the known one is found out by its key
  // (and called changed) instead of failing without a reason. Never a certificate, SHA-1 or DSA.
  core::Result<std::string> offered_algorithms(const HostKeyQuery &query);

  // Never blocks, never throws. `blob` may be any bytes. With HostKeyPolicy::off everything that is a key and is not
  // revoked is accepted.
  Verdict check(const HostKeyQuery &query, core::HostKeyPolicy policy,
                std::string_view blob) noexcept;

  // Writes a key that check() called accepted_new into the first file, hashed if names there are hashed. Under the
  // file's lock the host is looked up anew: if another process has added this key meanwhile nothing is written; if it
  // has added another one the error is that of a changed key (ErrorKind::host_key). After any error the host is not
  // accepted (ErrorKind::local when the file cannot be written). Blocks while another fanout holds the lock, until the
  // deadline.
  core::Result<void> remember(const HostKeyQuery &query, std::string_view blob,
                              core::Deadline deadline);

  // The file that new keys are written to; empty when there is none.
  [[nodiscard]] std::string new_keys_file() const {
    return files_.empty() ? std::string() : files_.front().content().path();
  }

  // As weigh(), with the keys that the files have for this host.
  core::Result<std::vector<ScannedKey>> compare(const HostKeyQuery &query,
                                                std::span<const std::string> proven);
  // As remember(), for all keys of a host at once: those that are first get a line each. Returns how many were written;
  // with an error some may have been.
  core::Result<std::size_t> remember_all(const HostKeyQuery &query,
                                         std::span<const std::string> proven,
                                         core::Deadline deadline);

private:
  core::Result<const KnownKeys *> look_up(const std::string &name);
  [[nodiscard]] core::Result<std::string> written_name(const std::string &name) const;
  void make_user_folder() const;

  std::vector<KnownHostsFile> files_;
  std::string home_;
  // Answers by name, because hashed lines make each of them dear, and every host is asked for at least twice.
  std::unordered_map<std::string, KnownKeys> answers_;
};

}  // namespace fanout::ssh
