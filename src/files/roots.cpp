#include "roots.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <string_view>

#include <fmt/format.h>

#include "beneath.hpp"

namespace fanout::files {

using core::ErrorKind;
using core::fail;
using core::Result;
using core::system_error;
using sys::UniqueFd;

namespace {

bool is_same(const struct stat &a, const struct stat &b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

// What is left of `path` beneath `folder`, or nothing.
std::optional<std::string_view> relative(std::string_view path, std::string_view folder) {
  if (folder.empty() || !path.starts_with(folder)) return std::nullopt;
  path.remove_prefix(folder.size());
  if (folder != "/") {
    if (!path.starts_with('/')) return std::nullopt;
    path.remove_prefix(1);
  }
  if (path.empty()) return std::nullopt;
  return path;
}

}  // namespace

std::string real_path_of(int fd) {
  std::array<char, PATH_MAX> path{};
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t size = ::readlink(link.c_str(), path.data(), path.size());
  if (size <= 0 || size == ssize_t{path.size()} || path[0] != '/') return {};
  return {path.data(), static_cast<std::size_t>(size)};
}

std::optional<InTree> find_in_trees(int fd, const struct stat &status, Tree &tree) {
  const std::string real = real_path_of(fd);
  for (Tree *around = &tree; around != nullptr; around = around->outer) {
    const auto path = relative(real, around->real_path);
    if (!path) continue;
    // The path is a hint: something may have been renamed, or mounted over.
    const UniqueFd again = open_beneath(around->folder, std::string(*path), O_PATH | O_NOFOLLOW);
    struct stat found {};
    if (again && status_of(again.get(), found) == 0 && is_same(found, status))
      return InTree{around, std::string(*path)};
  }
  return std::nullopt;
}

Result<RootedPath> Roots::place(Tree &tree, std::string path) {
  if (!tree.number) {
    struct stat status {};
    if (status_of(tree.folder, status) != 0)
      return fail(system_error(ErrorKind::local, "fstat a folder", errno));
    TRY_ASSIGN(tree.number, number_of(tree.folder, status));
  }
  return RootedPath{*tree.number, std::move(path)};
}

Result<RootedPath> Roots::place(int file, const struct stat &status) {
  TRY_ASSIGN(const std::uint32_t number, number_of(file, status));
  return RootedPath{number, {}};
}

Result<std::uint32_t> Roots::number_of(int fd, const struct stat &status) {
  for (std::size_t i = 0; i < roots_.size(); ++i)
    if (roots_[i].device == status.st_dev && roots_[i].inode == status.st_ino)
      return static_cast<std::uint32_t>(i);
  if (roots_.size() == max_roots)
    return fail(ErrorKind::usage,
                fmt::format("more than {} sources, links that lead out of them counted: put them "
                            "into one folder and copy that with -r",
                            max_roots));
  UniqueFd own = UniqueFd::adopt(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (!own) return fail(system_error(ErrorKind::local, "duplicate a descriptor", errno));
  roots_.push_back({std::move(own), status.st_dev, status.st_ino});
  return static_cast<std::uint32_t>(roots_.size() - 1);
}

std::vector<UniqueFd> Roots::take() {
  std::vector<UniqueFd> fds;
  for (Root &root : roots_) fds.push_back(std::move(root.fd));
  roots_.clear();
  return fds;
}

}  // namespace fanout::files
