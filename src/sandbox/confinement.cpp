// The order of each step follows from what the next one takes away: limits read /proc before Landlock closes it,
// Landlock needs no_new_privs, and the filter comes last because everything before it needs calls that it forbids.
//
// Layers only add up, so what put or get may do beneath its folders is allowed by both of them.
#include "fanout/sandbox/confinement.hpp"

#include <sys/prctl.h>
#include <sys/stat.h>

#include <cerrno>
#include <chrono>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "capabilities.hpp"
#include "fanout/core/deadline.hpp"
#include "fanout/sandbox/limits.hpp"
#include "fanout/sys/io.hpp"
#include "filter.hpp"
#include "landlock.hpp"
#include "resolver_places.hpp"

namespace fanout::sandbox {

using core::ErrorKind;
using core::fail;
using core::Result;
using core::system_error;

struct Confinement::State {
  Profile profile = Profile::exec;
  int landlock = 0;             // version, 0: without
  std::vector<Place> readable;  // empty without Landlock
  FilterProgram filter;         // empty: without
  std::uint64_t address_space_bytes = 0;
  // Made before a worker is forked, for those that connect to this port.
  std::optional<Ruleset> ready;
  std::uint16_t ready_port = 0;
  core::TimePoint ready_since;
};

namespace {

constexpr std::uint16_t dns_port = 53;

// How long a resolv.conf that was replaced can be out of reach: a rule holds for the file that had the name.
constexpr std::chrono::seconds ruleset_lifetime{1};

std::uint64_t folder_rights(Profile profile) {
  switch (profile) {
    case Profile::exec: return 0;
    case Profile::put: return right_read_file | right_read_dir;
    case Profile::get:
      // A folder must have been opened to be given its mode and time; no call lists what is in it.
      return right_write_file | right_truncate | right_make_reg | right_make_dir |
             right_remove_file | right_remove_dir | right_refer | right_read_dir;
    case Profile::get_again: return folder_rights(Profile::get) | right_read_file;
  }
  return 0;
}

Result<void> allow_folders(Ruleset &ruleset, Profile profile, std::span<const int> folders) {
  if (profile == Profile::exec) return {};
  const std::uint64_t rights = folder_rights(profile);
  for (const int folder : folders) {
    struct stat facts {};
    if (::fstat(folder, &facts) != 0)
      return fail(system_error(ErrorKind::local, "fstat of a folder", errno));
    if (!S_ISREG(facts.st_mode)) TRY(ruleset.allow_beneath(folder, rights));
  }
  return {};
}

Result<void> give_up_new_privileges() {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return fail(system_error(ErrorKind::local, "prctl PR_SET_NO_NEW_PRIVS", errno));
  return {};
}

const char *why_no_filters(int refusal) {
  switch (refusal) {
    case EPERM:
    case EACCES: return "seccomp is denied here";
    // An older kernel, or the filter of a container: then it is not the kernel.
    case ENOSYS:
      return is_filtered() ? "seccomp is denied here" : "no seccomp filters (needs Linux 4.14)";
    default: return "no seccomp filters (needs Linux 4.14)";
  }
}

const char *why_no_landlock(int refusal) {
  switch (refusal) {
    case EOPNOTSUPP: return "Landlock is switched off";  // not among those of lsm= at boot
    case EPERM:
    case EACCES: return "Landlock is denied here";
    default: return "no Landlock (needs Linux 5.13)";
  }
}

void name_lacking_rules(int version, std::vector<std::string> &lacking) {
  if (version < landlock_has_truncate)
    lacking.emplace_back("no Landlock rule for truncation (needs Linux 6.2)");
  if (version < landlock_has_tcp)
    lacking.emplace_back("no Landlock rules for TCP (needs Linux 6.7)");
  if (version < landlock_has_scopes)
    lacking.emplace_back("no Landlock scopes for signals and abstract sockets (needs Linux 6.12)");
}

Result<void> check(Mode mode) {
  if (mode != Mode::require) return {};
  if (const std::vector<std::string> lacking = missing(); !lacking.empty())
    return fail(ErrorKind::local, fmt::format("sandbox: {}", fmt::join(lacking, ", ")));
  return {};
}

}  // namespace

std::vector<std::string> missing() {
  std::vector<std::string> lacking;
  if (const int refusal = filters_refusal(); refusal != 0)
    lacking.emplace_back(why_no_filters(refusal));
  if (const int refusal = landlock_refusal(); refusal != 0)
    lacking.emplace_back(why_no_landlock(refusal));
  else
    name_lacking_rules(landlock_version(), lacking);
  if (!limits_fit_closely()) lacking.emplace_back("/proc is not mounted");
  return lacking;
}

Confinement::Confinement(std::unique_ptr<State> state) : state_(std::move(state)) {}
Confinement::Confinement(Confinement &&) noexcept = default;
Confinement &Confinement::operator=(Confinement &&) noexcept = default;
Confinement::~Confinement() = default;

Result<Confinement> Confinement::prepare(Mode mode, Profile profile) {
  TRY(check(mode));
  auto state = std::make_unique<State>();
  state->profile = profile;
  state->address_space_bytes = worker_address_space_bytes();
  if (mode != Mode::off) {
    state->landlock = landlock_version();
    if (state->landlock > 0) state->readable = resolver_places();
    if (filters_refusal() == 0) {
      TRY_ASSIGN(state->filter, build_filter(worker_calls(profile)));
    }
  }
  return Confinement(std::move(state));
}

Result<Ruleset> Confinement::ruleset_for_connecting(std::uint16_t port) const {
  TRY_ASSIGN(Ruleset ruleset, Ruleset::create(state_->landlock));
  TRY(allow_reading(ruleset, state_->readable));
  TRY(ruleset.allow_connecting_to(port));
  TRY(ruleset.allow_connecting_to(dns_port));
  return ruleset;
}

void Confinement::make_ready(std::uint16_t port) {
  if (state_->landlock == 0 || state_->profile != Profile::exec) return;
  const core::TimePoint now = sys::now();
  if (state_->ready && state_->ready_port == port && now - state_->ready_since < ruleset_lifetime)
    return;
  state_->ready.reset();
  // Without it, each worker makes its own, and says what is wrong.
  if (auto made = ruleset_for_connecting(port)) state_->ready.emplace(*std::move(made));
  state_->ready_port = port;
  state_->ready_since = now;
}

Result<void> Confinement::before_connecting(std::uint16_t port,
                                            std::span<const int> folders) const {
  TRY(limit_worker(state_->profile, state_->address_space_bytes));
  if (state_->landlock == 0) return {};
  std::optional<Ruleset> ruleset;
  // What is inherited is closed here in any case: whoever could add a rule to it would add it to those that come after.
  ruleset.swap(state_->ready);
  if (!ruleset || state_->ready_port != port) {
    TRY_ASSIGN(ruleset, ruleset_for_connecting(port));
  }
  TRY(allow_folders(*ruleset, state_->profile, folders));
  return ruleset->enter();
}

Result<void> Confinement::before_reading(std::span<const int> folders) const {
  TRY(give_up_new_privileges());
  if (state_->landlock > 0) {
    TRY_ASSIGN(Ruleset ruleset, Ruleset::create(state_->landlock));
    TRY(allow_folders(ruleset, state_->profile, folders));
    TRY(ruleset.enter());
  }
  TRY(limit_descriptors(state_->profile, folders.size()));
  if (state_->filter.empty()) return {};
  return install_filter(state_->filter, Threads::calling);
}

Result<void> confine_key_holder(Mode mode, bool has_agent) {
  if (mode == Mode::off) return {};
  TRY(check(mode));
  FilterProgram filter;
  if (filters_refusal() == 0) {
    TRY_ASSIGN(filter, build_filter(key_holder_calls(has_agent)));
  }
  TRY(hide_memory());
  TRY(give_up_new_privileges());
  // The agent of another user, as after sudo, is reached by the right of root to enter any folder.
  TRY(keep_capabilities(has_agent ? capability_to_write_all : 0));
  if (const int version = landlock_version(); version > 0) {
    TRY_ASSIGN(const Ruleset ruleset, Ruleset::create(version));
    TRY(ruleset.enter());
  }
  if (filter.empty()) return {};
  return install_filter(filter, Threads::all);
}

}  // namespace fanout::sandbox
