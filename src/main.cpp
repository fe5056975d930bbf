#include "fanout/worker/worker.hpp"
#include "program.hpp"
#include "workers.hpp"

int main(int argc, char **argv) {
  using fanout::sys::UniqueFd;
  fanout::worker::Program workers;
  return fanout::run_program(
      argc, argv,
      {[&workers](std::string_view setup) { return workers.prepare(setup); },
       [&workers] { workers.before_each(); },
       [&workers](std::string_view card, UniqueFd link, std::vector<UniqueFd> handed_down) {
         return workers.run(card, fanout::channels_of(std::move(link), std::move(handed_down)));
       }});
}
