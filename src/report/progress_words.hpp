// The words of the line of progress, and how many of them fit.
#pragma once

#include <cstddef>
#include <string>

#include "fanout/console/colors.hpp"

namespace fanout::report {

// What there is to say; a text that is empty is not said. All of it is safe for a terminal.
struct ProgressWords {
  std::size_t ended = 0;
  std::size_t hosts = 0;
  std::size_t running = 0;
  std::size_t failed = 0;
  std::string amount;   // "4.2 GB of 21.6 GB"
  std::string rate;     // "4.2/s"
  std::string left;     // "3 s left"
  std::string slowest;  // "slowest web03 42 s"
};

// In one line of at most `columns` columns; empty if there is no room for anything.
std::string fit(const ProgressWords &words, std::size_t columns, const console::Colors &colors);

}  // namespace fanout::report
