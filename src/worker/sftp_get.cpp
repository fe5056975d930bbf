// First the REMOTEs become files and folders of the host, then the files are fetched, many at once. Where SHA-256 of the
// host is needed, that goes in portions: some files are found, one command hashes them, they are fetched. While a command
// runs, no request of SFTP is under way.
#include "sftp_get.hpp"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <iterator>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "destination.hpp"
#include "download.hpp"
#include "fetched.hpp"
#include "remote_command.hpp"
#include "remote_glob.hpp"
#include "remote_tree.hpp"

namespace fanout::worker {

using core::ErrorKind;
using core::TransferMethod;
using ssh::Attributes;
using ssh::FileStatus;
using ssh::Task;

namespace {

constexpr std::size_t asked_at_once = 64;
// Of one portion that is hashed by one command: a large one would be silent for too long.
constexpr std::size_t hashed_at_once = 1'000;
constexpr std::uint64_t hashed_bytes_at_once = 1ULL << 30;

class Get {
public:
  Get(Transfer &transfer, ssh::Sftp &sftp, files::Folder &folder)
      : transfer_(transfer),
        how_(transfer.card.transfer),
        sftp_(sftp),
        folder_(folder),
        fetched_(transfer),
        tree_(transfer, sftp, folder, fetched_, paths_),
        download_(transfer, sftp, folder, fetched_),
        handles_(sftp.max_handles() == 0 ? SIZE_MAX
                                         : std::max<std::size_t>(sftp.max_handles() / 2, 1)),
        host_hashes_((how_.verify || how_.checksum || how_.resume) &&
                     how_.method != TransferMethod::sftp) {}

  void run();

private:
  Task<> find_all();
  Task<> find(std::string remote);
  void sort_in(const std::string &path, Attributes seen);
  Task<> fetch_all();
  Task<> fetch_those(std::vector<RemoteFile> files);
  Task<> next_portion(std::vector<RemoteFile> &portion);
  void hash(std::vector<RemoteFile> &portion);
  void fetch_hashed();
  [[nodiscard]] bool goes_on() const { return !transfer_.is_broken() && !fetched_.is_hopeless(); }

