// The command line that ps shows is the memory of argv itself (proc(5), /proc/PID/cmdline), so a title is written over it.

#include <sys/prctl.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "fanout/sys/process.hpp"

namespace fanout::sys {

namespace {

// Written once by main before anything else runs; the place belongs to the process, not to an object.
char *command_line = nullptr;
std::size_t command_line_bytes = 0;

}  // namespace

void remember_command_line(int argc, char **argv) {
  if (argc < 1) return;
  char *end = argv[0] + std::strlen(argv[0]) + 1;
  for (int i = 1; i < argc && argv[i] == end; ++i) end += std::strlen(argv[i]) + 1;
  command_line = argv[0];
  command_line_bytes = static_cast<std::size_t>(end - argv[0]);
}

void set_process_title(const std::string &title) {
  ::prctl(PR_SET_NAME, title.c_str());  // the kernel cuts it at 15 bytes
  if (command_line == nullptr || command_line_bytes < 2) return;
  const std::size_t length = std::min(title.size(), command_line_bytes - 1);
  std::copy_n(title.data(), length, command_line);
  std::fill(command_line + length, command_line + command_line_bytes, '\0');
}

}  // namespace fanout::sys
