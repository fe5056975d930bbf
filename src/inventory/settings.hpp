// Who says what of a host: its sources, strongest first.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "data.hpp"
#include "fanout/core/host.hpp"
#include "fanout/inventory/selection.hpp"

namespace fanout::inventory {

inline constexpr std::uint16_t ssh_port = 22;

struct Source {
  const core::HostSettings *settings;
  std::string_view origin;
  bool operator==(const Source &other) const { return settings == other.settings; }
};

// The sources of the inventory for one of its hosts, or for a host that it does not know.
void append_inventory_sources(const InventoryData &data, std::optional<NameId> host,
                              std::vector<Source> &sources);

// The port that a host has when no port is written with its name.
std::uint16_t usual_port(const InventoryData &data, const core::HostSettings &overrides,
                         std::optional<NameId> host);

// A host with the port that it has anyway is called without it, unless the inventory has it under the name with the port.
void drop_usual_port(Target &target, const InventoryData &data,
                     const core::HostSettings &overrides);

}  // namespace fanout::inventory
