// Named one by one and not as /etc: for root that would be /etc/shadow and the host's own keys, and an answer of a
// name server is a stranger's word like any other. Symbolic links are followed, so the resolv.conf of systemd or
// NetworkManager is its target in /run, and the secrets beside it are not.
//
// They are opened anew for every ruleset, and those do not last: a rule holds for the file that had the name, and a
// resolv.conf that is replaced in the middle of a run would be out of reach for the rest of it.
#include "resolver_places.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

namespace fanout::sandbox {

using core::Result;

namespace {

constexpr std::array candidates = {
    // resolver(5), nsswitch.conf(5), getaddrinfo(3)
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/nsswitch.conf",
    "/etc/gai.conf",
    "/etc/services",
    "/etc/protocols",
    "/etc/networks",
    "/etc/hostname",
    // what the distribution ships where /etc holds only changes
    "/usr/etc/nsswitch.conf",
    "/usr/etc/host.conf",
    "/usr/etc/gai.conf",
    "/usr/etc/services",
    "/usr/etc/protocols",
    // plug-ins of nsswitch.conf: the databases of nss_db, multicast names, the caches of SSSD
    "/var/lib/misc/services.db",
    "/var/lib/misc/protocols.db",
    "/etc/mdns.allow",
    "/var/lib/sss/mc",
    // the plug-ins themselves and what they link to (ld.so(8)), character sets of international names
    "/etc/ld.so.cache",
    "/usr/lib",
    "/usr/lib64",
    "/lib",
    "/lib64",
    "/usr/local/lib",
    "/nix/store",
    "/gnu/store",
};

// Files of the user's own (hostname(7), host.conf(5)). The C library follows these under the same condition: not in a
// program that has gained rights.
constexpr std::array variables = {"HOSTALIASES", "RESOLV_HOST_CONF"};

class Collection {
public:
  // Links are followed: /lib is /usr/lib on most systems.
  void add(const char *path, bool must_be_file) {
    struct stat facts {};
    if (::stat(path, &facts) != 0 || (must_be_file && !S_ISREG(facts.st_mode))) return;
    const std::pair identity(facts.st_dev, facts.st_ino);
    if (std::find(seen_.begin(), seen_.end(), identity) != seen_.end()) return;
    seen_.push_back(identity);
    places_.push_back({path, facts.st_mode & S_IFMT});
  }
  std::vector<Place> take() { return std::move(places_); }

private:
  std::vector<Place> places_;
  std::vector<std::pair<dev_t, ino_t>> seen_;
};

}  // namespace

std::vector<Place> resolver_places() {
  Collection places;
  for (const char *path : candidates) places.add(path, false);
  // A folder would open everything beneath it.
  for (const char *variable : variables)
    if (const char *path = ::secure_getenv(variable); path != nullptr) places.add(path, true);
  return places.take();
}

Result<void> allow_reading(Ruleset &ruleset, const std::vector<Place> &places) {
  for (const Place &place : places) {
    const sys::UniqueFd fd = sys::UniqueFd::adopt(::open(place.path.c_str(), O_PATH | O_CLOEXEC));
    struct stat facts {};
    if (fd && ::fstat(fd.get(), &facts) == 0 && (facts.st_mode & S_IFMT) == place.type)
      TRY(ruleset.allow_beneath(fd.get(), right_read_file));
  }
  return {};
}

}  // namespace fanout::sandbox
