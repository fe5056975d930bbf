// Files that say which hosts there are: opened once, and everything decided about that descriptor, so that no change of the
// name in between matters.
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <optional>
#include <string>

#include "fanout/core/result.hpp"
#include "fanout/sys/fd.hpp"

namespace fanout::inventory {

inline constexpr std::size_t most_file_bytes = 64U << 20;

struct OpenedFile {
  std::string path;
  sys::UniqueFd fd;
  struct stat status {};
};

// Opening never waits. nullopt when there is nothing of that name. Errors of this file are all ErrorKind::usage.
//
// A FIFO is only accepted where the user has named it (`<(COMMAND)`, mkfifo(1)): reading waits for its writer, and whoever
// can write to a folder that is merely searched could make fanout wait for ever.
enum class Accept { regular, regular_or_fifo };
core::Result<std::optional<OpenedFile>> open_if_there(const std::string &path,
                                                      Accept accept = Accept::regular);
core::Result<OpenedFile> open_named(const std::string &path);  // a regular file or a FIFO

// All of it; an error if it is not what it was when it was opened. A FIFO is read until its last writer closes it, and waited
// for until the first one comes.
core::Result<std::string> read_unchanged(const OpenedFile &file,
                                         std::size_t limit_bytes = most_file_bytes);

// To its end, and so waits for whoever writes it.
core::Result<std::string> read_standard_input(int fd, std::size_t limit_bytes = most_file_bytes);

// What an inventory holds that somebody else must not read or must not have written. Also for FIFOs: that of `<(COMMAND)`
// belongs to who made it and has mode 0600 (pipe(7)). Pure.
struct Sensitive {
  bool passwords = false;
  bool runs_programs = false;
};
core::Result<void> check_rights(const std::string &path, const struct stat &status, uid_t user,
                                Sensitive sensitive);

}  // namespace fanout::inventory
