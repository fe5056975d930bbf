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
                                 console::Output &output, core::TaskKind task, bool compares) {
  if (options.sandbox == sandbox::Mode::require)
    if (const std::vector<std::string> missing = sandbox::missing(); !missing.empty()) {
      say(output, fmt::format("--sandbox require: {}", fmt::join(missing, ", ")));
      return static_cast<int>(core::ExitCode::unreached);
    }
  if (auto sent = spawner.prepare(worker::encode(
          worker::Setup{options.sandbox, options.overrides.port.value_or(22), task, compares}));
      !sent)
    return report_error(output, sent.error());
  return std::nullopt;
}

core::Result<pool::Pool> make_pool(pool::Spawner &spawner, std::size_t max_workers,
                                   console::Lock &lock, console::Output &output,
                                   const Signals &signals) {
  TRY(lock.hide_from_children());
  spawner.give_up_on(signals.ending.fd());
  TRY(spawner.await_prepared());
  TRY_ASSIGN(
      pool::Pool pool,
      pool::Pool::create(max_workers, [&spawner](const pool::Job &job, const sys::UniqueFd &link) {
        std::vector<int> descriptors;
        descriptors.reserve(job.handed_down.size() + job.lent.size());
        for (const sys::UniqueFd &fd : job.handed_down) descriptors.push_back(fd.get());
        descriptors.insert(descriptors.end(), job.lent.begin(), job.lent.end());
        return spawner.spawn(job.card, link, descriptors);
      }));
  TRY(pool.wake_on(signals.ending.fd()));
  TRY(pool.wake_on(signals.steering.fd()));
  output.give_up_on(signals.ending.fd());
  return pool;
}

worker::Channels channels_of(sys::UniqueFd link, std::vector<sys::UniqueFd> handed_down) {
  worker::Channels channels{std::move(link), {}, {}};
  if (handed_down.empty()) return channels;
  channels.key_slot = std::move(handed_down.front());
  handed_down.erase(handed_down.begin());
  channels.files = std::move(handed_down);
  return channels;
}

}  // namespace fanout
