// Who prints something else than most, as soon as that is to be seen: when one output is that of more than half of the hosts
// whose commands have ended, and of enough of them, every host outside of it is named, each at most once. Pure.
//
// Enough is a tenth of the run, two hosts at least and twenty at most: the first few that end tell little of a thousand.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "fanout/core/host.hpp"

namespace fanout::report {

class Outliers {
public:
  // `hosts` of the whole run.
  explicit Outliers(std::size_t hosts);

  struct Named {
    std::vector<core::HostIndex> hosts;  // in the order of the selection; mostly none
    std::size_t others = 0;              // have printed the same
  };

  // One more host has ended, with an output of this identity. Who is to be named.
  Named add(core::HostIndex host, std::string_view identity);

private:
  struct Group {
    std::size_t hosts = 0;
    std::vector<core::HostIndex> unnamed;
  };

  std::size_t enough_;
  std::unordered_map<std::string, Group> groups_;  // which stay where they are
  std::vector<Group *> with_unnamed_;
  Group *largest_ = nullptr;
  std::size_t hosts_ = 0;
};

}  // namespace fanout::report