  Transfer &transfer_;
  const core::TransferOptions &how_;
  ssh::Sftp &sftp_;
  files::Folder &folder_;
  Fetched fetched_;
  NamedPaths paths_;
  RemoteTree tree_;
  Download download_;
  std::size_t handles_;            // of files; folders that are walked need some besides
  bool host_hashes_;               // the host can be asked for SHA-256
  std::vector<RemoteFile> named_;  // files that a REMOTE means itself
};

Task<> Get::find_all() {
  for (const std::string &remote : transfer_.card.remote) {
    if (!goes_on()) break;
    co_await find(remote);
  }
}

Task<> Get::find(std::string remote) {
  const auto pattern = path_of_remote(remote);
  if (!pattern) {
    fetched_.failed(pattern.error());
    co_return;
  }
  auto matches = co_await find_matches(sftp_, *pattern);
  if (!matches) {
    if (matches.error().kind == ErrorKind::remote || matches.error().kind == ErrorKind::protocol)
      fetched_.failed(matches.error());
    else
      transfer_.broken(matches.error());
    co_return;
  }
  if (matches->fault) fetched_.failed(*matches->fault);
  std::deque<ssh::Pending<Attributes>> answers;
  std::size_t next = 0;
  for (const std::string &path : matches->paths) {
    for (; next < matches->paths.size() && answers.size() < asked_at_once; ++next)
      answers.push_back(sftp_.stat(matches->paths[next]));
    auto answer = std::move(answers.front());
    answers.pop_front();
    auto seen = co_await answer;
    if (seen) {
      sort_in(path, *seen);
    } else if (seen.error().status == FileStatus::none) {
      transfer_.broken(seen.error().error);
      co_return;
    } else {
      fetched_.failed(seen.error().error);
    }
  }
}

void Get::sort_in(const std::string &path, Attributes seen) {
  auto place = files::place_of_remote(path);
  if (!place) return fetched_.failed(place.error());
  const auto [known, is_new] = paths_.emplace(*place, path);
  if (!is_new) {
    // Named twice, or matched by two patterns.
    if (!is_same_path(known->second, path))
      fetched_.failed({ErrorKind::remote,
                       fmt::format("{} and {} would be one file here", known->second, path)});
    return;
  }
  switch (seen.type()) {
    case Attributes::Type::directory:
      if (!how_.recursive)
        return fetched_.failed({ErrorKind::remote, path + ": is a directory (use -r)"});
      return tree_.add(path, std::move(*place), seen);
    case Attributes::Type::link:
    case Attributes::Type::other:
      return fetched_.failed({ErrorKind::remote, path + ": is no regular file"});
    case Attributes::Type::unknown:
    case Attributes::Type::file: break;
  }
  const std::size_t slash = place->rfind('/');
  if (slash != std::string::npos)
    if (auto made = folder_.make_folders(place->substr(0, slash)); !made)
      return fetched_.failed(made.error());
  named_.push_back({path, std::move(*place), seen, {}, {}});
}

Task<> Get::fetch_those(std::vector<RemoteFile> files) {
  for (RemoteFile &file : files) {
    if (!goes_on()) co_return;
    if (download_.stands_already(file)) continue;
    const std::size_t at_once = std::min(
        download_.is_small(file) ? Download::small_at_once : Download::large_at_once, handles_);
    while (sftp_.running() >= at_once) co_await sftp_.fewer_than(at_once);
    co_await sftp_.room();
    if (!goes_on()) co_return;
    sftp_.start(download_.fetch(std::move(file)));
  }
}

Task<> Get::fetch_all() {
  std::vector<RemoteFile> files = std::exchange(named_, {});
  while (goes_on()) {
    co_await fetch_those(std::move(files));
    files = download_.take_others();
    if (!files.empty()) continue;
    const bool found = co_await tree_.next(files);
    if (found) continue;
    // The last ones may turn out to be others.
    while (sftp_.running() > 0) co_await sftp_.fewer_than(1);
    files = download_.take_others();
    if (files.empty()) break;
  }
}

// Files that are hashed by one command: enough to be worth one, few enough to hear of them soon.
Task<> Get::next_portion(std::vector<RemoteFile> &portion) {
  portion.clear();
  if (named_.empty()) static_cast<void>(co_await tree_.next(named_));
  std::uint64_t bytes = 0;
  std::size_t count = 0;
  for (; count < named_.size() && count < hashed_at_once && bytes < hashed_bytes_at_once; ++count)
    bytes += std::min(named_[count].seen.size.value_or(0), hashed_bytes_at_once);
  const auto end = named_.begin() + static_cast<std::ptrdiff_t>(count);
  portion.assign(std::make_move_iterator(named_.begin()), std::make_move_iterator(end));
  named_.erase(named_.begin(), end);
}

void Get::hash(std::vector<RemoteFile> &portion) {
  if (!host_hashes_) return;
  std::vector<std::string> paths;
  std::vector<RemoteFile *> asked;
  for (RemoteFile &file : portion) {
    // Only --checksum: what has another size here is another file.
    if (!how_.verify && !how_.resume) {
      const auto standing = folder_.look(file.place);
      if (!standing || !*standing || (*standing)->size != file.seen.size) continue;
    }
    paths.push_back(file.path);
    asked.push_back(&file);
  }
  if (paths.empty()) return;
  std::string tool;
  auto hashes = hash_remotely(transfer_, paths, tool);
  if (!hashes) {
    if (hashes.error().kind != ErrorKind::remote) return transfer_.broken(hashes.error());
    host_hashes_ = false;
    transfer_.parent.send(
        wire::NoteMessage{"no SHA-256 by the host itself: " + hashes.error().message},
        Urgency::with_the_next);
    return;
  }
  for (std::size_t i = 0; i < asked.size() && i < hashes->size(); ++i)
    if ((*hashes)[i]) {
      asked[i]->hash = *(*hashes)[i];
      asked[i]->hashed_by = tool;
    }
}

void Get::fetch_hashed() {
  std::vector<RemoteFile> portion;
  while (goes_on()) {
    sftp_.run(next_portion(portion));
    if (portion.empty() || !goes_on()) return;
    hash(portion);
    while (!portion.empty() && goes_on()) {
      sftp_.run(fetch_those(std::move(portion)));
      portion = download_.take_others();
    }
  }
}

void Get::run() {
  sftp_.run(find_all());
  if (how_.verify || how_.checksum || how_.resume)
    fetch_hashed();
  else if (goes_on())
    sftp_.run(fetch_all());
  tree_.finish();
  fetched_.conclude();
}

}  // namespace

void get_by_sftp(Transfer &transfer, ssh::Sftp &sftp, files::Folder &folder) {
  Get(transfer, sftp, folder).run();
}

}  // namespace fanout::worker
