// What a worker does for its host, and so which rights it needs.
#pragma once

#include <cstdint>

namespace fanout::sandbox {

enum class Profile : std::uint8_t {
  exec,       // no file at all
  put,        // reads beneath some folders
  get,        // writes beneath one folder
  get_again,  // reads there as well, for what compares with what is there already
};

}  // namespace fanout::sandbox
