#include "file.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include <fmt/format.h>

#include "fanout/inventory/selection.hpp"
#include "fanout/sys/io.hpp"

namespace fanout::inventory {

namespace {

using core::ErrorKind;
using core::fail;
using core::Result;

Result<std::string> read_to_end(int fd, const std::string &path, std::size_t expected_bytes,
                                std::size_t limit_bytes) {
  std::string text;
  text.reserve(std::min(expected_bytes, limit_bytes) + 1);
  std::array<char, 65536> buffer;  // NOLINT: filled by read
  for (;;) {
    const sys::Transfer transfer = sys::read_some(fd, buffer.data(), buffer.size());
    switch (transfer.state) {
      case sys::Transfer::State::done: text.append(buffer.data(), transfer.count); break;
      case sys::Transfer::State::end: return text;
      case sys::Transfer::State::would_block: sys::wait_ready(fd, POLLIN, {}); break;
      case sys::Transfer::State::failed:
        return fail(core::system_error(ErrorKind::usage, "read " + path, transfer.error));
    }
    if (text.size() > limit_bytes) {
      core::wipe(text);
      return fail(ErrorKind::usage, fmt::format("{}: larger than {} bytes", path, limit_bytes));
    }
  }
}

bool same(const timespec &a, const timespec &b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

}  // namespace

Result<std::optional<OpenedFile>> open_if_there(const std::string &path, Accept accept) {
  OpenedFile file;
  file.path = path;
  // O_NONBLOCK: opening a FIFO would wait for somebody who writes to it.
  file.fd = sys::UniqueFd::adopt(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!file.fd) {
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    // What open(2) says of a socket.
    if (errno == ENXIO) return fail(ErrorKind::usage, fmt::format("{}: not a regular file", path));
    return fail(core::system_error(ErrorKind::usage, "open " + path, errno));
  }
  if (fstat(file.fd.get(), &file.status) != 0)
    return fail(core::system_error(ErrorKind::usage, "fstat " + path, errno));
  if (S_ISDIR(file.status.st_mode))
    return fail(ErrorKind::usage, fmt::format("{}: a directory", path));
  const bool fifo_wanted = accept == Accept::regular_or_fifo && S_ISFIFO(file.status.st_mode);
  if (!S_ISREG(file.status.st_mode) && !fifo_wanted)
    return fail(ErrorKind::usage,
                fmt::format("{}: not a regular file (- is standard input)", path));
  return file;
}

Result<OpenedFile> open_named(const std::string &path) {
  TRY_ASSIGN(std::optional<OpenedFile> file, open_if_there(path, Accept::regular_or_fifo));
  if (!file) return fail(core::system_error(ErrorKind::usage, "open " + path, ENOENT));
  return std::move(*file);
}

Result<std::string> read_unchanged(const OpenedFile &file, std::size_t limit_bytes) {
  if (S_ISFIFO(file.status.st_mode)) {
    // Opened without blocking, a FIFO that nobody has written to yet reads as if it were at its end; poll(2) is ready only
    // when there are bytes or a writer has come and gone.
    sys::wait_ready(file.fd.get(), POLLIN, {});
    return read_to_end(file.fd.get(), file.path, 0, limit_bytes);
  }
  TRY_ASSIGN(std::string text,
             read_to_end(file.fd.get(), file.path, static_cast<std::size_t>(file.status.st_size),
                         limit_bytes));
  struct stat now {};
  if (fstat(file.fd.get(), &now) != 0)
    return fail(core::system_error(ErrorKind::usage, "fstat " + file.path, errno));
  // The change time too: it moves when the content is written under an old modification time, and when another file is
  // renamed over this one.
  if (now.st_size != file.status.st_size || !same(now.st_mtim, file.status.st_mtim) ||
      !same(now.st_ctim, file.status.st_ctim)) {
    core::wipe(text);
    return fail(ErrorKind::usage, fmt::format("{}: changed while it was read", file.path));
  }
  return text;
}

Result<std::string> read_standard_input(int fd, std::size_t limit_bytes) {
  return read_to_end(fd, "standard input", 0, limit_bytes);
}

Result<std::string> read_hosts_file(const std::string &path) {
  if (path == "-") return read_standard_input(STDIN_FILENO);
  TRY_ASSIGN(const OpenedFile file, open_named(path));
  return read_unchanged(file);
}

Result<void> check_rights(const std::string &path, const struct stat &status, uid_t user,
                          Sensitive sensitive) {
  const auto refuse = [&](std::string_view reason, std::string_view remedy) {
    return fail(ErrorKind::usage, fmt::format("{}: {}: {} {}", path, reason, remedy, path));
  };
  // No remedy: whose file it should be, and whether its content can be trusted, is not for fanout to say.
  const auto refuse_owner = [&](std::string_view reason) {
    return fail(ErrorKind::usage,
                fmt::format("{}: {} and belongs to user {}", path, reason, status.st_uid));
  };
  const bool foreign = status.st_uid != 0 && status.st_uid != user;
  if ((status.st_mode & S_IWOTH) != 0) return refuse("everybody may write it", "chmod o-w");
  if (sensitive.runs_programs) {
    if ((status.st_mode & S_IWGRP) != 0)
      return refuse("it makes fanout run programs and its group may write it", "chmod g-w");
    if (foreign) return refuse_owner("it makes fanout run programs");
  }
  if (sensitive.passwords && foreign) return refuse_owner("contains passwords");
  if (sensitive.passwords && (status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    return refuse("contains passwords and is readable by others", "chmod 600");
  return {};
}

}  // namespace fanout::inventory
