// What every command that logs in has in common: the hosts and what the key holder knows of them, what a worker is told for
// its login, whether a host key is accepted, and whose worker has asked the key holder for what nobody may have.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dispatch.hpp"
#include "fanout/cli/options.hpp"
#include "fanout/console/output.hpp"
#include "fanout/core/event.hpp"
#include "fanout/core/host.hpp"
#include "fanout/core/result.hpp"
#include "fanout/keys/holder.hpp"
#include "fanout/pool/pool.hpp"
#include "fanout/pool/spawner.hpp"
#include "fanout/report/output_folder.hpp"
#include "fanout/report/report.hpp"
#include "fanout/ssh/host_keys.hpp"
#include "fanout/wire/messages.hpp"
#include "fanout/worker/job_card.hpp"

namespace fanout {

// What the key holder knows of each host: which of its keys to offer, and whether it has a password.
struct HostSecrets {
  std::vector<keys::IdentityId> identities;
  std::optional<keys::PasswordId> password;
};

// Everything that is ready before the first host is contacted.
struct Prepared {
  std::vector<core::Host> hosts;
  std::vector<HostSecrets> secrets;
  ssh::HostKeys host_keys;
  std::size_t parallel = 1;
  std::uint64_t seed = 0;                      // of whatever the run leaves to chance
  std::optional<report::Journal> journal;      // of --journal
  std::string rerun_of;                        // the run that --rerun has its hosts from; or empty
  std::optional<report::Reference> reference;  // of --diff-against
  std::optional<report::OutputFolder> folder;  // of --outdir
};

// While hosts are contacted; all borrowed.
struct Contact {
  Prepared &prepared;
  keys::KeyHolder &holder;
  console::Output &output;
  Signals &signals;
  pool::Pool &pool;

  [[nodiscard]] Dispatch dispatch(const cli::Options &options, Dispatch::Task task) const;
};

// What a command adds to the common way from the command line to the exit code. Each is called once, in this order.
struct LoginCommand {
  core::TaskKind task = core::TaskKind::exec;
  bool compares = false;  // of worker::Setup
  // Mistakes of the command line that only show with the hosts; nobody has been contacted.
  std::function<core::Result<void>(const std::vector<core::Host> &hosts)> check;
  // Whatever takes time, once signals are events and before anything is asked of the user. ErrorKind::interrupted when
  // `signals` had one, which is then not read.
  std::function<core::Result<void>(const sys::SignalFd &signals)> prepare;
  // The part in which hosts are contacted; returns the exit code.
  std::function<int(const Contact &contact)> run;
};

// Returns the exit code and prints its own errors.
int run_with_logins(const cli::Options &options, pool::Spawner &spawner,
                    const LoginCommand &command);

// While hosts are contacted. All are borrowed.
class Logins {
public:
  using Note = std::function<void(core::HostIndex host, std::string text)>;
  Logins(const cli::Options &options, const Contact &contact, Note note)
      : options_(options),
        prepared_(contact.prepared),
        holder_(contact.holder),
        pool_(contact.pool),
        note_(std::move(note)) {}

  struct Opened {
    worker::JobCard card;  // all that the login needs; the task is the caller's
    sys::UniqueFd slot;    // for the worker
  };
  core::Result<Opened> open(core::HostIndex host);
  // Of a worker that has ended. Its record, unless it has asked the key holder for what nobody may have.
  core::Ended close(core::Ended ended);

  void answer(const core::HostKeyOffered &offered);
  // When the pool may have woken up for it.
  void heed_key_holder();

private:
  wire::VerdictMessage judge(core::HostIndex host, std::string_view blob);

  const cli::Options &options_;
  Prepared &prepared_;
  keys::KeyHolder &holder_;
  pool::Pool &pool_;
  Note note_;
  std::map<core::HostIndex, keys::SlotId> slots_;
  std::map<keys::SlotId, core::HostIndex> hosts_of_slots_;
  std::optional<int> notices_from_;  // of the key holder; known with its first slot
  // Whose workers have asked the key holder for what nobody may have.
  std::map<core::HostIndex, std::string> condemned_;
};

std::string fold_names(std::span<const std::string> names);

// What a report knows of a run when it is over.
struct Shown {
  const std::vector<core::Outcome> &outcomes;
  bool local_failure = false;
  bool outputs_differ = false;
};

// The exit code of a run.
int exit_code_of(const cli::Options &options, const Shown &shown, const Dispatch &dispatch);

}  // namespace fanout
