// Rounds: everything that can be asked at once is asked, and then every answer is awaited. A round takes one round trip,
// and files that were found before are fetched meanwhile by whoever asked for them.
#include "remote_tree.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "fetched_modes.hpp"

namespace fanout::worker {

using core::ErrorKind;
using core::Result;
using ssh::Attributes;
using ssh::FileStatus;
using ssh::Task;

namespace {

constexpr std::size_t open_at_once = 16;
constexpr std::size_t types_asked_at_once = 64;
constexpr int max_depth = 256;
constexpr std::uint64_t max_entries = 10'000'000;
constexpr std::size_t max_remembered_bytes = 48 << 20;
// Names that are held to find those that come twice; beyond it folders are read one after the other.
constexpr std::size_t many_names = max_entries_of_directory / 2;

}  // namespace

bool is_same_path(std::string_view one, std::string_view other) {
  return one.starts_with('/') == other.starts_with('/');
}

std::string RemoteTree::path_of(const Waiting &folder) const {
  return roots_[folder.root].path + folder.below;
}

std::string RemoteTree::place_of(const Waiting &folder) const {
  return roots_[folder.root].place + folder.below;
}

void RemoteTree::add(std::string path, std::string place, const Attributes &seen) {
  roots_.push_back({std::move(path), std::move(place)});
  Waiting root{roots_.size() - 1, {}, 0, seen.mode, {}};
  if (seen.times) root.mtime = seen.times->modification;
  waiting_.push_back(std::move(root));
}

void RemoteTree::failed(const ssh::FileError &error) {
  if (error.status == FileStatus::none)
    transfer_.broken(error.error);
  else
    fetched_.failed(error.error);
}

bool RemoteTree::remember(std::size_t bytes, const std::string &path) {
  remembered_bytes_ += bytes;
  if (remembered_bytes_ <= max_remembered_bytes) return true;
  if (!std::exchange(too_many_folders_, true))
    fetched_.failed({ErrorKind::remote, fmt::format("{}: too many folders", path)});
  return false;
}

Task<bool> RemoteTree::next(std::vector<RemoteFile> &found) {
  found.clear();
  // A folder comes before another named one that is in it, so that it is new when it is made.
  if (!std::exchange(started_, true))
    std::sort(waiting_.begin(), waiting_.end(), [this](const Waiting &one, const Waiting &other) {
      return roots_[one.root].place > roots_[other.root].place;
    });
  while (found.empty() && !transfer_.is_broken() && !fetched_.is_hopeless()) {
    if (!untold_.empty()) {
      co_await find_types();
      for (Untold &each : std::exchange(untold_, {}))
        if (each.file.seen.type() != Attributes::Type::unknown)
          sort_in(each.parent, std::move(each.file), found);
      continue;
    }
    if (open_.empty() && waiting_.empty()) break;
    if (!open_.empty()) co_await read_some(found);
    if (!transfer_.is_broken()) co_await open_some();
  }
  co_return !found.empty();
}

Task<> RemoteTree::open_some() {
  // A server lets so many be open at once, files among them.
  const std::size_t handles = sftp_.max_handles();
  const std::size_t at_once =
      handles == 0 ? open_at_once : std::clamp<std::size_t>(handles / 4, 1, open_at_once);
  std::vector<Open> opening;
  std::deque<ssh::Pending<std::string>> answers;
  while (!waiting_.empty() && open_.size() + opening.size() < at_once) {
    Open each;
    each.folder = std::move(waiting_.back());
    waiting_.pop_back();
    remembered_bytes_ -= std::min(remembered_bytes_, each.folder.below.size() + sizeof(Waiting));
    each.path = path_of(each.folder);
    each.place = place_of(each.folder);
    answers.push_back(sftp_.open_directory(each.path));
    opening.push_back(std::move(each));
  }
  for (Open &each : opening) {
    auto answer = std::move(answers.front());
    answers.pop_front();
    auto handle = co_await answer;
    if (!handle) {
      failed(handle.error());
      continue;
    }
    each.handle = std::move(*handle);
    if (make(each.folder, each.place))
      open_.push_back(std::move(each));
    else
      static_cast<void>(co_await sftp_.close(each.handle, each.path));
  }
}

// False when the files of that folder have no place.
bool RemoteTree::make(const Waiting &folder, const std::string &place) {
  constexpr std::uint32_t ours = 0300;  // what it takes to write into it
  const core::TransferOptions &options = transfer_.card.transfer;
  const auto before = folder_.look(place);
  if (!before) {
    fetched_.failed(before.error());
    return false;
  }
  const bool is_new = !before->has_value();
  // A file in the way is found here, too.
  Result<void> made = folder_.make_folders(place);
  const bool is_closed = !is_new && ((*before)->mode & ours) != ours;
  if (made && is_closed) made = folder_.set_attributes(place, (*before)->mode | ours, {});
  if (!made) {
    fetched_.failed(made.error());
    return false;
  }
  Final final{place, mode_of_fetched_folder(options, folder.mode, is_new, folder_.umask()),
              time_of_fetched(options, folder.mtime)};
  if (is_closed && !final.mode) final.mode = (*before)->mode & permission_bits;
  if (is_new && !options.preserve && final.mode == (permission_bits & ~folder_.umask()))
    final.mode.reset();
  if (!final.mode && !final.mtime) return true;
  if (!remember(place.size() + sizeof(Final), place)) return false;
  finals_.push_back(std::move(final));
  return true;
}

Task<> RemoteTree::read_some(std::vector<RemoteFile> &found) {
  using Part = ssh::Pending<std::optional<std::vector<ssh::DirectoryEntry>>>;
  std::size_t names = 0;
  for (const Open &each : open_) names += each.check.names();
  const std::size_t count = names > many_names ? 1 : open_.size();
  // Two at once: most folders are smaller than one part, and the second answer is their end.
  std::deque<std::array<Part, 2>> answers;
  for (std::size_t i = 0; i < count; ++i) {
    Part first = sftp_.read_directory(open_[i].handle, open_[i].path);
    Part second = sftp_.read_directory(open_[i].handle, open_[i].path);
    answers.push_back({std::move(first), std::move(second)});
  }
  for (std::size_t i = 0; i < count; ++i) {
    for (Part &answer : answers[i]) {
      auto part = co_await answer;
      Open &from = open_[i];
      if (from.done) continue;
      if (!part) {
        failed(part.error());
        from.done = true;
      } else if (!part->has_value()) {
        from.done = true;
      } else {
        take(from, std::move(**part), found);
      }
    }
  }
  if (transfer_.is_broken()) co_return;
  std::deque<ssh::Pending<void>> closing;
  for (const Open &each : open_)
    if (each.done) closing.push_back(sftp_.close(each.handle, each.path));
  for (ssh::Pending<void> &each : closing) {
    auto closed = co_await each;
    if (!closed) failed(closed.error());
  }
  std::erase_if(open_, [](const Open &each) { return each.done; });
}

void RemoteTree::take(Open &from, std::vector<ssh::DirectoryEntry> entries,
                      std::vector<RemoteFile> &found) {
  auto whole = from.check.part(from.path, entries.size());
  entries_ += entries.size();
  if (whole && entries_ > max_entries)
    whole = core::fail(ErrorKind::remote,
                       fmt::format("{}: more than {} files in all", from.path, max_entries));
  if (!whole) {
    fetched_.failed(whole.error());
    from.done = true;
    return;
  }
  for (ssh::DirectoryEntry &entry : entries) {
    if (auto fault = from.check.fault_of(from.path, entry.name)) {
      fetched_.failed(std::move(*fault));
      continue;
    }
    RemoteFile file;
    file.path = fmt::format("{}/{}", from.path, entry.name);
    file.place = files::join(from.place, entry.name);
    file.seen = entry.attributes;
    if (file.path.size() > core::max_path_bytes)
      fetched_.failed({ErrorKind::remote, fmt::format("{}: path too long", from.path)});
    else if (file.seen.type() == Attributes::Type::unknown)
      untold_.push_back({from.folder, std::move(file)});
    else
      sort_in(from.folder, std::move(file), found);
  }
}

Task<> RemoteTree::find_types() {
  std::deque<ssh::Pending<Attributes>> answers;
  std::size_t next = 0;
  for (Untold &each : untold_) {
    for (; next < untold_.size() && answers.size() < types_asked_at_once; ++next)
      answers.push_back(sftp_.lstat(untold_[next].file.path));
    auto answer = std::move(answers.front());
    answers.pop_front();
    auto seen = co_await answer;
    if (seen && seen->type() == Attributes::Type::unknown)
      fetched_.failed({ErrorKind::remote,
                       fmt::format("{}: the server does not say what it is", each.file.path)});
    else if (seen)
      each.file.seen = *seen;
    else
      failed(seen.error());
  }
}

bool RemoteTree::is_named(const RemoteFile &file) {
  const auto named = named_.find(file.place);
  if (named == named_.end()) return false;
  if (!is_same_path(named->second, file.path))
    fetched_.failed({ErrorKind::remote,
                     fmt::format("{} and {} would be one file here", named->second, file.path)});
  return true;
}

void RemoteTree::sort_in(const Waiting &parent, RemoteFile file, std::vector<RemoteFile> &found) {
  if (is_named(file)) return;
  switch (file.seen.type()) {
    case Attributes::Type::file: found.push_back(std::move(file)); return;
    case Attributes::Type::link: ++links_; return;
    case Attributes::Type::unknown:
    case Attributes::Type::other: ++specials_; return;
    case Attributes::Type::directory: break;
  }
  if (parent.depth >= max_depth) {
    fetched_.failed(
        {ErrorKind::remote, fmt::format("{}: more than {} folders deep", file.path, max_depth)});
    return;
  }
  Waiting folder{parent.root,
                 file.place.substr(roots_[parent.root].place.size()),
                 parent.depth + 1,
                 file.seen.mode,
                 {}};
  if (file.seen.times) folder.mtime = file.seen.times->modification;
  if (remember(folder.below.size() + sizeof(Waiting), file.path))
    waiting_.push_back(std::move(folder));
}

void RemoteTree::finish() {
  for (auto final = finals_.rbegin(); final != finals_.rend(); ++final)
    if (auto set = folder_.set_attributes(final->place, final->mode, final->mtime); !set)
      fetched_.failed(set.error());
  finals_.clear();
  if (links_ > 0 || specials_ > 0)
    transfer_.parent.send(
        wire::NoteMessage{fmt::format("skipped: {} symbolic links, {} devices, FIFOs and sockets",
                                      links_, specials_)},
        Urgency::with_the_next);
}

}  // namespace fanout::worker
