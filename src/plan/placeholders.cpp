#include "fanout/plan/placeholders.hpp"

#include <optional>

namespace fanout::plan {

namespace {

std::optional<std::string> value_of(std::string_view name, const core::Host &host,
                                    std::size_t index, std::size_t count) {
  if (name == "host") return quote_for_shell(host.name);
  if (name == "address") return quote_for_shell(host.address);
  if (name == "port") return std::to_string(host.port);
  if (name == "user") return quote_for_shell(host.user);
  if (name == "index") return std::to_string(index);
  if (name == "count") return std::to_string(count);
  return std::nullopt;
}

}  // namespace

std::string quote_for_shell(std::string_view text) {
  constexpr std::string_view harmless =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:@%+,";
  if (!text.empty() && text.find_first_not_of(harmless) == std::string_view::npos)
    return std::string(text);
  std::string quoted = "'";
  for (const char c : text)
    if (c == '\'')
      quoted += "'\\''";
    else
      quoted += c;
  return quoted + "'";
}

std::string fill_placeholders(std::string_view command, const core::Host &host, std::size_t index,
                              std::size_t count) {
  std::string filled;
  while (!command.empty()) {
    const std::size_t open = command.find('{');
    filled += command.substr(0, open);
    if (open == std::string_view::npos) break;
    command.remove_prefix(open);
    if (command.starts_with("{{")) {
      filled += '{';
      command.remove_prefix(2);
      continue;
    }
    const std::size_t close = command.find('}');
    const auto value = close == std::string_view::npos
                           ? std::nullopt
                           : value_of(command.substr(1, close - 1), host, index, count);
    filled += value ? *value : "{";
    command.remove_prefix(value ? close + 1 : 1);
  }
  return filled;
}

}  // namespace fanout::plan
