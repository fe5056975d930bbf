#include "fanout/core/event.hpp"

namespace fanout::core {

HostIndex host_of(const Event &event) {
  return std::visit([](const auto &happened) { return happened.host; }, event);
}

}  // namespace fanout::core
