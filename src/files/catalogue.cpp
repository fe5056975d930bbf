// The walk finds, the reader reads, the roots say where a worker finds the same: here they become a list.

#include "fanout/files/catalogue.hpp"

#include <cstdlib>
#include <ctime>
#include <map>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "content_reader.hpp"
#include "fanout/core/transfer.hpp"
#include "fanout/files/sha256.hpp"
#include "list_format.hpp"
#include "open_source.hpp"
#include "roots.hpp"
#include "spool.hpp"
#include "status.hpp"
#include "tar_header.hpp"
#include "walk.hpp"

namespace fanout::files {

using core::ErrorKind;
using core::fail;
using core::Result;

namespace {

constexpr std::uint32_t permissions = 0777;
constexpr std::uint32_t mode_bits = 07777;

std::string last_component(std::string path) {
  while (path.ends_with('/')) path.pop_back();
  return path.substr(path.rfind('/') + 1);  // npos + 1 is 0
}

// What LOCAL is called below the destination: its last component as typed, so that a link keeps its own name. "." and
// ".." are no names; what they mean here has one, unless it is the top of all.
Result<std::string> name_of_local(const std::string &local) {
  if (local.empty()) return fail(ErrorKind::usage, "an empty name is no file");
  if (local.find('\0') != std::string::npos)
    return fail(ErrorKind::usage, "a name with a zero byte is no file");
  std::string name = last_component(local);
  if (name == "." || name == "..") {
    struct Free {
      void operator()(char *text) const { std::free(text); }
    };
    const std::unique_ptr<char, Free> real(::realpath(local.c_str(), nullptr));
    if (real != nullptr) name = last_component(real.get());
  }
  if (name.empty() || name == "." || name == "..")
    return fail(ErrorKind::usage, local + ": has no name that it could be given on a host");
  return name;
}

class Maker {
public:
  Maker(const CatalogueOptions &options, Spool list, Spool pack,
        const std::function<bool()> &interrupted)
      : options_(options), list_(std::move(list)), pack_(std::move(pack)), reader_(interrupted) {}

  Result<void> add(const std::string &local);
  Result<Catalogue> finish() &&;

private:
  Result<void> visit(const Found &found);
  Result<void> describe_file(const Found &found, Entry &entry);
  [[nodiscard]] bool can_be_packed(const Entry &entry) const;
  [[nodiscard]] std::int64_t time_in_pack(const Entry &entry) const {
    return options_.preserve ? entry.mtime.seconds : now_;
  }
  Result<void> pack(const ReadFile &file, Entry &entry);
  Result<RootedPath> place_of(const Found &found, const struct stat &status);

