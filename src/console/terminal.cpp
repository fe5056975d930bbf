// A window of 0 columns is what a serial line or a pseudo terminal without a window reports: it means that nobody knows.

#include "fanout/console/terminal.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

namespace fanout::console {

namespace {

constexpr std::size_t default_columns = 80;
constexpr std::size_t most_columns = 1000;

}  // namespace

bool is_terminal(int fd) { return ::isatty(fd) == 1; }

bool has_foreground(int fd) {
  const pid_t foreground = ::tcgetpgrp(fd);
  return foreground < 0 || foreground == ::getpgrp();
}

std::size_t choose_columns(std::optional<std::size_t> window, std::string_view configured) {
  if (window && *window > 0) return std::min(*window, most_columns);
  std::size_t wanted = 0;
  const char *end = configured.data() + configured.size();
  const auto [rest, problem] = std::from_chars(configured.data(), end, wanted);
  if (problem == std::errc() && rest == end && wanted > 0) return std::min(wanted, most_columns);
  return default_columns;
}

std::size_t terminal_columns(int fd) {
  std::optional<std::size_t> window;
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) == 0) window = size.ws_col;
  const char *configured = std::getenv("COLUMNS");
  return choose_columns(window, configured == nullptr ? std::string_view() : configured);
}

}  // namespace fanout::console
