#include "fanout/inventory/listing.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "fanout/inventory/fold.hpp"
#include "keys.hpp"

namespace fanout::inventory {

namespace {

constexpr int listing_version = 1;

double seconds(std::chrono::milliseconds duration) {
  return std::chrono::duration<double>(duration).count();
}

nlohmann::ordered_json to_json(const core::Host &host) {
  const core::HostSettings &settings = host.settings;
  nlohmann::ordered_json json;
  json["v"] = listing_version;
  json["host"] = host.name;
  json["name"] = host.name;
  json["address"] = host.address;
  json["port"] = host.port;
  json["user"] = host.user;
  json["groups"] = host.groups;
  json["tags"] = settings.tags;
  if (settings.priority) json["priority"] = *settings.priority;
  if (!settings.identities.empty()) json["identities"] = settings.identities;
  if (settings.jump) json["jump"] = *settings.jump;
  if (settings.host_key) json["host_key"] = to_string(*settings.host_key);
  if (settings.sudo) json["sudo"] = *settings.sudo;
  if (settings.connect_timeout) json["connect_timeout"] = seconds(*settings.connect_timeout);
  if (settings.timeout) json["timeout"] = seconds(*settings.timeout);
  if (settings.password || settings.password_command) json["password"] = true;
  return json;
}

}  // namespace

std::string format_fold(std::span<const Choice> choices) {
  std::vector<std::string_view> names;
  names.reserve(choices.size());
  for (const Choice &choice : choices) names.emplace_back(choice.target.name);
  return fold(names) + "\n";
}

std::string format_expand(std::span<const Choice> choices) {
  std::string text;
  for (const Choice &choice : choices) text.append(choice.target.name) += '\n';
  return text;
}

std::string format_json(std::span<const core::Host> hosts) {
  std::string text;
  for (const core::Host &host : hosts)
    // Paths may be in any encoding.
    text += to_json(host).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  return text;
}

std::string format_effective(std::span<const Explanation> hosts) {
  std::string text;
  for (const Explanation &host : hosts) {
    if (!text.empty()) text += '\n';
    text += host.name + "\n";
    std::size_t key_width = 0;
    std::size_t value_width = 0;
    for (const Setting &setting : host.settings) {
      key_width = std::max(key_width, setting.key.size());
      // One long command must not push everything else aside.
      if (setting.value.size() <= 32) value_width = std::max(value_width, setting.value.size());
    }
    for (const Setting &setting : host.settings)
      text += fmt::format("  {:<{}}  {:<{}}  {}\n", setting.key, key_width, setting.value,
                          value_width, setting.origin);
  }
  return text;
}

}  // namespace fanout::inventory
