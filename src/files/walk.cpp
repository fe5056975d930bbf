// Every name is opened in the descriptor of the folder that it was read from, never as a path from the top: what
// somebody moves meanwhile cannot lead the walk elsewhere. Links are followed, so a tree can contain itself; a folder
// that is one of those above it, which device and inode tell, ends the walk.

#include "walk.hpp"

#include <dirent.h>
#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "fanout/core/transfer.hpp"
#include "open_source.hpp"

namespace fanout::files {

using core::Error;
using core::ErrorKind;
using core::fail;
using core::Result;

namespace {

struct Name {
  std::string name;
  unsigned char type = DT_UNKNOWN;
};

struct CloseDirectory {
  void operator()(DIR *stream) const { ::closedir(stream); }
};

Result<std::vector<Name>> read_names(int folder, const std::string &shown) {
  sys::UniqueFd own = sys::UniqueFd::adopt(::fcntl(folder, F_DUPFD_CLOEXEC, 0));
  if (!own) return fail(source_error("read", shown, errno));
  const std::unique_ptr<DIR, CloseDirectory> stream(::fdopendir(own.get()));
  if (stream == nullptr) return fail(source_error("read", shown, errno));
  (void)own.release();
  std::vector<Name> names;
  for (;;) {
    errno = 0;
    const struct dirent *entry = ::readdir(stream.get());
    if (entry == nullptr) {
      if (errno != 0) return fail(source_error("read", shown, errno));
      break;
    }
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.push_back({std::string(name), entry->d_type});
  }
  std::sort(names.begin(), names.end(),
            [](const Name &a, const Name &b) { return a.name < b.name; });
  return names;
}

// A folder on the way from the top to where the walk is.
struct Level {
  const Level *above = nullptr;
  int depth = 1;
  int fd = -1;
  dev_t device = 0;
  ino_t inode = 0;
  InTree place;
};

class Walk {
public:
  Walk(std::string path, std::string shown, const Visit &visit)
      : path_(std::move(path)), shown_(std::move(shown)), visit_(visit) {}

  Result<Kind> start(const std::string &local, bool recursive) {
    TRY_ASSIGN(const OpenedSource opened, open_source(AT_FDCWD, local, DT_UNKNOWN, shown_));
    if (opened.kind == Kind::file) {
      TRY(visit(opened, nullptr, path_));
      return Kind::file;
    }
    if (!recursive) return fail(ErrorKind::usage, shown_ + ": is a directory (use -r)");
    Tree tree{opened.fd.get(), real_path_of(opened.fd.get()), nullptr, {}};
    TRY(folder(opened, nullptr, {&tree, {}}));
    return Kind::directory;
  }

private:
  Result<void> visit(const OpenedSource &opened, const Level *level, const std::string &name) {
    static const std::string none;
    return visit_({opened.kind, opened.fd.get(), opened.status, path_, shown_,
                   level != nullptr ? level->place.tree : nullptr,
                   level != nullptr ? level->place.path : none, name, opened.linked});
  }

  Result<void> folder(const OpenedSource &opened, const Level *above, InTree place) {
    const Level level{above,
                      above != nullptr ? above->depth + 1 : 1,
                      opened.fd.get(),
                      opened.status.st_dev,
                      opened.status.st_ino,
                      std::move(place)};
    if (level.depth > max_depth)
      return fail(ErrorKind::usage,
                  fmt::format("{}: more than {} folders deep", shown_, max_depth));
    for (const Level *outer = above; outer != nullptr; outer = outer->above)
      if (outer->device == level.device && outer->inode == level.inode)
        return fail(ErrorKind::usage, shown_ + ": leads back to a folder that it is in");
    TRY(visit(opened, nullptr, path_));
    TRY_ASSIGN(const std::vector<Name> names, read_names(level.fd, shown_));
    for (const Name &name : names) TRY(entry(level, name));
    return {};
  }

  Result<void> entry(const Level &level, const Name &name) {
    const std::size_t path_bytes = path_.size();
    const std::size_t shown_bytes = shown_.size();
    path_.append("/").append(name.name);
    shown_.append(shown_.ends_with('/') ? "" : "/").append(name.name);
    if (path_.size() >= core::max_path_bytes) return fail(path_too_long(shown_));
    TRY_ASSIGN(const OpenedSource opened, open_source(level.fd, name.name, name.type, shown_));
    if (opened.kind == Kind::file)
      TRY(visit(opened, &level, name.name));
    else if (opened.linked)
      TRY(linked_folder(opened, level));
    else
      TRY(folder(opened, &level, {level.place.tree, beneath(level, name.name)}));
    path_.resize(path_bytes);
    shown_.resize(shown_bytes);
    return {};
  }

  Result<void> linked_folder(const OpenedSource &opened, const Level &level) {
    if (auto inside = find_in_trees(opened.fd.get(), opened.status, *level.place.tree))
      return folder(opened, &level, std::move(*inside));
    Tree elsewhere{opened.fd.get(), real_path_of(opened.fd.get()), level.place.tree, {}};
    return folder(opened, &level, {&elsewhere, {}});
  }

  static std::string beneath(const Level &level, const std::string &name) {
    return level.place.path.empty() ? name : level.place.path + '/' + name;
  }

  std::string path_;   // of the entry
  std::string shown_;  // of the same, as the user would write it
  const Visit &visit_;
};

}  // namespace

Error path_too_long(const std::string &shown) {
  constexpr std::size_t shown_bytes = 200;
  return {ErrorKind::usage, fmt::format("{}...: a path of more than {} bytes",
                                        shown.substr(0, shown_bytes), core::max_path_bytes - 1)};
}

Result<Kind> walk(const std::string &local, const std::string &name, bool recursive,
                  const Visit &visit) {
  std::string shown = local;
  while (shown.size() > 1 && shown.ends_with('/')) shown.pop_back();
  return Walk(name, std::move(shown), visit).start(local, recursive);
}

}  // namespace fanout::files
