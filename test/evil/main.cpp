// The program as it is, but workers of hosts whose name begins with "evil" do what their server wants.

#include <string_view>
#include <utility>
#include <vector>

#include "evil_worker.hpp"
#include "fanout/worker/job_card.hpp"
#include "fanout/worker/worker.hpp"
#include "program.hpp"
#include "workers.hpp"

int main(int argc, char **argv) {
  using fanout::sys::UniqueFd;
  fanout::worker::Program honest;
  fanout::evil::Program evil;
  return fanout::run_program(
      argc, argv,
      {[&](std::string_view setup) {
         // Before: it looks at what it may not see any more afterwards.
         if (auto prepared = evil.prepare(setup); !prepared) return prepared;
         return honest.prepare(setup);
       },
       {},  // what is made ready for honest workers would be left open by those that are not
       [&](std::string_view bytes, UniqueFd link, std::vector<UniqueFd> handed_down) {
         auto channels = fanout::channels_of(std::move(link), std::move(handed_down));
         const auto card = fanout::worker::decode_job_card(bytes);
         if (card && card->host.starts_with("evil"))
           return evil.run(*card, std::move(channels.link), std::move(channels.key_slot));
         return honest.run(bytes, std::move(channels));
       }});
}
