// One function a key.
#include "keys.hpp"

#include <array>
#include <charconv>

#include <fmt/format.h>

#include "fanout/core/duration.hpp"
#include "fanout/inventory/pattern.hpp"
#include "names.hpp"

namespace fanout::inventory {

namespace {

using core::ErrorKind;
using core::fail;
using core::HostSettings;
using core::Result;

tl::unexpected<core::Error> refuse(std::string_view value, std::string_view reason) {
  return fail(ErrorKind::usage, fmt::format("{} {}", in_quotes(value), reason));
}

// A key twice in a section is found by name; this finds `ip` beside `address`.
template <class T, class U>
Result<void> set_once(std::optional<T> &field, U &&value) {
  if (field) return fail(ErrorKind::usage, "the same setting is there under another name");
  field.emplace(std::forward<U>(value));
  return {};
}

// The parts of a list, at commas or blanks.
std::vector<std::string> split_list(std::string_view value, std::string_view separators) {
  std::vector<std::string> parts;
  while (!value.empty()) {
    const std::size_t end = value.find_first_of(separators);
    if (const std::string_view part = trimmed(value.substr(0, end)); !part.empty())
      parts.emplace_back(part);
    value.remove_prefix(end == std::string_view::npos ? value.size() : end + 1);
  }
  return parts;
}

Result<void> set_address(std::string_view value, HostSettings &settings) {
  std::string_view address = value;
  if (address.size() > 2 && address.front() == '[' && address.back() == ']')
    address = address.substr(1, address.size() - 2);
  if (auto wrong = wrong_with_host(address)) return refuse(value, "is not an address: " + *wrong);
  return set_once(settings.address, std::string(address));
}

Result<void> set_port(std::string_view value, HostSettings &settings) {
  const auto port = parse_port(value);
  if (!port) return refuse(value, "is not a port: a number from 1 to 65535 is");
  return set_once(settings.port, *port);
}

Result<void> set_user(std::string_view value, HostSettings &settings) {
  if (auto wrong = wrong_with_user(value)) return refuse(value, "is not a user name: " + *wrong);
  return set_once(settings.user, std::string(value));
}

constexpr std::string_view two_passwords = "there is both a password and a password_command";

Result<void> set_password_command(std::string_view value, HostSettings &settings) {
  if (settings.password) return fail(ErrorKind::usage, std::string(two_passwords));
  return set_once(settings.password_command, std::string(value));
}

Result<void> set_identity(std::string_view value, HostSettings &settings) {
  settings.identities = split_list(value, ",");
  if (settings.identities.empty()) return refuse(value, "names no file");
  for (const std::string &path : settings.identities)
    if (path.front() == '-') return refuse(path, "begins with a dash; write ./ before it");
  return {};
}

Result<void> set_host_key(std::string_view value, HostSettings &settings) {
  for (const auto policy :
       {core::HostKeyPolicy::strict, core::HostKeyPolicy::accept_new, core::HostKeyPolicy::off})
    if (value == to_string(policy)) return set_once(settings.host_key, policy);
  return refuse(value, "is not strict, accept-new or off");
}

Result<void> set_jump(std::string_view value, HostSettings &settings) {
  if (value != "none") {
    const auto hops = split_list(value, ",");
    if (hops.empty()) return refuse(value, "names no host");
    for (const std::string &hop : hops) TRY(parse_target(hop));
  }
  return set_once(settings.jump, std::string(value));
}

Result<void> set_priority(std::string_view value, HostSettings &settings) {
  int priority = 0;
  const char *end = value.data() + value.size();
  const auto [stopped, problem] = std::from_chars(value.data(), end, priority);
  if (problem != std::errc() || stopped != end) return refuse(value, "is not a whole number");
  return set_once(settings.priority, priority);
}

Result<void> set_connect_timeout(std::string_view value, HostSettings &settings) {
  TRY_ASSIGN(const auto duration, core::parse_duration(value));
  return set_once(settings.connect_timeout, duration);
}

Result<void> set_timeout(std::string_view value, HostSettings &settings) {
  TRY_ASSIGN(const auto duration, core::parse_duration(value));
  return set_once(settings.timeout, duration);
}

Result<void> set_sudo(std::string_view value, HostSettings &settings) {
  if (value == "yes") return set_once(settings.sudo, "root");
  if (auto wrong = wrong_with_user(value))
    return refuse(value, "is not yes, no or a user name: " + *wrong);
  return set_once(settings.sudo, std::string(value));
}

Result<void> set_sudo_password_command(std::string_view value, HostSettings &settings) {
  return set_once(settings.sudo_password_command, std::string(value));
}

Result<void> set_tags(std::string_view value, HostSettings &settings) {
  settings.tags = split_list(value, ", \t");
  for (const std::string &tag : settings.tags)
    if (auto wrong = wrong_with_tag(tag)) return refuse(tag, "is not a tag: " + *wrong);
  return {};
}

Result<void> set_environment(std::string_view name, std::string_view value,
                             HostSettings &settings) {
  constexpr std::string_view digits = "0123456789";
  constexpr std::string_view letters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";
  if (name.empty() || digits.find(name.front()) != std::string_view::npos ||
      name.find_first_not_of(letters) != std::string_view::npos)
    return refuse(name, "is not the name of an environment variable");
  settings.env.emplace(name, value);
  return {};
}

struct Key {
  std::string_view name;
  Result<void> (*set)(std::string_view value, HostSettings &settings);
  KeyUse use = KeyUse::setting;
};

constexpr std::array<Key, 14> keys{{
    {"ip", set_address},
    {"address", set_address},
    {"port", set_port},
    {"user", set_user},
    {"password_command", set_password_command, KeyUse::command},
    {"identity", set_identity},
    {"host_key", set_host_key},
    {"jump", set_jump},
    {"priority", set_priority},
    {"connect_timeout", set_connect_timeout},
    {"timeout", set_timeout},
    {"sudo", set_sudo},
    {"sudo_password_command", set_sudo_password_command, KeyUse::command},
    {"tags", set_tags},
}};
constexpr std::string_view environment_prefix = "env.";

bool has_control_byte(std::string_view value) {
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\t') || byte == 0x7f) return true;
  }
  return false;
}

}  // namespace

