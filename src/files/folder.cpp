// What is hard here: the folder belongs to a user who may rename and link in it while we work, and every name comes from a
// server. So a path is walked anew for every call, each time beneath the descriptor, and calls that take a name get the
// last one alone, in a folder that is open.
#include "fanout/files/folder.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "attributes.hpp"
#include "beneath.hpp"
#include "fanout/files/sha256.hpp"
#include "fanout/sys/random.hpp"
#include "place.hpp"

namespace fanout::files {

using core::ErrorKind;
using core::fail;
using core::Result;

namespace {

constexpr int attempts = 3;
constexpr std::size_t token_digits = 16;
constexpr std::size_t digits_of_each = 8;
constexpr std::size_t read_bytes = 1 << 20;

std::uint32_t umask_of_this_process() {
  const mode_t mask = ::umask(0777);  // there is no other way to ask
  ::umask(mask);
  return mask;
}

// ".NAMEtail", NAME cut to what a name has room for, and not in the middle of a character of UTF-8.
std::string hidden_name(std::string_view name, std::string_view tail) {
  const std::size_t room = max_name_bytes - 1 - std::min(tail.size(), max_name_bytes - 1);
  std::size_t length = std::min(name.size(), room);
  if (length < name.size())
    while (length > 0 && (static_cast<unsigned char>(name[length]) & 0xc0) == 0x80) --length;
  return fmt::format(".{}{}", name.substr(0, length), tail);
}

}  // namespace

Folder::Folder(sys::UniqueFd folder, std::string name, std::string token)
    : folder_(std::move(folder)),
      name_(std::move(name)),
      token_(token.empty() ? sys::random_hexadecimal(token_digits) : std::move(token)),
      umask_(umask_of_this_process()),
      user_(::geteuid()) {}

std::string Folder::shown(std::string_view path) const { return join(name_, path); }

Result<void> Folder::make_folders(std::string_view path) {
  if (path.empty()) return {};
  TRY(check_path(path));
  constexpr std::uint64_t as_folder = O_PATH | O_DIRECTORY;
  if (open_beneath(folder_.get(), std::string(path), as_folder)) return {};
  sys::UniqueFd parent;
  for (std::size_t begin = 0; begin < path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string name(path.substr(begin, end - begin));
    const int above = parent ? parent.get() : folder_.get();
    // Whatever stands there already, opening it tells whether it is a folder.
    if (::mkdirat(above, name.c_str(), 0777) != 0 && errno != EEXIST)
      return fail(path_error("make folder", shown(path.substr(0, end)), errno));
    sys::UniqueFd made = open_beneath(above, name, as_folder);
    if (!made) return fail(path_error("make folder", shown(path.substr(0, end)), errno));
    parent = std::move(made);
    begin = end + 1;
  }
  return {};
}

Result<std::optional<Folder::Found>> Folder::look(std::string_view path) const {
  TRY(check_path(path));
  const sys::UniqueFd fd = open_beneath(folder_.get(), std::string(path), O_PATH | O_NOFOLLOW);
  if (!fd && errno == ENOENT) return std::nullopt;
  struct stat facts {};
  if (!fd || status_of(fd.get(), facts) != 0)
    return fail(path_error("look at", shown(path), errno));
  if (!S_ISREG(facts.st_mode) && !S_ISDIR(facts.st_mode))
    return fail(ErrorKind::local,
                fmt::format("{} is {} here", shown(path), kind_name(facts.st_mode)));
  return Found{S_ISDIR(facts.st_mode) ? Kind::directory : Kind::file,
               static_cast<std::uint64_t>(facts.st_size),
               {facts.st_mtim.tv_sec, static_cast<std::uint32_t>(facts.st_mtim.tv_nsec)},
               facts.st_mode & 07777};
}

Result<Incoming> Folder::create(std::string_view path) {
  const std::string shown_path = shown(path);
  TRY_ASSIGN(const Place place, split(path));
  TRY_ASSIGN(const sys::UniqueFd parent,
             open_parent(folder_.get(), place.parent, "make", shown_path));
  TRY(regular_file(parent.get(), place.name, "make", shown_path));
  for (int attempt = 0; attempt < attempts; ++attempt) {
    std::string temporary = hidden_name(
        place.name, fmt::format(".fanout-{}-{}", token_, sys::random_hexadecimal(digits_of_each)));
    // Nobody else's until it is whole.
    sys::UniqueFd file =
        open_beneath(parent.get(), temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    if (file)
      return Incoming(folder_.get(), std::move(file), std::move(temporary), std::string(path),
                      shown_path, 0666 & ~umask_);
    if (errno != EEXIST) break;
  }
  return fail(path_error("make", shown_path, errno));
}

Result<Incoming> Folder::resume(std::string_view path, std::string_view tag) {
  const std::string shown_path = shown(path);
  TRY_ASSIGN(const Place place, split(path));
  std::string temporary = hidden_name(place.name, fmt::format(".fanout-{}.part", tag));
  TRY(check_path(temporary));
  TRY_ASSIGN(const sys::UniqueFd parent,
             open_parent(folder_.get(), place.parent, "make", shown_path));
  TRY(regular_file(parent.get(), place.name, "make", shown_path));

  const std::string shown_part = shown(join(place.parent, temporary));
  TRY_ASSIGN(auto before, regular_file(parent.get(), temporary, "go on with", shown_part));
  // Its owner could write to it, even when it is whole and in its place.
  if (before && before->st_uid != user_) {
    if (::unlinkat(parent.get(), temporary.c_str(), 0) != 0)
      return fail(path_error("replace another user's", shown_part, errno));
    before.reset();
  }
  sys::UniqueFd file =
      before ? open_beneath(parent.get(), temporary, O_RDWR | O_NOFOLLOW | O_NONBLOCK)
             : open_beneath(parent.get(), temporary, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
  struct stat facts {};
  if (!file || status_of(file.get(), facts) != 0)
    return fail(path_error("go on with", shown_part, errno));
  // Its name can be known before, and whoever else made it may have given it to a file that is not to be written to.
  if (!S_ISREG(facts.st_mode) || facts.st_nlink != 1 || (before && facts.st_uid != user_))
    return fail(ErrorKind::local,
                fmt::format("go on with {}: it is not what a transfer has left", shown_part));
  Incoming incoming(folder_.get(), std::move(file), std::move(temporary), std::string(path),
                    shown_path, 0666 & ~umask_);
  incoming.size_before_ = static_cast<std::uint64_t>(facts.st_size);
  return incoming;
}

Result<std::string> Folder::hash(std::string_view path,
                                 const std::function<bool()> &interrupted) const {
  const std::string shown_path = shown(path);
  TRY_ASSIGN(const Place place, split(path));
  TRY_ASSIGN(const sys::UniqueFd parent,
             open_parent(folder_.get(), place.parent, "read", shown_path));
  TRY(regular_file(parent.get(), place.name, "read", shown_path));
  const sys::UniqueFd file =
      open_beneath(parent.get(), place.name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  struct stat facts {};
  if (!file || status_of(file.get(), facts) != 0)
    return fail(path_error("read", shown_path, errno));
  if (!S_ISREG(facts.st_mode))
    return fail(ErrorKind::local,
                fmt::format("read {}: it has become {}", shown_path, kind_name(facts.st_mode)));
  const auto buffer = std::make_unique_for_overwrite<char[]>(read_bytes);
  Sha256 digest;
  for (off_t offset = 0;;) {
    if (interrupted && interrupted())
      return fail(ErrorKind::interrupted, fmt::format("read {}: stopped", shown_path));
    const ssize_t count = ::pread(file.get(), buffer.get(), read_bytes, offset);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail(path_error("read", shown_path, errno));
    if (count == 0) return digest.finish();
    digest.add({buffer.get(), static_cast<std::size_t>(count)});
    offset += count;
  }
}

Result<void> Folder::set_attributes(std::string_view path, std::optional<std::uint32_t> mode,
                                    std::optional<std::int64_t> mtime) {
  if (!mode && !mtime) return {};
  TRY(check_path(path));
  const sys::UniqueFd folder =
      open_beneath(folder_.get(), std::string(path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!folder && errno == EACCES)
    return fail(ErrorKind::local,
                fmt::format("set mode or time of folder {}: its mode here does not let it be read "
                            "(chmod u+r)",
                            shown(path)));
  if (!folder) return fail(path_error("open folder", shown(path), errno));
  if (mtime) TRY(set_time(folder.get(), *mtime, shown(path)));
  if (mode) TRY(set_mode(folder.get(), *mode, shown(path)));
  return {};
}

}  // namespace fanout::files
