// The help texts, made from the table of options.
#pragma once

#include <string>

#include "fanout/cli/options.hpp"

namespace fanout::cli {

std::string general_help();
std::string help_of(Command command);

}  // namespace fanout::cli
