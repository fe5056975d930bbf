// Short ways to make inventories and selections in tests.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "fanout/inventory/inventory.hpp"
#include "fanout/inventory/selection.hpp"

namespace fanout::inventory {

inline Inventory ini(std::string_view text) {
  auto inventory = parse_ini(text, "hosts.ini");
  if (!inventory) FAIL(inventory.error().message);
  return std::move(*inventory);
}

// The message with which a text is refused; empty if it is accepted.
inline std::string ini_error(std::string_view text) {
  auto inventory = parse_ini(text, "hosts.ini");
  if (inventory) return "";
  CHECK(inventory.error().kind == core::ErrorKind::usage);
  return inventory.error().message;
}

inline SelectionSources sources() {
  SelectionSources sources;
  sources.current_user = "me";
  sources.home = "/home/me";
  return sources;
}

inline std::vector<std::string> names_of(const std::vector<core::Host> &hosts) {
  std::vector<std::string> names;
  for (const core::Host &host : hosts) names.push_back(host.name);
  return names;
}

inline std::vector<core::Host> selected(const Inventory &inventory,
                                        const core::Selection &selection,
                                        const core::HostSettings &overrides = {},
                                        const SelectionSources &from = sources()) {
  auto hosts = select(inventory, selection, overrides, from);
  if (!hosts) FAIL(hosts.error().message);
  return std::move(*hosts);
}

inline std::string selection_error(const Inventory &inventory, const core::Selection &selection,
                                   const core::HostSettings &overrides = {},
                                   const SelectionSources &from = sources()) {
  auto hosts = select(inventory, selection, overrides, from);
  if (hosts) return "";
  CHECK(hosts.error().kind == core::ErrorKind::usage);
  return hosts.error().message;
}

inline core::Selection hosts(std::string list) {
  core::Selection selection;
  selection.hosts.push_back(std::move(list));
  return selection;
}
inline core::Selection groups(std::string list) {
  core::Selection selection;
  selection.groups.push_back(std::move(list));
  return selection;
}
inline core::Selection all() {
  core::Selection selection;
  selection.all = true;
  return selection;
}

using Names = std::vector<std::string>;

}  // namespace fanout::inventory
