// What is hard: a FIFO must not be waited for and a device not be touched, so a name is looked at before it is opened.
// What stands there may be replaced between the two, so it is opened such that nothing blocks, and looked at again.

#include "open_source.hpp"

#include <dirent.h>
#include <fcntl.h>

#include <cerrno>

#include "beneath.hpp"

namespace fanout::files {

using core::Error;
using core::ErrorKind;
using core::fail;
using core::Result;
using sys::UniqueFd;

namespace {

Result<Kind> kind_of(mode_t mode, const std::string &shown) {
  if (S_ISREG(mode)) return Kind::file;
  if (S_ISDIR(mode)) return Kind::directory;
  const char *what = S_ISFIFO(mode) ? "a FIFO" : S_ISSOCK(mode) ? "a socket" : "a device";
  return fail(ErrorKind::usage, shown + ": is " + what + ", and only files and folders are copied");
}

}  // namespace

Error source_error(std::string_view operation, const std::string &shown, int error_number) {
  const bool ours = error_number == EMFILE || error_number == ENFILE || error_number == ENOMEM ||
                    error_number == EIO;
  return core::system_error(ours ? ErrorKind::local : ErrorKind::usage,
                            std::string(operation) + ' ' + shown, error_number);
}

Error changed_while_read(const std::string &shown) {
  return {ErrorKind::local, shown + ": changed while it was read"};
}

Result<OpenedSource> open_source(int folder, const std::string &name, unsigned char type,
                                 const std::string &shown) {
  OpenedSource opened;
  int follow = 0;
  // readdir's word saves a call for each file of a tree.
  if (type != DT_REG && type != DT_DIR) {
    if (::fstatat(folder, name.c_str(), &opened.status, AT_SYMLINK_NOFOLLOW) != 0)
      return fail(source_error("open", shown, errno));
    opened.linked = S_ISLNK(opened.status.st_mode);
    if (opened.linked && ::fstatat(folder, name.c_str(), &opened.status, 0) != 0) {
      if (errno == ENOENT || errno == ENOTDIR)
        return fail(ErrorKind::usage, shown + ": is a symbolic link that leads nowhere");
      return fail(source_error("open", shown, errno));
    }
    TRY(kind_of(opened.status.st_mode, shown));
  }
  if (!opened.linked) follow = O_NOFOLLOW;
  opened.fd = UniqueFd::adopt(
      ::openat(folder, name.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | follow));
  if (!opened.fd) return fail(source_error("open", shown, errno));
  if (status_of(opened.fd.get(), opened.status) != 0)
    return fail(source_error("fstat", shown, errno));
  TRY_ASSIGN(opened.kind, kind_of(opened.status.st_mode, shown));
  return opened;
}

}  // namespace fanout::files
