#include "fanout/worker/worker.hpp"
#include "program.hpp"

int main(int argc, char **argv) {
  fanout::worker::Program workers;
  return fanout::run_program(argc, argv,
                             {[&workers](std::string_view setup) { return workers.prepare(setup); },
                              [&workers] { workers.before_each(); },
                              [&workers](std::string_view card, fanout::sys::UniqueFd link,
                                         fanout::sys::UniqueFd key_slot) {
                                return workers.run(card, {std::move(link), std::move(key_slot)});
                              }});
}
