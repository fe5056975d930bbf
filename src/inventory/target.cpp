// [user@]host[:port]: where the colons of a port and of an IPv6 address are told apart.
#include <fmt/format.h>

#include "fanout/inventory/pattern.hpp"
#include "names.hpp"

namespace fanout::inventory {

using core::ErrorKind;
using core::fail;
using core::Result;

std::string_view Target::host() const {
  std::string_view host = name;
  if (port == 0 || host.empty()) return host;
  if (host.front() == '[') return host.substr(1, host.find(']') - 1);
  // Without a colon, the port was asked for but is the one that the name has anyway.
  const std::size_t colon = host.find(':');
  if (colon == std::string_view::npos || host.find(':', colon + 1) != std::string_view::npos)
    return host;
  return host.substr(0, colon);
}

Result<Target> parse_target(std::string_view text) {
  const auto refuse = [&](std::string_view what, std::string_view part, std::string_view reason) {
    if (part == text)
      return fail(ErrorKind::usage, fmt::format("{} is not {}: {}", in_quotes(text), what, reason));
    return fail(ErrorKind::usage, fmt::format("{}: {} is not {}: {}", in_quotes(text),
                                              in_quotes(part), what, reason));
  };
  Target target;
  std::string_view host = text;
  if (is_plain(text)) {  // most are; the rest looks for what is not there
    if (auto wrong = wrong_with_name(text)) return refuse("a host name", text, *wrong);
    target.name = text;
    return target;
  }

  // The last one, as for ssh: a user may be user@realm.
  if (const std::size_t at = host.rfind('@'); at != std::string_view::npos) {
    target.user = host.substr(0, at);
    host.remove_prefix(at + 1);
    if (auto wrong = wrong_with_user(target.user))
      return refuse("a user name", target.user, *wrong);
  }

  std::string_view port;
  bool has_port = false;
  if (!host.empty() && host.front() == '[') {
    const std::size_t end = host.find(']');
    if (end == std::string_view::npos) return refuse("a host", host, "a [ without its ]");
    const std::string_view behind = host.substr(end + 1);
    host = host.substr(1, end - 1);
    if (!is_ipv6_address(host))
      return refuse("an IPv6 address", host, "brackets with a colon hold one");
    if (!behind.empty()) {
      if (behind.front() != ':')
        return refuse("a port", behind, "a colon is expected after the bracket");
      has_port = true;
      port = behind.substr(1);
    }
  } else if (const std::size_t colon = host.find(':');
             colon != std::string_view::npos &&
             host.find(':', colon + 1) == std::string_view::npos) {
    has_port = true;
    port = host.substr(colon + 1);
    host = host.substr(0, colon);
  }
  if (auto wrong = wrong_with_host(host)) return refuse("a host name", host, *wrong);
  if (!has_port) {
    target.name = host;
    return target;
  }

  const auto number = parse_port(port);
  if (!number) return refuse("a port", port, "a number from 1 to 65535 is");
  target.port = *number;
  const bool ipv6 = host.find(':') != std::string_view::npos;
  target.name = fmt::format("{}{}{}:{}", ipv6 ? "[" : "", host, ipv6 ? "]" : "", target.port);
  if (target.name.size() > longest_name_bytes)
    return refuse("a host name", host, "it is too long with its port");
  return target;
}

}  // namespace fanout::inventory
