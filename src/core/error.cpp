#include "fanout/core/error.hpp"

#include <system_error>

#include <fmt/format.h>

namespace fanout::core {

Error system_error(ErrorKind kind, std::string_view operation, int error_number) {
  return {kind, fmt::format("{}: {}", operation, std::generic_category().message(error_number))};
}

}  // namespace fanout::core
