// Comma-separated names (RFC 4251, section 5, name-list).
#pragma once

#include <algorithm>
#include <string_view>

namespace fanout::ssh {

inline bool lists(std::string_view names, std::string_view wanted) {
  while (!names.empty()) {
    const std::size_t comma = std::min(names.find(','), names.size());
    if (names.substr(0, comma) == wanted) return true;
    names.remove_prefix(std::min(comma + 1, names.size()));
  }
  return false;
}

}  // namespace fanout::ssh
