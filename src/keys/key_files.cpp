// Everything is asked of the opened descriptor, not of the name: between two looks at a name it can come to mean
// another file.
#include "key_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include <fmt/format.h>

#include "fanout/keys/public_key.hpp"
#include "fanout/sys/fd.hpp"
#include "fanout/sys/io.hpp"

namespace fanout::keys {

using core::ErrorKind;
using core::fail;
using core::Result;
using core::Secret;
using core::system_error;

Result<Secret> read_key_file(const std::string &path) {
  // O_NONBLOCK: opening a FIFO would otherwise wait for its writer.
  const sys::UniqueFd file =
      sys::UniqueFd::adopt(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!file) {
    const int error = errno;
    return fail(system_error(
        error == ENOENT || error == ENOTDIR ? ErrorKind::local : ErrorKind::usage, "open", error));
  }
  struct stat facts {};
  if (::fstat(file.get(), &facts) != 0) return fail(system_error(ErrorKind::usage, "stat", errno));
  if (!S_ISREG(facts.st_mode)) return fail(ErrorKind::usage, "not a regular file");
  if (facts.st_size < 0 || static_cast<std::size_t>(facts.st_size) > max_key_file_bytes)
    return fail(ErrorKind::usage,
                fmt::format("larger than {} bytes, so it is not a key", max_key_file_bytes));

  // Reserved in one piece: a string that grows leaves copies behind.
  std::string buffer(static_cast<std::size_t>(facts.st_size), '\0');
  std::size_t filled = 0;
  while (filled < buffer.size()) {
    const sys::Transfer got =
        sys::read_some(file.get(), buffer.data() + filled, buffer.size() - filled);
    if (got.state == sys::Transfer::State::end) break;
    if (got.state != sys::Transfer::State::done) {
      core::wipe(buffer);
      return fail(system_error(ErrorKind::usage, "read", got.error));
    }
    filled += got.count;
  }
  buffer.resize(filled);
  Secret text(std::move(buffer));
  if (is_public_key_file(text.reveal())) return text;

  const uid_t us = ::geteuid();
  if (us != 0 && facts.st_uid != us && facts.st_uid != 0)
    return fail(ErrorKind::usage, "belongs to another user");
  if ((facts.st_mode & 077) != 0)
    return fail(ErrorKind::usage,
                fmt::format("mode {:04o} lets others use it; make it 0600", facts.st_mode & 07777));
  return text;
}

}  // namespace fanout::keys
