#include "place.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

#include "beneath.hpp"
#include "fanout/files/folder.hpp"

namespace fanout::files {

using core::ErrorKind;
using core::fail;
using core::Result;

std::string_view kind_name(std::uint32_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG: return "a file";
    case S_IFDIR: return "a folder";
    case S_IFLNK: return "a symbolic link";
    case S_IFIFO: return "a FIFO";
    case S_IFSOCK: return "a socket";
    default: return "a device";
  }
}

core::Error path_error(std::string_view operation, std::string_view shown, int error_number) {
  if (error_number == ELOOP)
    return {ErrorKind::local,
            fmt::format("{} {}: a symbolic link is in the way", operation, shown)};
  return core::system_error(ErrorKind::local, fmt::format("{} {}", operation, shown), error_number);
}

Result<void> check_path(std::string_view path) {
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    if (const auto wrong = wrong_with_entry_name(path.substr(begin, end - begin)))
      return fail(ErrorKind::protocol, fmt::format("{}: {}", path, *wrong));
    begin = end + 1;
  }
  return {};
}

Result<Place> split(std::string_view path) {
  TRY(check_path(path));
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return Place{{}, std::string(path)};
  return Place{std::string(path.substr(0, slash)), std::string(path.substr(slash + 1))};
}

Result<sys::UniqueFd> open_parent(int folder, const std::string &parent, std::string_view operation,
                                  std::string_view shown) {
  sys::UniqueFd fd = open_beneath(folder, parent.empty() ? "." : parent, O_PATH | O_DIRECTORY);
  if (!fd) return fail(path_error(operation, shown, errno));
  return fd;
}

Result<std::optional<struct stat>> regular_file(int parent, const std::string &name,
                                                std::string_view operation,
                                                std::string_view shown) {
  const sys::UniqueFd fd = open_beneath(parent, name, O_PATH | O_NOFOLLOW);
  if (!fd && errno == ENOENT) return std::nullopt;
  struct stat facts {};
  if (!fd || status_of(fd.get(), facts) != 0) return fail(path_error(operation, shown, errno));
  if (!S_ISREG(facts.st_mode))
    return fail(ErrorKind::local, fmt::format("{} {}: there is {} of that name", operation, shown,
                                              kind_name(facts.st_mode)));
  return facts;
}

}  // namespace fanout::files
