// fanout put: files and folders to every host. The sources are read once, before anybody is contacted.

#include <poll.h>

#include <utility>
#include <vector>

#include "fanout/files/catalogue.hpp"
#include "fanout/sys/io.hpp"
#include "fanout/worker/remote_path.hpp"
#include "run.hpp"
#include "surroundings.hpp"
#include "transfer_run.hpp"

namespace fanout {

using core::Host;
using core::Result;

namespace {

files::CatalogueOptions catalogue_options(const core::TransferOptions &how) {
  files::CatalogueOptions chosen;
  chosen.recursive = how.recursive;
  chosen.hash = how.verify || how.checksum || how.resume || how.hash;
  chosen.preserve = how.preserve;
  chosen.mode = how.mode;
  return chosen;
}

int transfer(const cli::Options &options, const files::Catalogue &catalogue,
             const Contact &contact) {
  if (options.verbosity > 0)
    for (const std::string &note : catalogue.notes) say(contact.output, note);
  const auto hand_over = [&](worker::JobCard &card, pool::Job &job) {
    card.remote = {options.to};
    card.into_folder = options.to.ends_with('/');
    job.lent = catalogue.descriptors();
  };
  TransferRun::Files files;
  files.bytes_per_host = catalogue.bytes;
  files.hand_over = [&](core::HostIndex, worker::JobCard &card, pool::Job &job) -> Result<void> {
    hand_over(card, job);
    return {};
  };
  files.hand_over_for_clean_up = hand_over;
  return TransferRun(options, contact, std::move(files)).run();
}

}  // namespace

int run_put(const cli::Options &options, pool::Spawner &spawner) {
  files::Catalogue catalogue;
  LoginCommand command;
  command.task = core::TaskKind::put;
  command.check = [&options](const std::vector<Host> &hosts) -> Result<void> {
    TRY(worker::path_of_remote(options.to));
    return refuse_long_then(options.task, hosts);
  };
  command.prepare = [&](const sys::SignalFd &signals) -> Result<void> {
    TRY_ASSIGN(
        catalogue,
        files::make_catalogue(options.from, catalogue_options(options.task.transfer), [&signals] {
          return sys::wait_ready(signals.fd(), POLLIN, core::Deadline(sys::now()));
        }));
    return {};
  };
  command.run = [&](const Contact &contact) { return transfer(options, catalogue, contact); };
  return run_with_logins(options, spawner, command);
}

}  // namespace fanout
