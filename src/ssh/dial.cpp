#include "fanout/ssh/dial.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "fanout/sys/io.hpp"

namespace fanout::ssh {

using core::Deadline;
using core::ErrorKind;
using core::fail;
using core::Result;
using core::system_error;

namespace {

constexpr std::size_t max_addresses_per_family = 8;

const sockaddr *generic(const Address &address) {
  return static_cast<const sockaddr *>(static_cast<const void *>(&address.storage));
}

// 0.0.0.0 reaches this machine itself, multicast reaches nobody by TCP; both are slips of an inventory.
bool names_one_host(const Address &address) {
  if (address.storage.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address.storage, sizeof v4);
    const std::uint32_t bits = ntohl(v4.sin_addr.s_addr);
    return bits != INADDR_ANY && bits != INADDR_BROADCAST && !IN_MULTICAST(bits);
  }
  sockaddr_in6 v6{};
  std::memcpy(&v6, &address.storage, sizeof v6);
  return !IN6_IS_ADDR_UNSPECIFIED(&v6.sin6_addr) && !IN6_IS_ADDR_MULTICAST(&v6.sin6_addr);
}

// What most inventories hold, without the resolver: its code alone is ten pages that a worker would touch for this.
std::optional<Address> plain_address(const std::string &name, std::uint16_t port,
                                     AddressFamily family) {
  Address address;
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  if (family != AddressFamily::ipv6 && ::inet_pton(AF_INET, name.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    std::memcpy(&address.storage, &v4, sizeof v4);
    address.length = sizeof v4;
    return address;
  }
  if (family != AddressFamily::ipv4 && ::inet_pton(AF_INET6, name.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    std::memcpy(&address.storage, &v6, sizeof v6);
    address.length = sizeof v6;
    return address;
  }
  return std::nullopt;
}

Result<void> one_attempt(const sys::UniqueFd &socket, const Address &address, Deadline deadline,
                         const Wait &wait) {
  int result = 0;
  do result = ::connect(socket.get(), generic(address), address.length);
  while (result != 0 && errno == EINTR);
  if (result != 0 && errno != EINPROGRESS)
    return fail(ErrorKind::unreachable, std::generic_category().message(errno));
  TRY(wait(socket.get(), POLLOUT, deadline));
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error == ETIMEDOUT) return fail(ErrorKind::timeout, "timed out");
  if (error != 0) return fail(ErrorKind::unreachable, std::generic_category().message(error));
  return {};
}

Result<sys::UniqueFd> open_socket(int family) {
  sys::UniqueFd socket = sys::UniqueFd::adopt(
      ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
  if (!socket) return fail(system_error(ErrorKind::local, "socket", errno));
  const int on = 1;
  // NEWKEYS and the service request are two small writes: Nagle's delay would cost each host 40 ms.
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(socket.get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  return socket;
}

}  // namespace

std::string format_address(const Address &address) {
  if (address.storage.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address.storage, sizeof v4);
    const std::uint32_t bits = ntohl(v4.sin_addr.s_addr);
    return fmt::format("{}.{}.{}.{}", bits >> 24, bits >> 16 & 0xff, bits >> 8 & 0xff, bits & 0xff);
  }
  char text[NI_MAXHOST];
  if (::getnameinfo(generic(address), address.length, text, sizeof text, nullptr, 0,
                    NI_NUMERICHOST) != 0)
    return "?";
  return text;
}

std::string format_endpoint(const Address &address) {
  char host[NI_MAXHOST];
  char port[NI_MAXSERV];
  if (::getnameinfo(generic(address), address.length, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
    return "?";
  return address.storage.ss_family == AF_INET6 ? fmt::format("[{}]:{}", host, port)
                                               : fmt::format("{}:{}", host, port);
}

Result<std::vector<Address>> resolve(const std::string &name, std::uint16_t port,
                                     AddressFamily family) {
  if (const auto address = plain_address(name, port, family); address && names_one_host(*address))
    return std::vector{*address};
  addrinfo hints{};
  hints.ai_family = family == AddressFamily::any    ? AF_UNSPEC
                    : family == AddressFamily::ipv4 ? AF_INET
                                                    : AF_INET6;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV | AI_NUMERICHOST;
  const std::string service = std::to_string(port);
  addrinfo *list = nullptr;
  // A numeric address first: it needs no resolver, no configuration file and no plug-in of libc.
  int status = ::getaddrinfo(name.c_str(), service.c_str(), &hints, &list);
  if (status == EAI_NONAME) {
    hints.ai_flags = AI_NUMERICSERV;
    status = ::getaddrinfo(name.c_str(), service.c_str(), &hints, &list);
  }
  const int system = errno;
  const std::unique_ptr<addrinfo, void (*)(addrinfo *)> owner(status == 0 ? list : nullptr,
                                                              ::freeaddrinfo);
  if (status == EAI_SYSTEM || status == EAI_MEMORY)
    return fail(
        system_error(ErrorKind::local, "resolve " + name, status == EAI_SYSTEM ? system : ENOMEM));
  if (status != 0)
    return fail(ErrorKind::resolve, fmt::format("resolve {}: {}", name, ::gai_strerror(status)));

  std::vector<Address> addresses;
  std::size_t count_v4 = 0;
  std::size_t count_v6 = 0;
  for (const addrinfo *entry = list; entry != nullptr; entry = entry->ai_next) {
    if (entry->ai_family != AF_INET && entry->ai_family != AF_INET6) continue;
    std::size_t &count = entry->ai_family == AF_INET ? count_v4 : count_v6;
    if (count == max_addresses_per_family) continue;
    ++count;
    Address address;
    std::memcpy(&address.storage, entry->ai_addr, entry->ai_addrlen);
    address.length = entry->ai_addrlen;
    if (!names_one_host(address))
      return fail(ErrorKind::resolve, fmt::format("resolve {}: {} is not a host's address", name,
                                                  format_address(address)));
    addresses.push_back(address);
  }
  if (addresses.empty())
    return fail(ErrorKind::resolve, fmt::format("resolve {}: no address", name));
  return addresses;
}

Result<Connected> connect_to_any(const std::vector<Address> &addresses, Deadline deadline,
                                 const Wait &wait) {
  std::vector<std::string> reasons;
  bool all_silent = true;
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    const Address &address = addresses[i];
    Deadline share = deadline;
    if (!deadline.never()) {
      const auto now = sys::now();
      const auto left = static_cast<core::Clock::rep>(addresses.size() - i);
      share = Deadline(now + std::max(deadline.at() - now, core::Clock::duration::zero()) / left);
    }
    TRY_ASSIGN(sys::UniqueFd socket, open_socket(address.storage.ss_family));
    auto attempt = one_attempt(socket, address, share, wait);
    if (attempt) return Connected{std::move(socket), address};
    if (attempt.error().kind == ErrorKind::interrupted) return fail(std::move(attempt).error());
    const bool silent = attempt.error().kind == ErrorKind::timeout;
    all_silent = all_silent && silent;
    reasons.push_back(fmt::format("{}: {}", format_endpoint(address),
                                  silent ? "timed out" : attempt.error().message));
  }
  return fail(all_silent ? ErrorKind::timeout : ErrorKind::unreachable,
              fmt::format("connect {}", fmt::join(reasons, "; ")));
}

}  // namespace fanout::ssh
