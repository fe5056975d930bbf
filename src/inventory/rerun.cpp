#include "rerun.hpp"

#include <optional>

#include <fmt/format.h>

#include "names.hpp"
#include "settings.hpp"

namespace fanout::inventory {

using core::ErrorKind;
using core::fail;
using core::Result;

namespace {

Result<Target> target_of(const core::NamedHost &host, const InventoryData &data,
                         const core::HostSettings &overrides) {
  TRY_ASSIGN(Target target, parse_target(host.name));
  if (!target.user.empty())
    return fail(ErrorKind::usage, fmt::format("{} is not a host name", in_quotes(host.name)));
  auto known = data.find_host(target.name);
  if (!known && target.port != 0) known = data.find_host(target.host());
  drop_usual_port(target, data, overrides);
  if (known) return target;

  // The name alone leads to another machine, or to none.
  if (host.address != target.host())
    return fail(ErrorKind::usage,
                fmt::format("{} was {}, which only its inventory can say: give that with -i",
                            host.name, in_quotes(host.address)));
  if (target.port == 0 && !overrides.port && host.port != usual_port(data, overrides, std::nullopt))
    target.port = host.port;
  if (!overrides.user && !host.user.empty()) {
    if (const auto wrong = wrong_with_user(host.user))
      return fail(ErrorKind::usage, fmt::format("{}: {} is not a user name: {}", host.name,
                                                in_quotes(host.user), *wrong));
    target.user = host.user;
  }
  return target;
}

}  // namespace

Result<TargetSet> targets_of(const std::vector<core::NamedHost> &hosts, const InventoryData &data,
                             const core::HostSettings &overrides) {
  TargetSet targets;
  targets.reserve(hosts.size());
  for (const core::NamedHost &host : hosts) {
    TRY_ASSIGN(Target target, target_of(host, data, overrides));
    TRY(targets.add(std::move(target)));
  }
  return targets;
}

std::string_view describe(core::Rerun what) {
  switch (what) {
    case core::Rerun::failed: return "has failed";
    case core::Rerun::unreached: return "is unreached";
    case core::Rerun::unfinished: return "is unfinished";
    case core::Rerun::not_ok: return "is other than ok";
  }
  return "is other than ok";
}

}  // namespace fanout::inventory
