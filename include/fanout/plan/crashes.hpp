// When so many workers die of memory faults that somebody may be behind it. Pure.
//
// All workers are forked from one process and so have one memory layout and one stack protector value: each death can be
// a guess of a server that will be right in the end. Guesses are made dear by ending the run.
#pragma once

#include <optional>
#include <string>

#include "fanout/core/event.hpp"

namespace fanout::plan {

class Crashes {
public:
  static constexpr int limit = 5;

  // A sentence when this is the death that ends the run.
  std::optional<std::string> observe(const core::Event &event);

private:
  int count_ = 0;
};

}  // namespace fanout::plan
