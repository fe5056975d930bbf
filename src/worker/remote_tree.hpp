// The files below some folders of the host, for get -r.
//
// Sixteen folders are read at once, and what they hold is handed out before more is read: however large the tree is, only
// the names of folders that wait and of those that get a mode at the end are in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fanout/core/result.hpp"
#include "fanout/files/folder.hpp"
#include "fanout/ssh/sftp.hpp"
#include "fanout/ssh/task.hpp"
#include "fetched.hpp"
#include "listing_check.hpp"
#include "transfer.hpp"

namespace fanout::worker {

// A file of the host that is to be fetched, as it was seen last.
struct RemoteFile {
  std::string path;
  std::string place;  // beneath the folder of the host
  ssh::Attributes seen;
  std::string hash;       // SHA-256 by the host, raw; empty when nobody asked or it could not tell
  std::string hashed_by;  // the tool that it has used
};

// By place: the paths of all that a REMOTE means itself.
using NamedPaths = std::map<std::string, std::string>;

// Of two paths with the same place: a relative one is another than the same from the root.
bool is_same_path(std::string_view one, std::string_view other);

class RemoteTree {
public:
  // All are borrowed.
  RemoteTree(Transfer &transfer, ssh::Sftp &sftp, files::Folder &folder, Fetched &fetched,
             const NamedPaths &named)
      : transfer_(transfer), sftp_(sftp), folder_(folder), fetched_(fetched), named_(named) {}

  // A folder that is to be walked; `path` may be a link to it. No link is followed below, and what has been named itself is
  // not found there a second time.
  void add(std::string path, std::string place, const ssh::Attributes &seen);

  // Replaces `found` by some files that were found; false when there are no more. Folders are made here as they are found
  // there. Whatever is wrong is given to Fetched::failed(), and the rest goes on.
  ssh::Task<bool> next(std::vector<RemoteFile> &found);

  // Once all files are there: modes and times of the folders that were made, the deepest first. A note says what was
  // skipped.
  void finish();

private:
  struct Root {
    std::string path;
    std::string place;
  };
  struct Waiting {
    std::size_t root = 0;
    std::string below;  // "/sub/folder", or nothing
    int depth = 0;
    std::optional<std::uint32_t> mode;
    std::optional<std::uint32_t> mtime;
  };
  struct Open {
    Waiting folder;
    std::string path;
    std::string place;
    std::string handle;
    ListingCheck check;
    bool done = false;
  };
  struct Final {
    std::string place;
    std::optional<std::uint32_t> mode;
    std::optional<std::int64_t> mtime;
  };

  ssh::Task<> read_some(std::vector<RemoteFile> &found);
  ssh::Task<> open_some();
  ssh::Task<> find_types();
  bool is_named(const RemoteFile &file);
  bool make(const Waiting &folder, const std::string &place);
  void take(Open &from, std::vector<ssh::DirectoryEntry> entries, std::vector<RemoteFile> &found);
  void sort_in(const Waiting &parent, RemoteFile file, std::vector<RemoteFile> &found);
  void failed(const ssh::FileError &error);
  bool remember(std::size_t bytes, const std::string &path);
  [[nodiscard]] std::string path_of(const Waiting &folder) const;
  [[nodiscard]] std::string place_of(const Waiting &folder) const;

  Transfer &transfer_;
  ssh::Sftp &sftp_;
  files::Folder &folder_;
  Fetched &fetched_;
  const NamedPaths &named_;
  std::vector<Root> roots_;
  std::vector<Waiting> waiting_;  // the last one is next: depth first keeps it short
  std::deque<Open> open_;
  struct Untold {
    Waiting parent;
    RemoteFile file;
  };
  std::vector<Untold> untold_;  // entries without a type in their listing
  std::vector<Final> finals_;
  std::size_t remembered_bytes_ = 0;
  bool started_ = false;
  bool too_many_folders_ = false;
  std::uint64_t entries_ = 0;
  std::uint64_t links_ = 0;
  std::uint64_t specials_ = 0;
};

}  // namespace fanout::worker
