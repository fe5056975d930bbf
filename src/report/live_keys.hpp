// What a key means in the live view. Pure.
#pragma once

#include <cstdint>

#include "fanout/console/screen.hpp"

namespace fanout::report {

enum class LiveCommand : std::uint8_t {
  none,
  up,
  down,
  page_up,
  page_down,
  first,
  last,
  pane,  // opens it, or closes it
  back,
  sort,
  pause,
  more,
  fewer,
  stop_host,
  quit,
  help,
  yes,
};

LiveCommand command_of(const console::Key &key);

}  // namespace fanout::report
