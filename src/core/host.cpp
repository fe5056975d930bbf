#include "fanout/core/host.hpp"

#include <algorithm>

namespace fanout::core {

namespace {

template <class T>
void take(std::optional<T> &mine, const std::optional<T> &weaker) {
  if (!mine) mine = weaker;
}

}  // namespace

void HostSettings::fill_from(const HostSettings &weaker) {
  take(address, weaker.address);
  take(port, weaker.port);
  take(user, weaker.user);
  // One way to the password only: a stronger source that names either hides both of the weaker.
  if (!password && !password_command) {
    if (weaker.password) password = weaker.password->clone();
    password_command = weaker.password_command;
  }
  if (identities.empty()) identities = weaker.identities;
  take(host_key, weaker.host_key);
  take(jump, weaker.jump);
  take(priority, weaker.priority);
  take(connect_timeout, weaker.connect_timeout);
  take(timeout, weaker.timeout);
  take(sudo, weaker.sudo);
  take(sudo_password_command, weaker.sudo_password_command);
  env.insert(weaker.env.begin(), weaker.env.end());  // keeps what is there
  for (const std::string &tag : weaker.tags)
    if (std::find(tags.begin(), tags.end(), tag) == tags.end()) tags.push_back(tag);
}

}  // namespace fanout::core
