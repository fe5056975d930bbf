// Everything goes through the one descriptor of the folder, so that it is the same folder to the end. Nothing is flushed
// host by host, because the parent would wait for the disk thousands of times; it is once, before the list gets its name:
// where a list is, what it names is on the disk.
#include "fanout/report/output_folder.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

#include "printed.hpp"
#include "whole_file.hpp"

namespace fanout::report {

using core::ErrorKind;
using core::fail;
using core::Host;
using core::Outcome;
using core::Result;
using core::system_error;
using sys::UniqueFd;

namespace {

constexpr std::string_view index_name = "index.jsonl";
constexpr std::size_t write_bytes = std::size_t{64} << 10;

mode_t usual_mode() {
  const mode_t mask = ::umask(0);
  ::umask(mask);
  return 0666 & ~mask;
}

struct CloseFolder {
  void operator()(DIR *folder) const { ::closedir(folder); }
};

// What stands in the folder and is no regular file: one look at all of it, instead of one for each file of each host.
Result<std::unordered_set<std::string>> irregular_names(int folder) {
  // Another description of it than ours, because reading moves its position.
  const int fd = ::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const std::unique_ptr<DIR, CloseFolder> listing(fd < 0 ? nullptr : ::fdopendir(fd));
  if (!listing) return fail(system_error(ErrorKind::usage, "list", errno));
  std::unordered_set<std::string> names;
  errno = 0;
  while (const dirent *entry = ::readdir(listing.get())) {
    // Some file systems do not say what it is; those are asked one by one.
    if (entry->d_type != DT_REG) names.emplace(static_cast<const char *>(entry->d_name));
    errno = 0;
  }
  if (errno != 0) return fail(system_error(ErrorKind::usage, "list", errno));
  return names;
}

Result<UniqueFd> open_folder(std::string path) {
  // With a slash at its end a link would be followed.
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  if (::mkdir(path.c_str(), 0777) != 0 && errno != EEXIST)
    return fail(system_error(ErrorKind::usage, "--outdir " + path, errno));
  UniqueFd folder =
      UniqueFd::adopt(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (folder) {
    // Two at once would mix what is of one with what is of the other.
    if (::flock(folder.get(), LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return folder;
    return fail(ErrorKind::usage, fmt::format("--outdir {}: another run writes to it", path));
  }
  const int error = errno;
  struct stat facts {};
  if (::lstat(path.c_str(), &facts) == 0 && S_ISLNK(facts.st_mode))
    return fail(ErrorKind::usage, fmt::format("--outdir {}: is a symbolic link", path));
  return fail(system_error(ErrorKind::usage, "--outdir " + path, error));
}

core::Error as_usage(core::Error error) {
  return {ErrorKind::usage, "--outdir: " + std::move(error.message)};
}

Result<void> check_names(const WholeFileFolder &folder, const std::vector<Host> &hosts) {
  auto irregular = irregular_names(folder.fd);
  if (!irregular) return fail(std::move(irregular).error().within("--outdir " + folder.shown));
  const auto check = [&](const std::string &name) -> Result<void> {
    return irregular->contains(name) ? check_is_replaceable(folder, name) : Result<void>();
  };
  TRY(check(std::string(index_name)).map_error(as_usage));
  if (irregular->size() <= 2) return {};  // "." and ".."
  for (const Host &host : hosts) {
    const std::string name = file_name_of(host.name);
    TRY(check(name + ".out").map_error(as_usage));
    TRY(check(name + ".err").map_error(as_usage));
  }
  return {};
}

bool has_run(const Outcome &outcome, const Printed &printed) {
  return outcome.remote_end != core::RemoteEnd::none || printed.out.bytes() > 0 ||
         printed.err.bytes() > 0;
}

std::string quoted_or_null(const std::optional<std::string> &name) {
  // There is nothing in them that JSON would escape.
  return name ? fmt::format("\"{}\"", *name) : "null";
}

}  // namespace

struct OutputFolder::State {
  UniqueFd fd;
  WholeFileFolder folder;
  std::optional<WholeFile> index;  // none once it cannot be written, and when it has its name
  std::string lines;               // of the index, not written yet
  bool old_index_removed = false;

  Result<void> remove(const std::string &name) const {
    TRY(check_is_replaceable(folder, name));
    if (::unlinkat(folder.fd, name.c_str(), 0) == 0 || errno == ENOENT) return {};
    return fail(system_error(ErrorKind::local, fmt::format("{}/{}", folder.shown, name), errno));
  }

  // From here on the files of the earlier run are replaced, one by one.
  Result<void> remove_old_index() {
    if (std::exchange(old_index_removed, true)) return {};
    return remove(std::string(index_name));
  }

  [[nodiscard]] Result<void> write_whole(const std::string &name, const HeldText &text) const {
    TRY_ASSIGN(WholeFile file, WholeFile::make(folder, name));
    TRY(text.each_piece([&file](std::string_view piece) { return file.write(piece); }));
    return file.take_name();
  }

  // Its name, if it is there then. What an earlier run has left under it is not.
  std::optional<std::string> keep(const std::string &name, const HeldText &text,
                                  std::optional<core::Error> &failure) const {
    auto written = write_whole(name, text);
    if (written) return name;
    if (!failure) failure = std::move(written).error();
    // The first failure is what is told.
    static_cast<void>(remove(name));
    return std::nullopt;
  }

  void drop(const std::string &name, std::optional<core::Error> &failure) const {
    auto removed = remove(name);
    if (!removed && !failure) failure = std::move(removed).error();
  }

  Result<void> write_lines() {
    if (!index) return {};
    auto written = index->write(lines);
    lines.clear();
    if (!written) index.reset();
    return written;
  }

  Result<void> add_line(std::string_view record, const std::optional<std::string> &out,
                        const std::optional<std::string> &err) {
    if (!index) return {};  // it has been said why
    record = record.substr(0, record.rfind('}'));
    lines += fmt::format("{}{}\"stdout_file\":{},\"stderr_file\":{}}}\n", record,
                         record == "{" ? "" : ",", quoted_or_null(out), quoted_or_null(err));
    return lines.size() < write_bytes ? Result<void>() : write_lines();
  }
};

OutputFolder::OutputFolder(std::unique_ptr<State> state) : state_(std::move(state)) {}
OutputFolder::OutputFolder(OutputFolder &&) noexcept = default;
OutputFolder::~OutputFolder() = default;

Result<OutputFolder> OutputFolder::open(const std::string &path, const std::vector<Host> &hosts) {
  auto state = std::make_unique<State>();
  TRY_ASSIGN(state->fd, open_folder(path));
  WholeFileFolder &folder = state->folder;
  folder.fd = state->fd.get();
  folder.shown = path;
  while (folder.shown.size() > 1 && folder.shown.ends_with('/')) folder.shown.pop_back();
  folder.mode = usual_mode();
  TRY(check_names(folder, hosts));
  TRY(try_to_make_files(folder).map_error(as_usage));
  auto index = WholeFile::make(folder, std::string(index_name)).map_error(as_usage);
  if (!index) return fail(std::move(index).error());
  state->index.emplace(std::move(*index));
  return OutputFolder(std::move(state));
}

Result<void> OutputFolder::add(const Host &host, const Outcome &outcome, const Printed &printed,
                               std::string_view record) {
  std::optional<core::Error> failure;
  if (auto removed = state_->remove_old_index(); !removed) failure = std::move(removed).error();
  const std::string name = file_name_of(host.name);
  std::optional<std::string> out;
  std::optional<std::string> err;
  if (has_run(outcome, printed)) {
    out = state_->keep(name + ".out", printed.out.text, failure);
    err = state_->keep(name + ".err", printed.err.text, failure);
  } else {
    state_->drop(name + ".out", failure);
    state_->drop(name + ".err", failure);
  }
  auto listed = state_->add_line(record, out, err);
  if (failure) return fail(std::move(*failure));
  return listed;
}

Result<void> OutputFolder::finish() {
  TRY(state_->remove_old_index());
  TRY(state_->write_lines());
  if (!state_->index)
    return fail(ErrorKind::local,
                fmt::format("{}/{} could not be written", state_->folder.shown, index_name));
  // That of the whole file system, which is what all files have in common.
  if (::syncfs(state_->folder.fd) != 0)
    return fail(system_error(ErrorKind::local, state_->folder.shown, errno));
  auto named = state_->index->take_name();
  state_->index.reset();
  return named;
}

}  // namespace fanout::report
