#include "run_journal.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "fanout/plan/plan.hpp"
#include "fanout/sys/random.hpp"
#include "surroundings.hpp"

namespace fanout {

namespace {

std::string order_of(const core::RunControl &control, std::uint64_t seed) {
  switch (control.order) {
    case core::Order::fifo: return "fifo";
    case core::Order::lifo: return "lifo";
    case core::Order::priority: return "priority";
    case core::Order::random: return fmt::format("random:{}", seed);
  }
  return "fifo";
}

std::string command_of(cli::Command command) {
  switch (command) {
    case cli::Command::put: return "put";
    case cli::Command::get: return "get";
    case cli::Command::exec:
    case cli::Command::hosts:
    case cli::Command::trust:
    case cli::Command::report: break;
  }
  return "exec";
}

}  // namespace

core::Result<void> begin_journal(const cli::Options &options, Prepared &prepared) {
  report::JournalHead head;
  head.run = sys::random_hexadecimal(16);
  head.rerun_of = prepared.rerun_of;
  head.command = command_of(options.command);
  head.text = options.command == cli::Command::exec
                  ? options.task.command
                  : fmt::format("{} {}", fmt::join(options.from, " "), options.to);
  head.order = order_of(options.control, prepared.seed);
  head.local_user = current_user().name;
  head.batches = plan::batch_sizes(options.control, prepared.hosts.size());
  return prepared.journal->planned(head, prepared.hosts);
}

}  // namespace fanout
