// In the parent, before anybody is contacted. LOCALDIR is the user's word and may be a link; what is in it is not.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "beneath.hpp"
#include "fanout/files/folder.hpp"
#include "place.hpp"

namespace fanout::files {

using core::ErrorKind;
using core::fail;
using core::Result;
using core::system_error;

namespace {

constexpr mode_t less_the_umask = 0777;

// Whoever searches has other hosts to serve.
constexpr std::size_t most_searched_entries = 200'000;
constexpr std::size_t most_waiting_folders = 10'000;
constexpr int most_depth = 300;

struct CloseDirectory {
  void operator()(DIR *stream) const { ::closedir(stream); }
};

struct Waiting {
  std::string path;
  int depth = 0;
};

// Takes the leftovers out of one folder and its folders into `waiting`; false when not all could be done.
bool search(int host_folder, const Waiting &folder, std::string_view mark,
            std::vector<Waiting> &waiting, std::size_t &entries) {
  sys::UniqueFd fd =
      open_beneath(host_folder, folder.path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK);
  // A folder that was removed has nothing in it.
  if (!fd) return errno == ENOENT;
  const std::unique_ptr<DIR, CloseDirectory> stream(::fdopendir(fd.get()));
  if (!stream) return false;
  const int own = fd.release();  // the stream's
  bool whole = true;
  while (const dirent *entry = ::readdir(stream.get())) {
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (++entries > most_searched_entries) return false;
    unsigned type = entry->d_type;
    if (type == DT_UNKNOWN) {
      struct stat facts {};
      if (::fstatat(own, entry->d_name, &facts, AT_SYMLINK_NOFOLLOW) != 0) continue;
      type = IFTODT(facts.st_mode);
    }
    if (type == DT_DIR) {
      if (folder.depth >= most_depth || waiting.size() >= most_waiting_folders)
        whole = false;
      else
        waiting.push_back({join(folder.path, name), folder.depth + 1});
    } else if (type == DT_REG && name.front() == '.' && name.find(mark) != name.npos) {
      whole = (::unlinkat(own, entry->d_name, 0) == 0 || errno == ENOENT) && whole;
    }
  }
  return whole;
}

}  // namespace

Result<sys::UniqueFd> open_download_folder(const std::string &path) {
  if (::mkdir(path.c_str(), less_the_umask) != 0 && errno != EEXIST)
    return fail(system_error(ErrorKind::local, fmt::format("make folder {}", path), errno));
  sys::UniqueFd folder =
      sys::UniqueFd::adopt(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!folder)
    return fail(system_error(ErrorKind::local, fmt::format("open folder {}", path), errno));
  return folder;
}

Result<sys::UniqueFd> open_host_folder(int download_folder, const std::string &folder_name) {
  TRY(split(folder_name));
  if (::mkdirat(download_folder, folder_name.c_str(), less_the_umask) != 0 && errno != EEXIST)
    return fail(path_error("make folder", folder_name, errno));
  return open_parent(download_folder, folder_name, "open folder", folder_name);
}

bool remove_leftovers(int host_folder, std::string_view token) {
  const std::string mark = fmt::format(".fanout-{}-", token);
  std::vector<Waiting> waiting = {{".", 0}};
  std::size_t entries = 0;
  bool whole = true;
  while (!waiting.empty()) {
    const Waiting folder = std::move(waiting.back());
    waiting.pop_back();
    whole = search(host_folder, folder, mark, waiting, entries) && whole;
    if (entries > most_searched_entries) return false;
  }
  return whole;
}

}  // namespace fanout::files
