// Hosts by what they have printed on one stream. Each output is kept once, in the Spill, however many hosts have printed it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "fanout/core/host.hpp"
#include "fanout/core/outcome.hpp"
#include "fanout/report/spill.hpp"
#include "printed.hpp"

namespace fanout::report {

struct OutputGroup {
  std::vector<core::HostIndex> hosts;  // in the order of the selection
  std::size_t comparable = 0;          // of which the commands have ended by themselves
  std::array<std::size_t, core::status_count> statuses{};
  std::string end_of_one;           // how it ended, if it is one host that is not ok
  std::optional<HeldText> text;     // always there
  std::uint64_t missing_bytes = 0;  // of the text
  core::HostIndex whose = 0;        // the text is; of equal ones only the masked text is

  void add(core::HostIndex host, const core::Outcome &outcome);
  void sort();
  [[nodiscard]] std::uint64_t bytes() const { return (text ? text->size() : 0) + missing_bytes; }
  [[nodiscard]] bool is_silent() const { return bytes() == 0; }
  [[nodiscard]] bool all_ok() const {
    return statuses[static_cast<std::size_t>(core::Status::ok)] == hosts.size();
  }
};

class OutputGroups {
public:
  // The text of `printed` is moved away, or given back to its Spill.
  void add(core::HostIndex host, std::string_view identity, const core::Outcome &outcome,
           PrintedStream &printed);

  // After the last host, once. Groups have no order before.
  void sort();
  // The largest one first; of groups of one size that one whose first host comes first. Valid as long as this.
  [[nodiscard]] const std::vector<const OutputGroup *> &sorted() const { return sorted_; }

  // What the others are compared with: the group with most hosts that are comparable; null without one.
  [[nodiscard]] const OutputGroup *largest_comparable() const;
  // The one with this identity or this host; null if there is none.
  [[nodiscard]] const OutputGroup *find(std::string_view identity) const;
  [[nodiscard]] const OutputGroup *find(core::HostIndex host) const;

private:
  std::deque<OutputGroup> groups_;
  std::unordered_map<std::string, OutputGroup *> by_identity_;
  std::vector<const OutputGroup *> sorted_;
};

}  // namespace fanout::report
