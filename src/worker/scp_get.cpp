// Two steps, for as many files as the REMOTEs mean: a script of ours lists them, so that it is known what is asked for, and
// then scp is asked for them by their names, some dozens at a time, in an order that is ours. scp -r is not used: it
// follows links, it chooses the names, and it decides when the tree ends.
//
// What a host answers is compared with what was asked: the listing with the REMOTEs, the name that scp gives with the file
// whose turn it is.
#include "scp_get.hpp"

#include <algorithm>
#include <functional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "destination.hpp"
#include "fetched.hpp"
#include "remote_command.hpp"
#include "remote_glob.hpp"
#include "remote_scripts.hpp"
#include "scp_fetch.hpp"

namespace fanout::worker {

using core::ErrorKind;
using core::fail;
using core::Result;

namespace {

// Of the listing, in memory: a host cannot make a worker large.
constexpr std::size_t max_listing_bytes = 48U << 20U;
constexpr std::size_t max_greeting_bytes = 64 * 1024;
constexpr std::size_t max_depth = 256;
constexpr std::size_t files_at_once = 40;  // each holds a descriptor, of the 64 that a worker has
constexpr std::size_t command_bytes = 24 * 1024;  // of names, in the form in which they travel

// Answers of get_functions, each ended by a NUL, after the mark.
class Listing {
public:
  using Take = std::function<Result<void>(char kind, std::string_view path)>;
  explicit Listing(Take take) : take_(std::move(take)) {}

  Result<void> add(std::string_view bytes) {
    for (;;) {
      const std::size_t end = bytes.find('\0');
      text_ += bytes.substr(0, end);
      if (text_.size() > (begun_ ? core::max_path_bytes + 1 : max_greeting_bytes))
        return fail(ErrorKind::protocol, "the host sent a path without an end");
      if (end == std::string_view::npos) return {};
      bytes.remove_prefix(end + 1);
      const std::string item = std::exchange(text_, {});
      if (!begun_)
        begun_ = item.ends_with("\nfanout:");
      else if (item.size() < 2)
        return fail(ErrorKind::protocol, "the host sent an empty path");
      else
        TRY(take_(item.front(), std::string_view(item).substr(1)));
    }
  }

private:
  Take take_;
  std::string text_;
  bool begun_ = false;
};

std::vector<std::string_view> components(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    if (end > 0) parts.push_back(path.substr(0, end));
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return parts;
}

bool has_pattern(std::string_view path) {
  const auto parts = components(path);
  return std::any_of(parts.begin(), parts.end(), is_pattern);
}

// What a path without pattern means: a backslash quotes there as well, as in SFTP's way, but never a slash.
std::string unquoted_path(std::string_view path) {
  std::string text;
  for (;;) {
    const std::size_t end = std::min(path.find('/'), path.size());
    text += unquoted(path.substr(0, end));
    if (end == path.size()) return text;
    text += '/';
    path.remove_prefix(end + 1);
  }
}

// What a script is asked for.
struct Wanted {
  std::string path;
  bool is_glob = false;
};

Wanted wanted_by(const std::string &remote) {
  if (has_pattern(remote)) return {as_operand(remote), true};
  return {as_operand(unquoted_path(remote)), false};
}

// Whether a path is what a REMOTE means, or, in a tree, something beneath that. Each component is looked at: nothing that
// was not asked for comes in.
Result<void> check_path(const Wanted &remote, std::string_view path, bool beneath) {
  const auto wanted = components(remote.path);
  const auto found = components(path);
  bool right = remote.path.starts_with('/') == path.starts_with('/') &&
               found.size() >= wanted.size() && (beneath || found.size() == wanted.size()) &&
               found.size() <= wanted.size() + max_depth;
  for (std::size_t i = 0; right && i < found.size(); ++i) {
    if (i >= wanted.size())
      right = !files::wrong_with_entry_name(found[i]);
    else
      right = remote.is_glob ? matches(wanted[i], found[i]) : wanted[i] == found[i];
  }
  if (right) return {};
  return fail(ErrorKind::protocol,
              fmt::format("{}: the host lists what was not asked for: {}", remote.path, path));
}

class ScpGet {
public:
  ScpGet(Transfer &transfer, files::Folder &folder)
      : transfer_(transfer),
        how_(transfer.card.transfer),
        folder_(folder),
        fetched_(transfer),
        fetch_(transfer, folder, fetched_) {}

  void run();

private:
  Result<void> run_all();
  Result<void> list();
  Result<void> list_one(const Wanted &remote);
  Result<void> take(const Wanted &remote, char kind, std::string_view path);
  void make_folders();
  Result<void> fetch_all();

