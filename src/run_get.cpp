// fanout get: files and folders from every host, each host's into a folder of its own.

#include <string_view>
#include <utility>
#include <vector>

#include "fanout/files/folder.hpp"
#include "fanout/worker/remote_path.hpp"
#include "run.hpp"
#include "surroundings.hpp"
#include "transfer_run.hpp"

namespace fanout {

using core::ErrorKind;
using core::fail;
using core::Host;
using core::HostIndex;
using core::Result;

namespace {

// Where the files go; all of it is found out before anybody is contacted.
struct Download {
  sys::UniqueFd folder;                   // LOCALDIR
  std::vector<std::string> host_folders;  // their names in it, by host
  std::optional<report::Manifest> manifest;
};

Result<void> name_folders(Download &download, const cli::Options &options,
                          const std::vector<Host> &hosts) {
  for (const std::string &remote : options.from) {
    TRY(worker::path_of_remote(remote));
    TRY(files::place_of_remote(remote));
  }
  for (const Host &host : hosts) {
    auto name = files::folder_name_of(host.name);
    if (!name) return fail(std::move(name).error().within(host.name));
    download.host_folders.push_back(*std::move(name));
  }
  return refuse_long_then(options.task, hosts);
}

Result<void> open_files(Download &download, const cli::Options &options) {
  auto folder = files::open_download_folder(options.to);
  if (!folder) return fail(ErrorKind::usage, std::move(folder).error().message);
  download.folder = *std::move(folder);
  if (!options.manifest) return {};
  TRY_ASSIGN(report::Manifest manifest, report::Manifest::open(*options.manifest));
  download.manifest.emplace(std::move(manifest));
  return {};
}

int transfer(const cli::Options &options, Download &download, const Contact &contact) {
  TransferRun::Files files;
  files.hand_over = [&](HostIndex host, worker::JobCard &card, pool::Job &job) -> Result<void> {
    TRY_ASSIGN(sys::UniqueFd folder,
               files::open_host_folder(download.folder.get(), download.host_folders[host]));
    card.remote = options.from;
    card.wants_list = download.manifest.has_value() || options.task.transfer.hash;
    job.handed_down.push_back(std::move(folder));
    return {};
  };
  files.clean_up_here = [&](HostIndex host, std::string_view token) {
    const auto folder = files::open_host_folder(download.folder.get(), download.host_folders[host]);
    return folder && files::remove_leftovers(folder->get(), token);
  };
  if (download.manifest) files.manifest.emplace(*std::move(download.manifest));
  return TransferRun(options, contact, std::move(files)).run();
}

}  // namespace

int run_get(const cli::Options &options, pool::Spawner &spawner) {
  Download download;
  LoginCommand command;
  command.task = core::TaskKind::get;
  const core::TransferOptions &how = options.task.transfer;
  command.compares = how.update || how.checksum || how.resume;
  command.check = [&](const std::vector<Host> &hosts) {
    return name_folders(download, options, hosts);
  };
  command.prepare = [&](const sys::SignalFd &) { return open_files(download, options); };
  command.run = [&](const Contact &contact) { return transfer(options, download, contact); };
  return run_with_logins(options, spawner, command);
}

}  // namespace fanout
