#include "draft.hpp"

#include <fmt/format.h>

namespace fanout::inventory {

core::Error error_at(const Draft &draft, int line, const core::Error &error) {
  return error.within(line > 0 ? fmt::format("{}:{}", draft.file, line) : draft.file);
}

tl::unexpected<core::Error> fail_at(const Draft &draft, int line, std::string message) {
  return core::fail(error_at(draft, line, {core::ErrorKind::usage, std::move(message)}));
}

}  // namespace fanout::inventory
