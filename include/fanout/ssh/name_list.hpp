// Comma-separated names (RFC 4251, section 5, name-list).
#pragma once

#include <algorithm>
#include <string_view>

namespace fanout::ssh {

// Takes the first name, and its comma, off the front of `names`.
inline std::string_view take_name(std::string_view &names) {
  const std::size_t comma = std::min(names.find(','), names.size());
  const std::string_view name = names.substr(0, comma);
  names.remove_prefix(std::min(comma + 1, names.size()));
  return name;
}

inline bool lists(std::string_view names, std::string_view wanted) {
  while (!names.empty())
    if (take_name(names) == wanted) return true;
  return false;
}

}  // namespace fanout::ssh
