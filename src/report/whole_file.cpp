// What is hard: linkat(2) gives a file its name, but does not replace another; rename(2) replaces, but needs a name to
// begin with. So a file that is to replace one gets a temporary name in between.
#include "whole_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include <fmt/format.h>

#include "fanout/sys/io.hpp"
#include "fanout/sys/random.hpp"

namespace fanout::report {

using core::ErrorKind;
using core::fail;
using core::Result;
using core::system_error;
using sys::UniqueFd;

namespace {

constexpr std::size_t token_digits = 16;

std::string temporary_name() { return ".fanout-" + sys::random_hexadecimal(token_digits); }

UniqueFd make_nameless(const WholeFileFolder &folder) {
  return UniqueFd::adopt(::openat(folder.fd, ".", O_WRONLY | O_TMPFILE | O_CLOEXEC, folder.mode));
}

UniqueFd make_named(const WholeFileFolder &folder, const std::string &name) {
  return UniqueFd::adopt(::openat(
      folder.fd, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, folder.mode));
}

// By its descriptor that needs CAP_DAC_READ_SEARCH (before Linux 6.10), and by its name in /proc that /proc is there.
bool give_name(const WholeFileFolder &folder, int fd, const std::string &name) {
  if (::linkat(fd, "", folder.fd, name.c_str(), AT_EMPTY_PATH) == 0) return true;
  if (errno != ENOENT && errno != EPERM && errno != EINVAL) return false;
  const std::string path = fmt::format("/proc/self/fd/{}", fd);
  return ::linkat(AT_FDCWD, path.c_str(), folder.fd, name.c_str(), AT_SYMLINK_FOLLOW) == 0;
}

std::string_view kind_of(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFLNK: return "a symbolic link";
    case S_IFDIR: return "a folder";
    case S_IFIFO: return "a FIFO";
    case S_IFSOCK: return "a socket";
    default: return "a device";
  }
}

// As fclose(3) for its errors: NFS may tell of a full disk here only.
bool close_well(UniqueFd fd) { return ::close(fd.release()) == 0 || errno == EINTR; }

}  // namespace

Result<void> try_to_make_files(WholeFileFolder &folder) {
  const std::string name = temporary_name();
  folder.nameless = false;
  if (const UniqueFd fd = make_nameless(folder))
    folder.nameless = give_name(folder, fd.get(), name);
  const bool made = folder.nameless || make_named(folder, name);
  if (!made) return fail(system_error(ErrorKind::local, folder.shown, errno));
  ::unlinkat(folder.fd, name.c_str(), 0);
  return {};
}

Result<void> check_is_replaceable(const WholeFileFolder &folder, const std::string &name) {
  struct stat facts {};
  if (::fstatat(folder.fd, name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return {};
    return fail(system_error(ErrorKind::local, fmt::format("{}/{}", folder.shown, name), errno));
  }
  if (S_ISREG(facts.st_mode)) return {};
  return fail(ErrorKind::local,
              fmt::format("{}/{} is {}", folder.shown, name, kind_of(facts.st_mode)));
}

WholeFile::WholeFile(const WholeFileFolder &folder, std::string name)
    : folder_(&folder), name_(std::move(name)) {}

WholeFile::WholeFile(WholeFile &&other) noexcept
    : folder_(other.folder_),
      name_(std::move(other.name_)),
      temporary_(std::exchange(other.temporary_, {})),
      fd_(std::move(other.fd_)) {}

WholeFile::~WholeFile() {
  if (!temporary_.empty()) ::unlinkat(folder_->fd, temporary_.c_str(), 0);
}

core::Error WholeFile::error() const {
  return system_error(ErrorKind::local, fmt::format("{}/{}", folder_->shown, name_), errno);
}

Result<WholeFile> WholeFile::make(const WholeFileFolder &folder, std::string name) {
  WholeFile file(folder, std::move(name));
  std::string temporary = folder.nameless ? "" : temporary_name();
  file.fd_ = folder.nameless ? make_nameless(folder) : make_named(folder, temporary);
  if (!file.fd_) return fail(file.error());
  file.temporary_ = std::move(temporary);
  return file;
}

Result<void> WholeFile::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const sys::Transfer wrote = sys::write_some(fd_.get(), bytes);
    if (wrote.state != sys::Transfer::State::done || wrote.count == 0) {
      errno = wrote.error == 0 ? EIO : wrote.error;
      return fail(error());
    }
    bytes.remove_prefix(wrote.count);
  }
  return {};
}

Result<void> WholeFile::name_temporarily() {
  std::string temporary = temporary_name();
  if (!give_name(*folder_, fd_.get(), temporary)) return fail(error());
  temporary_ = std::move(temporary);
  return {};
}

Result<void> WholeFile::take_name() {
  TRY(check_is_replaceable(*folder_, name_));
  if (temporary_.empty()) {
    if (give_name(*folder_, fd_.get(), name_)) return {};
    if (errno != EEXIST) return fail(error());
    TRY(name_temporarily());
  }
  if (!close_well(std::move(fd_))) return fail(error());
  if (::renameat(folder_->fd, temporary_.c_str(), folder_->fd, name_.c_str()) != 0)
    return fail(error());
  temporary_.clear();
  return {};
}

}  // namespace fanout::report
