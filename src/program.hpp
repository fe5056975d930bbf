// The whole program, given what its workers do: the tests run it with workers that have been taken over.
#pragma once

#include "fanout/pool/spawner.hpp"

namespace fanout {

// Returns the exit code.
int run_program(int argc, char **argv, pool::Spawner::Program workers);

}  // namespace fanout