Result<KeyUse> apply_key(std::string_view key, std::string_view value, HostSettings &settings) {
  if (has_control_byte(value)) return refuse(value, "holds a control byte");
  if (key.starts_with(environment_prefix)) {
    TRY(set_environment(key.substr(environment_prefix.size()), value, settings));
    return KeyUse::setting;
  }
  for (const Key &known : keys) {
    if (known.name != key) continue;
    if (value.empty()) return fail(ErrorKind::usage, "a value is missing");
    TRY(known.set(value, settings));
    return known.use;
  }
  return KeyUse::unknown;
}

Result<void> apply_password(core::Secret password, HostSettings &settings) {
  if (settings.password_command) return fail(ErrorKind::usage, std::string(two_passwords));
  return set_once(settings.password, std::move(password));
}

bool is_password_key(std::string_view key) { return key == "passwd" || key == "password"; }

bool is_known_key(std::string_view key) {
  if (key == "hosts" || is_password_key(key) || key.starts_with(environment_prefix)) return true;
  for (const Key &known : keys)
    if (known.name == key) return true;
  return false;
}

std::vector<std::string> known_keys() {
  std::vector<std::string> names{"hosts", "passwd", "password", "env.NAME"};
  for (const Key &known : keys) names.emplace_back(known.name);
  return names;
}

std::string_view to_string(core::HostKeyPolicy policy) {
  switch (policy) {
    case core::HostKeyPolicy::strict: return "strict";
    case core::HostKeyPolicy::accept_new: return "accept-new";
    case core::HostKeyPolicy::off: return "off";
  }
  return "";
}

void drop_undone(HostSettings &settings) {
  if (settings.password && settings.password->empty()) settings.password.reset();
  if (settings.sudo == "no") settings.sudo.reset();
  if (settings.jump == "none") settings.jump.reset();
}

}  // namespace fanout::inventory
