// What a worker does for its host, and so which rights it needs.
#pragma once

#include <cstdint>

namespace fanout::sandbox {

enum class Profile : std::uint8_t {
  exec,  // no file at all
  put,   // reads beneath one folder
  get,   // writes beneath one folder
};

}  // namespace fanout::sandbox
