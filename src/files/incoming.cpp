// A file on its way. Until the last call of put_in_place() nobody sees it under its name, and what was there before stays
// whole. Its parent folder is opened anew for each call that needs a name: dozens are under way at once, and a worker may
// have 64 descriptors.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include <fmt/format.h>

#include "attributes.hpp"
#include "beneath.hpp"
#include "fanout/files/folder.hpp"
#include "place.hpp"

namespace fanout::files {

using core::ErrorKind;
using core::fail;
using core::Result;

namespace {

constexpr std::uint32_t permissions = 0777;
constexpr int removal_attempts = 20;

// File systems without flushing, and those that keep no modes.
bool is_not_done_here(int error_number) {
  return error_number == EINVAL || error_number == ENOSYS || error_number == EOPNOTSUPP;
}

// `over`: what has the name is known, and to be replaced.
Result<void> rename_file(int parent, const std::string &from, const std::string &to, bool over,
                         std::string_view shown) {
  if (::renameat2(parent, from.c_str(), parent, to.c_str(), over ? 0 : RENAME_NOREPLACE) == 0)
    return {};
  // Some file systems know no flags.
  if (!over && is_not_done_here(errno) &&
      ::renameat2(parent, from.c_str(), parent, to.c_str(), 0) == 0)
    return {};
  return fail(path_error("put in place", shown, errno));
}

}  // namespace

Incoming::Incoming(int folder, sys::UniqueFd file, std::string temporary, std::string path,
                   std::string shown, std::uint32_t mode)
    : folder_(folder),
      file_(std::move(file)),
      temporary_(std::move(temporary)),
      path_(std::move(path)),
      shown_(std::move(shown)),
      mode_of_new_(mode) {}

Incoming::Incoming(Incoming &&other) noexcept
    : folder_(other.folder_),
      file_(std::move(other.file_)),
      temporary_(std::exchange(other.temporary_, {})),
      path_(std::move(other.path_)),
      shown_(std::move(other.shown_)),
      mode_of_new_(other.mode_of_new_),
      size_before_(other.size_before_),
      kept_(other.kept_) {}

Incoming::~Incoming() {
  if (!temporary_.empty() && !kept_) remove();
}

void Incoming::remove() const {
  const auto place = split(path_);
  if (!place) return;
  // Somebody may be exchanging the folder for another one, and back.
  for (int attempt = 0; attempt < removal_attempts; ++attempt) {
    const auto parent = open_parent(folder_, place->parent, "remove", shown_);
    if (parent && ::unlinkat(parent->get(), temporary_.c_str(), 0) == 0) return;
  }
}

Result<void> Incoming::write(std::string_view bytes, std::uint64_t offset) {
  while (!bytes.empty()) {
    const ssize_t count =
        ::pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return fail(path_error("write", shown_, count < 0 ? errno : ENOSPC));
    bytes.remove_prefix(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
  return {};
}

Result<void> Incoming::read(char *buffer, std::size_t size, std::uint64_t offset) const {
  while (size > 0) {
    const ssize_t count = ::pread(file_.get(), buffer, size, static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail(path_error("read", shown_, errno));
    if (count == 0)
      return fail(ErrorKind::local, fmt::format("read {}: it has become shorter", shown_));
    buffer += count;
    size -= static_cast<std::size_t>(count);
    offset += static_cast<std::uint64_t>(count);
  }
  return {};
}

Result<void> Incoming::truncate(std::uint64_t size) {
  if (::ftruncate(file_.get(), static_cast<off_t>(size)) != 0)
    return fail(path_error("write", shown_, errno));
  return {};
}

Result<void> Incoming::put_in_place(std::uint64_t size, std::optional<std::uint32_t> mode,
                                    std::optional<std::int64_t> mtime) {
  TRY_ASSIGN(const Place place, split(path_));
  TRY_ASSIGN(const sys::UniqueFd parent, open_parent(folder_, place.parent, "make", shown_));
  TRY_ASSIGN(const auto before, regular_file(parent.get(), place.name, "replace", shown_));
  struct stat facts {};
  if (status_of(file_.get(), facts) != 0) return fail(path_error("write", shown_, errno));
  if (static_cast<std::uint64_t>(facts.st_size) != size) TRY(truncate(size));

  const std::uint32_t wanted = (mode     ? *mode
                                : before ? before->st_mode
                                         : mode_of_new_) &
                               permissions;
  if (wanted != (facts.st_mode & permissions)) {
    // Where files have no modes of their own, only somebody who asked for one is disappointed.
    if (auto set = set_mode(file_.get(), wanted, shown_); !set && mode) return set;
  }
  if (mtime) TRY(set_time(file_.get(), *mtime, shown_));
  if (::fsync(file_.get()) != 0 && !is_not_done_here(errno))
    return fail(path_error("write", shown_, errno));

  // The folder may be another one than at the beginning, with other files in it.
  TRY_ASSIGN(const auto ours, regular_file(parent.get(), temporary_, "put in place", shown_));
  if (!ours || ours->st_ino != facts.st_ino || ours->st_dev != facts.st_dev)
    return fail(ErrorKind::local,
                fmt::format("put in place {}: its folder has changed meanwhile", shown_));
  TRY(rename_file(parent.get(), temporary_, place.name, before.has_value(), shown_));
  temporary_.clear();
  file_.close();
  return {};
}

}  // namespace fanout::files
