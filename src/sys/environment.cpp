// The strings of the environment lie above the stack (execve(2)), and every child inherits them, wanted or not.

#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "fanout/sys/process.hpp"

namespace fanout::sys {

void clear_environment(std::initializer_list<std::string_view> kept) {
  if (environ == nullptr) return;
  char **last = environ;
  for (char **entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::string_view name = text.substr(0, text.find('='));
    if (std::find(kept.begin(), kept.end(), name) != kept.end())
      *last++ = *entry;
    else
      explicit_bzero(*entry, text.size());
  }
  *last = nullptr;
}

}  // namespace fanout::sys
