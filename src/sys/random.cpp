#include "fanout/sys/random.hpp"

#include <sys/random.h>

#include <cstdlib>

namespace fanout::sys {

std::string random_hexadecimal(std::size_t digits) {
  constexpr char symbols[] = "0123456789abcdef";
  std::string text(digits, '\0');
  // At most 256 bytes come whole, always; and without chance there is nothing to go on with.
  if (::getrandom(text.data(), digits, 0) != static_cast<ssize_t>(digits)) std::abort();
  for (char &digit : text) digit = symbols[static_cast<unsigned char>(digit) & 15U];
  return text;
}

}  // namespace fanout::sys
