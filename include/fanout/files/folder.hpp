// Where get writes: the folder of one host, held open by a descriptor.
//
// Names come from the server. Whatever it says, nothing is opened, made, renamed or removed but beneath that descriptor:
// every path is resolved by openat2(2) with RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS and RESOLVE_NO_MAGICLINKS, so a folder
// that somebody swaps for a link during the run leads nowhere. Runs in a worker, beneath the sandbox of get.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "fanout/core/result.hpp"
#include "fanout/files/catalogue.hpp"
#include "fanout/sys/fd.hpp"

namespace fanout::files {

// What is wrong with a name that a server sends for one entry of a folder, or nothing: empty, ".", "..", with a slash or a
// NUL, or longer than 255 bytes. Everything else is a name on Linux: newline, escape codes, bytes that are not UTF-8.
std::optional<std::string> wrong_with_entry_name(std::string_view name);

// `parent`/`name` for paths beneath a Folder; `parent` may be empty.
std::string join(std::string_view parent, std::string_view name);

// A file on its way: has a temporary name until put_in_place(). Removes that when it is destroyed before, unless kept.
class Incoming;

class Folder {
public:
  // `name` is what messages call it, `token` (16 random hexadecimal digits; made here when there is none) is part of every
  // temporary name. Asks for umask and user, so it is made before the sandbox forbids that.
  explicit Folder(sys::UniqueFd folder, std::string name = {}, std::string token = {});

  [[nodiscard]] int fd() const { return folder_.get(); }
  [[nodiscard]] std::uint32_t umask() const { return umask_; }

  // A Folder may be moved, and must outlive every Incoming that it has made. Holds one descriptor, an Incoming holds one;
  // each call opens at most two more, and closes them.
  //
  // Paths: relative, components separated by single slashes, each without fault for wrong_with_entry_name(). Anything else
  // is ErrorKind::protocol. Failures of this machine are ErrorKind::local, with the path in the message: a full disk, a
  // name too long, no permission.

  // Makes the folder and those above it that do not exist yet, mode 0777 without the umask. What stands there and is no
  // folder (a file, a link) is an error. An empty path is this folder itself.
  core::Result<void> make_folders(std::string_view path);

  struct Found {
    Kind kind = Kind::file;
    std::uint64_t size = 0;
    Timestamp mtime;
    std::uint32_t mode = 0;
  };
  // What stands at the path: nullopt for nothing; ErrorKind::local for what is neither a regular file nor a folder (a link
  // is neither).
  core::Result<std::optional<Found>> look(std::string_view path) const;

  // Makes an empty file beside `path`, exclusively and without following anything, called ".NAME.fanout-TOKEN-RANDOM". Three
  // attempts.
  // Refuses when a folder, or anything that is no regular file, stands at `path`.
  core::Result<Incoming> create(std::string_view path);

  // For --resume: opens, or makes, the file ".NAME.fanout-TAG.part" beside `path`, whose name says what it is a part of.
  // Refuses one that is no regular file, or that has another name as well, and begins anew when another user owns it. Needs Profile::get_again, as does hash().
  core::Result<Incoming> resume(std::string_view path, std::string_view tag);

  // SHA-256 (32 raw bytes) of a regular file; ErrorKind::local when it cannot be read. Blocks; between any two MiB it asks
  // whether it is `interrupted`, and gives up with ErrorKind::interrupted when it is.
  core::Result<std::string> hash(std::string_view path,
                                 const std::function<bool()> &interrupted = {}) const;

  // Of a folder, once everything in it is there. Of the mode the permissions alone. It must be readable for us: only a
  // folder that is open can be changed, and not another that has come into its place.
  core::Result<void> set_attributes(std::string_view path, std::optional<std::uint32_t> mode,
                                    std::optional<std::int64_t> mtime);

private:
  [[nodiscard]] std::string shown(std::string_view path) const;

  sys::UniqueFd folder_;
  std::string name_;
  std::string token_;
  std::uint32_t umask_;
  std::uint32_t user_;
};

class Incoming {
public:
  Incoming(Incoming &&) noexcept;
  Incoming &operator=(Incoming &&) = delete;
  Incoming(const Incoming &) = delete;
  Incoming &operator=(const Incoming &) = delete;
  ~Incoming();

  // At any offset; what is not written is a hole. ErrorKind::local with the path: disk full, quota, limit on files.
  core::Result<void> write(std::string_view bytes, std::uint64_t offset);
  // For --resume: its size when it was opened, and `size` bytes of it at `offset`, all of which must be there.
  [[nodiscard]] std::uint64_t size_before() const { return size_before_; }
  core::Result<void> read(char *buffer, std::size_t size, std::uint64_t offset) const;
  core::Result<void> truncate(std::uint64_t size);

  // Gives it `size` (what is missing at the end is a hole, too), sets mode (permissions alone; special bits are dropped)
  // and time, flushes (fsync), renames over `path` and closes. What has come there meanwhile and is no regular file is not
  // replaced. `mode` without: 0666 less the umask, or what the file had that is replaced.
  core::Result<void> put_in_place(std::uint64_t size, std::optional<std::uint32_t> mode,
                                  std::optional<std::int64_t> mtime);
  // Leaves the temporary name where it is, if it never comes into its place: for --resume.
  void keep() { kept_ = true; }

private:
  friend class Folder;
  Incoming(int folder, sys::UniqueFd file, std::string temporary, std::string path,
           std::string shown, std::uint32_t mode);
  void remove() const;

  int folder_;  // of the Folder; the one that both names are in is opened anew when it is needed, there may be many of us
  sys::UniqueFd file_;
  std::string temporary_;  // beside path_; empty once it is in place
  std::string path_;
  std::string shown_;          // path_ for messages
  std::uint32_t mode_of_new_;  // 0666 less the umask
  std::uint64_t size_before_ = 0;
  bool kept_ = false;
};

// --- in the parent -------------------------------------------------------------------------------------------------

// The name of a host's folder: bytes that could be misread in a path (slash, a leading dot or dash, control bytes, "%",
// whatever is not printable ASCII) become %XX, so that different hosts have different folders. ErrorKind::usage when the
// result is longer than a name may be.
core::Result<std::string> folder_name_of(std::string_view host);

// Opens LOCALDIR, makes it if it does not exist (its parent must).
core::Result<sys::UniqueFd> open_download_folder(const std::string &path);
// Opens the folder of one host in it, makes it if it does not exist; a link is refused. ErrorKind::local. Both descriptors
// are good for paths beneath them alone (O_PATH).
core::Result<sys::UniqueFd> open_host_folder(int download_folder, const std::string &folder_name);

// Of a get that was killed: removes the temporary files with its token below the folder of a host, and follows no link. False
// when that was not possible, or when the tree is too large to be searched while other hosts wait.
bool remove_leftovers(int host_folder, std::string_view token);

// REMOTE as a path beneath the folder of a host: without leading and doubled slashes, "." components and a trailing slash;
// "~/x" is "x". ErrorKind::usage for one with "..", which has no place there, or with nothing left.
core::Result<std::string> place_of_remote(std::string_view remote);

}  // namespace fanout::files
