#include "destination.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace fanout::worker {

using core::ErrorKind;
using core::fail;
using core::Result;

namespace {

constexpr std::size_t max_name_bytes = 255;

Result<void> refuse(std::string_view path, std::string_view why) {
  return fail(ErrorKind::remote, fmt::format("{}: {}", path, why));
}

// So many bytes of a name at most, and no character of UTF-8 in part: some file systems refuse what is not UTF-8.
std::string_view cut(std::string_view name, std::size_t bytes) {
  if (name.size() <= bytes) return name;
  const auto continues = [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) == 0x80U; };
  std::size_t end = bytes;
  while (end > 0 && bytes - end < 4 && continues(name[end])) --end;
  return name.substr(0, continues(name[end]) ? bytes : end);
}

std::string below(std::string_view folder, std::string_view name) {
  if (folder.empty()) return std::string(name);
  return fmt::format("{}{}{}", folder, folder.back() == '/' ? "" : "/", name);
}

}  // namespace

Result<std::string> path_of_remote(std::string_view remote) {
  if (remote.empty()) return fail(ErrorKind::usage, "an empty path means nothing on the host");
  if (remote.find('\0') != std::string_view::npos)
    return fail(ErrorKind::usage, "a path cannot have a NUL in it");
  if (remote.front() == '~') {
    const std::size_t end = remote.find('/');
    if (remote.substr(0, end) != "~")
      return fail(
          ErrorKind::usage,
          fmt::format("{}: the home of another user has to be written out", remote.substr(0, end)));
    // A relative path begins in the home; and what follows "~/" is one, however many slashes there are.
    const std::size_t begin = remote.find_first_not_of('/', 1);
    remote = begin == std::string_view::npos ? "." : remote.substr(begin);
  }
  const std::size_t last = remote.find_last_not_of('/');
  return last == std::string_view::npos ? "/" : std::string(remote.substr(0, last + 1));
}

Result<void> check_names(std::string_view path) {
  for (std::string_view rest = path; !rest.empty();) {
    const std::size_t end = std::min(rest.find('/'), rest.size());
    if (end > max_name_bytes) return refuse(path, "File name too long");
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return {};
}

std::string destination_of(std::string_view remote_path, bool into_folder,
                           std::string_view entry_path) {
  if (into_folder) return below(remote_path, entry_path);
  const std::size_t slash = entry_path.find('/');
  if (slash == std::string_view::npos) return std::string(remote_path);
  return below(remote_path, entry_path.substr(slash + 1));
}

Result<void> may_put(files::Kind kind, Standing standing, std::string_view path) {
  const bool is_file = kind == files::Kind::file;
  switch (standing) {
    case Standing::nothing: return {};
    case Standing::file:
      if (is_file) return {};
      return refuse(path, "is a file, which a directory does not replace");
    case Standing::link_to_file:
      if (is_file) return {};
      return refuse(path, "is a symbolic link, which a directory does not replace");
    case Standing::directory:
      if (!is_file) return {};
      return refuse(path, fmt::format("is a directory; write {} to copy into it", below(path, "")));
    case Standing::link_to_directory:
      return refuse(path, fmt::format("is a symbolic link to a directory; write {} to copy into it",
                                      below(path, "")));
    case Standing::other: return refuse(path, "is neither a file nor a directory");
  }
  return refuse(path, "cannot be replaced");
}

Result<void> may_put_into(Standing standing, std::string_view path) {
  switch (standing) {
    case Standing::directory:
    case Standing::link_to_directory: return {};
    case Standing::nothing: return refuse(path, "no such directory");
    case Standing::file:
    case Standing::link_to_file:
    case Standing::other: break;
  }
  return refuse(path, "is not a directory");
}

std::string temporary_beside(std::string_view path, std::string_view tag) {
  const std::size_t slash = path.rfind('/');
  const std::string_view name = slash == std::string_view::npos ? path : path.substr(slash + 1);
  const std::string end = fmt::format(".fanout-{}", tag);
  const std::size_t room = max_name_bytes - std::min(max_name_bytes, end.size() + 1);
  return below(folder_of(path), fmt::format(".{}{}", cut(name, room), end));
}

std::string folder_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return {};
  const std::size_t last = path.substr(0, slash).find_last_not_of('/');
  return last == std::string_view::npos ? "/" : std::string(path.substr(0, last + 1));
}

std::string staging_folder(std::string_view folder, std::string_view token) {
  return below(folder, fmt::format(".fanout-{}", token));
}

}  // namespace fanout::worker
