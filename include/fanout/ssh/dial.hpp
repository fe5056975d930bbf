// From a name and a port to a connected TCP socket. Runs in a worker.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <vector>

#include "fanout/core/deadline.hpp"
#include "fanout/core/result.hpp"
#include "fanout/ssh/wait.hpp"
#include "fanout/sys/fd.hpp"

namespace fanout::ssh {

enum class AddressFamily : std::uint8_t { any, ipv4, ipv6 };

struct Address {
  sockaddr_storage storage{};
  socklen_t length = 0;
};

// "10.0.0.7" or "fe80::1%eth0".
std::string format_address(const Address &address);
// "10.0.0.7:22" or "[fe80::1%eth0]:22".
std::string format_endpoint(const Address &address);

// getaddrinfo(3). Blocks for as long as the system's resolver does (resolv.conf(5), timeout and attempts) and hears
// nothing meanwhile: the parent's watchdog bounds it. At most 8 addresses a family. ErrorKind::resolve, or
// ErrorKind::local when this machine was at fault; addresses that name no single host (0.0.0.0, multicast) are refused.
core::Result<std::vector<Address>> resolve(const std::string &name, std::uint16_t port,
                                           AddressFamily family);

struct Connected {
  sys::UniqueFd socket;  // non-blocking, close-on-exec, TCP_NODELAY, SO_KEEPALIVE
  Address peer;
};

// Tries the addresses in turn; each gets its share of the time that is left. ErrorKind::timeout when every one was
// silent, ErrorKind::unreachable with each one's reason otherwise.
core::Result<Connected> connect_to_any(const std::vector<Address> &addresses,
                                       core::Deadline deadline, const Wait &wait);

}  // namespace fanout::ssh
