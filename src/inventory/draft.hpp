// An inventory as it was written down, before names are looked up: what ini.cpp and ansible.cpp produce and build.cpp reads.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "fanout/core/host.hpp"
#include "fanout/core/result.hpp"

namespace fanout::inventory {

struct Member {
  enum class Kind {
    pattern,
    host,
    group
  };  // in hosts.ini all are patterns; JSON tells the other two apart
  Kind kind = Kind::pattern;
  std::string text;
  int line = 0;
};

struct Section {
  enum class Kind { group, host, empty };
  std::string name;
  Kind kind = Kind::empty;
  int line = 0;
  bool has_settings = false;
  core::HostSettings settings;
  std::vector<Member> members;  // of a group
};

struct Draft {
  std::string file;
  core::HostSettings defaults;
  int defaults_line = 0;
  std::vector<Section>
      sections;           // in the order of the file, names are unique among groups and among hosts
  int password_line = 0;  // of the first password; -1 where there are no lines
  int command_line = 0;   // of the first setting that runs a local command
  bool lenient_groups = false;  // a group that is not there is empty: `ungrouped` in JSON
};

// "FILE:LINE: " before the message, or "FILE: " where the line is not known.
core::Error error_at(const Draft &draft, int line, const core::Error &error);
tl::unexpected<core::Error> fail_at(const Draft &draft, int line, std::string message);

}  // namespace fanout::inventory