  Transfer &transfer_;
  const core::TransferOptions &how_;
  files::Folder &folder_;
  Fetched fetched_;
  ScpFetch fetch_;
  struct Listed {
    std::string path;
    std::string place;
  };
  std::vector<std::string> files_;
  std::vector<Listed> folders_;
  std::vector<std::string> parents_;  // of files that are in no tree
  // And the number of the REMOTE that has meant it last: trees of several may overlap, the tree of one cannot.
  std::unordered_map<std::string, std::size_t> places_;
  std::size_t remote_number_ = 0;
  std::size_t listing_bytes_ = 0;
  std::uint64_t links_ = 0;
  std::uint64_t specials_ = 0;
  std::string
      root_;  // what the REMOTE means at the moment: the last path that is no part of a tree
};

// When all are known, and the outer before the inner: which of them are new, and get the modes of the host's, does not
// depend on the order of the REMOTEs.
void ScpGet::make_folders() {
  std::sort(folders_.begin(), folders_.end(),
            [](const Listed &a, const Listed &b) { return a.place < b.place; });
  for (Listed &folder : folders_) {
    const auto before = folder_.look(folder.place);
    if (auto made = folder_.make_folders(folder.place); !made)
      fetched_.failed(made.error());
    else
      fetch_.add_folder(std::move(folder.path), std::move(folder.place), before && !*before);
  }
  folders_.clear();
  // What cannot be made is said of each file when it comes.
  for (const std::string &parent : parents_) static_cast<void>(folder_.make_folders(parent));
}

Result<void> ScpGet::take(const Wanted &remote, char kind, std::string_view path) {
  // A path of a tree lies below the last one that a REMOTE has meant itself.
  const bool beneath = !root_.empty() && path.size() > root_.size() && path.starts_with(root_) &&
                       (root_ == "/" || path[root_.size()] == '/');
  TRY(check_path(remote, path, beneath && how_.recursive));
  listing_bytes_ += 2 * path.size() + 64;
  if (listing_bytes_ > max_listing_bytes)
    return fail(ErrorKind::remote,
                fmt::format("{}: too many files for scp; SFTP is for that", remote.path));
  auto place = files::place_of_remote(path);
  if (!place) {
    fetched_.failed(place.error());
    return {};
  }
  if (!beneath) root_.clear();
  switch (kind) {
    case 'n':
      fetched_.failed({ErrorKind::remote, fmt::format("no such file: {}", path)});
      return {};
    case 'x':
      fetched_.failed({ErrorKind::remote, fmt::format("{}: Permission denied", path)});
      return {};
    case 'y':
      fetched_.failed(
          {ErrorKind::remote, fmt::format("{}: too deep, more than {} folders", path, max_depth)});
      return {};
    case 'l': ++links_; return {};
    case 'o':
      if (beneath)
        ++specials_;
      else
        fetched_.failed({ErrorKind::remote, fmt::format("{}: is no regular file", path)});
      return {};
    case 'd':
    case 'f': break;
    default: return fail(ErrorKind::protocol, "the host lists what is neither file nor folder");
  }
  if (kind == 'd' && !beneath && how_.recursive) root_ = path;
  const auto [known, is_new] = places_.try_emplace(*place, remote_number_);
  if (!is_new) {
    // Meant by two REMOTEs, or by one twice; within a tree no name comes twice.
    if (std::exchange(known->second, remote_number_) == remote_number_ && beneath)
      fetched_.failed({ErrorKind::protocol, fmt::format("{}: the host lists it twice", path)});
    return {};
  }
  if (kind == 'd') {
    if (how_.recursive)
      folders_.push_back({std::string(path), *std::move(place)});
    else
      fetched_.failed({ErrorKind::remote, fmt::format("{}: is a directory (use -r)", path)});
    return {};
  }
  if (const std::size_t slash = place->rfind('/'); slash != std::string::npos && !beneath)
    if (std::string parent = place->substr(0, slash); parents_.empty() || parents_.back() != parent)
      parents_.push_back(std::move(parent));
  files_.emplace_back(path);
  return {};
}

Result<void> ScpGet::list_one(const Wanted &remote) {
  root_.clear();
  Listing listing([&](char kind, std::string_view path) { return take(remote, kind, path); });
  std::string script(get_functions);
  script += fmt::format("{} {} {}\nexit 0\n", remote.is_glob ? 'e' : 'p', octal_word(remote.path),
                        how_.recursive ? "-r" : "''");
  bool given = false;
  const auto feed = [&]() -> Result<std::string_view> {
    return std::exchange(given, true) ? std::string_view() : std::string_view(script);
  };
  TRY_ASSIGN(const CommandEnd end,
             run_command(transfer_, "sh -s", feed,
                         [&](std::string_view bytes) { return listing.add(bytes); }));
  if (!end.ok()) return fail(ErrorKind::remote, fmt::format("sh: {}", end.describe()));
  return {};
}

Result<void> ScpGet::list() {
  for (const std::string &given : transfer_.card.remote) {
    auto remote = path_of_remote(given);
    if (!remote) {
      fetched_.failed(remote.error());
      continue;
    }
    ++remote_number_;
    TRY(list_one(wanted_by(*remote)));
  }
  return {};
}

Result<void> ScpGet::fetch_all() {
  std::vector<std::string> batch;
  std::size_t bytes = 0;
  for (std::string &path : files_) {
    const std::size_t length = octal_word(path).size() + 1;
    if (batch.size() == files_at_once || bytes + length > command_bytes) {
      TRY(fetch_.run(std::exchange(batch, {})));
      bytes = 0;
    }
    if (fetched_.is_hopeless()) return {};
    bytes += length;
    batch.push_back(std::move(path));
  }
  return fetch_.run(std::move(batch));
}

Result<void> ScpGet::run_all() {
  if (how_.update || how_.resume)
    return fail(ErrorKind::remote, fmt::format("{} needs SFTP, which the server does not have",
                                               how_.update ? "--update" : "--resume"));
  TRY(list());
  make_folders();
  TRY(fetch_all());
  return fetch_.finish_folders();
}

void ScpGet::run() {
  if (auto done = run_all(); !done) fetched_.failed(std::move(done).error());
  if (links_ > 0 || specials_ > 0)
    transfer_.parent.send(
        wire::NoteMessage{fmt::format("skipped: {} symbolic links, {} devices, FIFOs and sockets",
                                      links_, specials_)},
        Urgency::with_the_next);
  fetched_.conclude();
}

}  // namespace

void get_by_scp(Transfer &transfer, files::Folder &folder) {
  transfer.record.used = "scp";
  ScpGet(transfer, folder).run();
}

}  // namespace fanout::worker