  const CatalogueOptions &options_;
  const std::int64_t now_ = std::time(nullptr);
  Catalogue made_;
  std::uint64_t entries_ = 0;
  std::string last_sha256_;
  std::uint64_t not_packed_ = 0;  // small ones, for which there was no room
  Spool list_;
  Spool pack_;
  ContentReader reader_;
  Roots roots_;
  std::map<std::string, std::string> local_of_name_;
};

Result<void> Maker::add(const std::string &local) {
  TRY_ASSIGN(const std::string name, name_of_local(local));
  const auto [earlier, is_new] = local_of_name_.emplace(name, local);
  if (!is_new)
    return fail(ErrorKind::usage, fmt::format("{} and {}: two sources with the name {}",
                                              earlier->second, local, name));
  TRY_ASSIGN(const Kind kind, walk(local, name, options_.recursive,
                                   [this](const Found &found) { return visit(found); }));
  made_.single_file = kind == Kind::file;
  made_.single_directory = kind == Kind::directory;
  return {};
}

Result<void> Maker::visit(const Found &found) {
  Entry entry;
  entry.kind = found.kind;
  entry.path = found.path;
  entry.number = entries_++;
  if (found.kind == Kind::file) {
    TRY(describe_file(found, entry));
  } else {
    ++made_.directories;
    entry.mode = found.status.st_mode & mode_bits;
    entry.mtime = mtime_of(found.status);
  }
  TRY(list_.append(format_record(entry)));
  return reader_.interruption().after(0);
}

Result<void> Maker::describe_file(const Found &found, Entry &entry) {
  struct stat status {};
  if (settled_status(found.fd, status) != 0) return fail(source_error("fstat", found.shown, errno));
  entry.mode = status.st_mode & mode_bits;
  entry.size = static_cast<std::uint64_t>(status.st_size);
  entry.mtime = mtime_of(status);
  entry.ctime = ctime_of(status);
  entry.device = status.st_dev;
  entry.inode = status.st_ino;
  const ReadFile file{found.fd, status, found.shown};
  if (can_be_packed(entry)) {
    TRY(pack(file, entry));
    ++made_.packed_files;
  } else {
    if (entry.size <= options_.largest_packed_bytes) ++not_packed_;
    TRY_ASSIGN(RootedPath place, place_of(found, status));
    if (place.path.size() >= core::max_path_bytes) return fail(path_too_long(found.shown));
    entry.root = place.root;
    entry.open_path = std::move(place.path);
    if (options_.hash) {
      TRY_ASSIGN(entry.sha256, reader_.hash(file));
    }
  }
  ++made_.files;
  made_.bytes += entry.size;
  last_sha256_ = entry.sha256;
  return {};
}

bool Maker::can_be_packed(const Entry &entry) const {
  return entry.size <= options_.largest_packed_bytes &&
         fits_tar_header(entry.size, time_in_pack(entry)) &&
         pack_.size() + tar_header_bytes + entry.size + tar_padding(entry.size) <=
             options_.pack_limit_bytes;
}

Result<void> Maker::pack(const ReadFile &file, Entry &entry) {
  entry.packed = true;
  entry.member_offset = pack_.size();
  TRY(pack_.append(format_tar_header({
      .number = entry.number,
      .mode = options_.mode.value_or(entry.mode & permissions),
      .size = entry.size,
      .mtime = time_in_pack(entry),
  })));
  TRY_ASSIGN(entry.sha256, reader_.copy(file, pack_, options_.hash));
  TRY(pack_.append(std::string(tar_padding(entry.size), '\0')));
  entry.member_bytes = pack_.size() - entry.member_offset;
  return {};
}

Result<RootedPath> Maker::place_of(const Found &found, const struct stat &status) {
  if (found.tree == nullptr) return roots_.place(found.fd, status);
  if (!found.linked)
    return roots_.place(*found.tree,
                        found.folder.empty() ? found.name : found.folder + '/' + found.name);
  if (auto inside = find_in_trees(found.fd, status, *found.tree))
    return roots_.place(*inside->tree, std::move(inside->path));
  return roots_.place(found.fd, status);
}

Result<Catalogue> Maker::finish() && {
  if (local_of_name_.size() != 1) made_.single_file = made_.single_directory = false;
  if (made_.single_file) made_.single_sha256 = hexadecimal(last_sha256_);
  if (not_packed_ != 0)
    made_.notes.push_back(
        fmt::format("{} small files are sent one by one: {} bytes of them are packed already",
                    not_packed_, pack_.size()));
  TRY_ASSIGN(
      made_.list,
      list_.finish(format_list_head({entries_, made_.files, made_.packed_files, made_.bytes})));
  TRY_ASSIGN(made_.pack, pack_.finish());
  made_.roots = roots_.take();
  return std::move(made_);
}

}  // namespace

std::vector<int> Catalogue::descriptors() const {
  std::vector<int> fds{list.get(), pack.get()};
  for (const sys::UniqueFd &root : roots) fds.push_back(root.get());
  return fds;
}

Result<Catalogue> make_catalogue(const std::vector<std::string> &locals,
                                 const CatalogueOptions &options,
                                 const std::function<bool()> &interrupted) {
  TRY_ASSIGN(Spool list, Spool::make());
  TRY_ASSIGN(Spool pack, Spool::make());
  TRY(list.append(std::string(list_head_bytes, '\0')));
  Maker maker(options, std::move(list), std::move(pack), interrupted);
  for (const std::string &local : locals) TRY(maker.add(local));
  return std::move(maker).finish();
}

}  // namespace fanout::files
