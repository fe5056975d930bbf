// Words of what hosts print that do not count when outputs are compared (--mask): each stands as {host}, {ip} or {number}
// then.
#pragma once

namespace fanout::core {

struct Masking {
  bool host =
      false;  // what the host itself is called: its name, its address, its name without the domain
  bool ip = false;      // any IPv4 or IPv6 address
  bool number = false;  // any run of decimal digits

  [[nodiscard]] bool any() const { return host || ip || number; }
};

}  // namespace fanout::core
