#include "fanout/plan/crashes.hpp"

#include <csignal>

#include <fmt/format.h>

namespace fanout::plan {

namespace {

// What an attempt to take over a process ends in when it goes wrong, the sandbox's own answer among it.
bool is_memory_fault(int signal) {
  switch (signal) {
    case SIGSEGV:
    case SIGBUS:
    case SIGILL:
    case SIGFPE:
    case SIGTRAP:
    case SIGABRT:
    case SIGSYS: return true;
    default: return false;
  }
}

}  // namespace

std::optional<std::string> Crashes::observe(const core::Event &event) {
  const auto *ended = std::get_if<core::Ended>(&event);
  if (ended == nullptr || !is_memory_fault(ended->worker_signal) || ++count_ != limit)
    return std::nullopt;
  return fmt::format("stopped: {} workers have crashed, as if a server tried to break in", limit);
}

}  // namespace fanout::plan
