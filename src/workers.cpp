#include "workers.hpp"

#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "fanout/core/exit_code.hpp"
#include "fanout/sandbox/confinement.hpp"
#include "fanout/worker/job_card.hpp"
#include "surroundings.hpp"

namespace fanout {

std::string sandbox_remark(sandbox::Mode mode) {
  if (mode == sandbox::Mode::off) return "off, by --sandbox off";
  const std::vector<std::string> missing = sandbox::missing();
  if (missing.empty()) return {};
  return fmt::format("reduced: {}", fmt::join(missing, ", "));
}

std::optional<int> begin_workers(const cli::Options &options, pool::Spawner &spawner,
                                 console::Output &output) {
  if (options.sandbox == sandbox::Mode::require)
    if (const std::vector<std::string> missing = sandbox::missing(); !missing.empty()) {
      say(output, fmt::format("--sandbox require: {}", fmt::join(missing, ", ")));
      return static_cast<int>(core::ExitCode::unreached);
    }
  if (auto sent = spawner.prepare(
          worker::encode(worker::Setup{options.sandbox, options.overrides.port.value_or(22)}));
      !sent)
    return report_error(output, sent.error());
  return std::nullopt;
}

core::Result<pool::Pool> make_pool(pool::Spawner &spawner, std::size_t max_workers,
                                   console::Lock &lock, console::Output &output,
                                   const sys::SignalFd &signals) {
  TRY(lock.hide_from_children());
  spawner.give_up_on(signals.fd());
  TRY(spawner.await_prepared());
  TRY_ASSIGN(
      pool::Pool pool,
      pool::Pool::create(max_workers, [&spawner](const pool::Job &job, const sys::UniqueFd &link) {
        return spawner.spawn(job.card, link, job.handed_down);
      }));
  TRY(pool.wake_on(signals.fd()));
  output.give_up_on(signals.fd());
  return pool;
}

}  // namespace fanout
