#include "landlock.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace fanout::sandbox {

using core::ErrorKind;
using core::fail;
using core::Result;
using core::system_error;

namespace {

// The same on every architecture.
#ifdef SYS_landlock_create_ruleset
constexpr long create_ruleset = SYS_landlock_create_ruleset;
constexpr long add_rule = SYS_landlock_add_rule;
constexpr long restrict_self = SYS_landlock_restrict_self;
#else
constexpr long create_ruleset = 444;
constexpr long add_rule = 445;
constexpr long restrict_self = 446;
#endif

constexpr unsigned flag_ask_version = 1;
constexpr int rule_path_beneath = 1;
constexpr int rule_net_port = 2;

constexpr std::uint64_t net_bind_tcp = 1;
constexpr std::uint64_t net_connect_tcp = 2;
constexpr std::uint64_t scope_abstract_unix_socket = 1;
constexpr std::uint64_t scope_signal = 2;

struct RulesetAttributes {
  std::uint64_t handled_access_fs;
  std::uint64_t handled_access_net;
  std::uint64_t scoped;
};

struct [[gnu::packed]] PathBeneath {
  std::uint64_t allowed_access;
  std::int32_t parent_fd;
};

struct NetPort {
  std::uint64_t allowed_access;
  std::uint64_t port;
};

long ask_version() { return ::syscall(create_ruleset, nullptr, 0, flag_ask_version); }

std::uint64_t file_rights_of(int version) {
  std::uint64_t rights = right_refer - 1;  // the thirteen of version 1
  if (version >= 2) rights |= right_refer;
  if (version >= landlock_has_truncate) rights |= right_truncate;
  if (version >= 5) rights |= right_ioctl_dev;
  return rights;
}

}  // namespace

int landlock_version() {
  const long version = ask_version();
  return version > 0 ? static_cast<int>(version) : 0;
}

int landlock_refusal() { return ask_version() > 0 ? 0 : errno; }

Result<Ruleset> Ruleset::create(int version) {
  // A kernel that is older than an attribute takes it if it is 0.
  const RulesetAttributes attributes{
      file_rights_of(version),
      version >= landlock_has_tcp ? net_bind_tcp | net_connect_tcp : 0,
      version >= landlock_has_scopes ? scope_abstract_unix_socket | scope_signal : 0,
  };
  // Version 7 adds only flags for what is written to the audit log; its default, refusals of this program, is wanted.
  sys::UniqueFd fd = sys::UniqueFd::adopt(
      static_cast<int>(::syscall(create_ruleset, &attributes, sizeof attributes, 0)));
  if (!fd) return fail(system_error(ErrorKind::local, "landlock_create_ruleset", errno));
  return Ruleset(std::move(fd), version);  // close-on-exec from the kernel
}

Result<void> Ruleset::allow_beneath(int place, std::uint64_t rights) {
  const PathBeneath rule{rights & file_rights_of(version_), place};
  if (::syscall(add_rule, fd_.get(), rule_path_beneath, &rule, 0) != 0)
    return fail(system_error(ErrorKind::local, "landlock_add_rule", errno));
  return {};
}

Result<void> Ruleset::allow_connecting_to(std::uint16_t port) {
  if (version_ < landlock_has_tcp) return {};
  const NetPort rule{net_connect_tcp, port};
  if (::syscall(add_rule, fd_.get(), rule_net_port, &rule, 0) != 0)
    return fail(system_error(ErrorKind::local, "landlock_add_rule", errno));
  return {};
}

Result<void> Ruleset::enter() const {
  if (::syscall(restrict_self, fd_.get(), 0) != 0)
    return fail(system_error(ErrorKind::local, "landlock_restrict_self", errno));
  return {};
}

}  // namespace fanout::sandbox
