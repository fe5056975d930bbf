#include "fanout/worker/worker.hpp"
#include "program.hpp"

int main(int argc, char **argv) {
  fanout::worker::Program workers;
  return fanout::run_program(
      argc, argv,
      {[&workers](std::string_view setup) { return workers.prepare(setup); },
       [&workers](std::string_view card, fanout::sys::UniqueFd to_parent,
                  fanout::sys::UniqueFd from_parent, fanout::sys::UniqueFd key_slot) {
         return workers.run(card,
                            {std::move(to_parent), std::move(from_parent), std::move(key_slot)});
       }});
}
