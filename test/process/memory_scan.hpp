// Looks for text in the memory of the calling process: what somebody who has taken it over could read.
#pragma once

#include <cstddef>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>

namespace memory_scan {

// A sanitizer keeps what was freed, and maps terabytes of its own.
#ifdef FANOUT_BUILT_WITH_SANITIZERS
inline constexpr bool makes_sense = false;
#else
inline constexpr bool makes_sense = true;
#endif

// The text as it is handed around, so that the search does not find itself.
inline std::string disguise(std::string_view text) {
  std::string disguised(text);
  for (char &byte : disguised) byte = static_cast<char>(byte ^ 0x55);
  return disguised;
}

// Any mapping of /proc/self/maps that can be read. Volatile, because the bytes belong to nobody here.
[[gnu::no_sanitize("address")]] inline bool holds(std::string_view disguised) {
  std::FILE *maps = std::fopen("/proc/self/maps", "re");
  if (maps == nullptr) return false;
  bool found = false;
  char line[512];
  while (!found && std::fgets(line, sizeof line, maps) != nullptr) {
    unsigned long begin = 0;
    unsigned long end = 0;
    char rights[5] = {};
    if (std::sscanf(line, "%lx-%lx %4s", &begin, &end, rights) != 3 || rights[0] != 'r') continue;
    if (std::strstr(line, "[v") != nullptr) continue;  // vvar, vsyscall: not memory
    const auto *bytes = reinterpret_cast<const volatile char *>(begin);
    for (std::size_t at = 0; !found && at + disguised.size() <= end - begin; ++at) {
      std::size_t same = 0;
      while (same < disguised.size() && (bytes[at + same] ^ 0x55) == disguised[same]) ++same;
      found = same == disguised.size();
    }
  }
  std::fclose(maps);
  return found;
}

}  // namespace memory_scan
