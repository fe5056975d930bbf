// Names that nobody can guess.
#pragma once

#include <cstddef>
#include <string>

namespace fanout::sys {

// So many lower-case hexadecimal digits, at most 256, from getrandom(2), which waits at most until the machine has booted.
std::string random_hexadecimal(std::size_t digits);

}  // namespace fanout::sys
