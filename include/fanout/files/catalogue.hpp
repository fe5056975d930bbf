// The list of what put sends: made once by the parent, read by every worker.
//
// The parent walks each LOCAL, opens or packs what is there, and writes entries to a file without a name; workers get
// descriptors and read it one entry after the other, so that a million files cost a worker no memory. Small files are
// packed: their content is copied once, as a tar archive, into a second file without a name, and no worker opens them.
// Larger ones are read where they lie, through the descriptor of the LOCAL they belong to.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fanout/core/result.hpp"
#include "fanout/sys/fd.hpp"

namespace fanout::files {

enum class Kind : std::uint8_t { file, directory };

// A time as inodes have it.
struct Timestamp {
  std::int64_t seconds = 0;
  std::uint32_t nanoseconds = 0;
  friend bool operator==(const Timestamp &, const Timestamp &) = default;
};

struct Entry {
  Kind kind = Kind::file;
  // Below the destination: "NAME" for what LOCAL itself is, "NAME/sub/file" beneath it. No component is empty, "." or
  // "..".
  std::string path;
  std::uint32_t mode = 0;  // as it is here, permissions and special bits
  std::uint64_t size = 0;
  Timestamp mtime;
  std::string sha256;        // 32 raw bytes; empty unless it was asked for, or this is no file
  std::uint64_t number = 0;  // of the entry, from 0, folders counted

  // Where the content is. Packed: a whole member of the archive is at [member_offset, member_offset + member_bytes) of
  // the pack; its content begins at member_offset + tar_header_bytes, and the member's name is `number` in decimal.
  bool packed = false;
  std::uint64_t member_offset = 0;
  std::uint64_t member_bytes = 0;
  // Not packed: the file `open_path` beneath descriptor `root`, or that descriptor itself when it is empty.
  std::uint32_t root = 0;
  std::string open_path;
  // What shows that it is still the same content.
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  Timestamp ctime;
};

inline constexpr std::uint64_t tar_header_bytes = 512;

struct CatalogueOptions {
  bool recursive = false;
  bool hash = false;  // SHA-256 of every file
  // What members of the pack get (tar(5)): with `preserve` the time of the file, else that of now; `mode`, else that of the
  // file without special bits. Entries keep what is here.
  bool preserve = false;
  std::optional<std::uint32_t> mode = std::nullopt;
  std::uint64_t largest_packed_bytes = 64 * 1024;  // of one file
  std::uint64_t pack_limit_bytes = 1ULL << 30;     // of all; what is beyond is not packed
};

// Owned by the parent.
struct Catalogue {
  std::uint64_t files = 0;
  std::uint64_t directories = 0;
  std::uint64_t bytes = 0;  // of all files
  std::uint64_t packed_files = 0;
  bool single_file = false;        // one LOCAL, and it is a file
  bool single_directory = false;   // one LOCAL, and it is a directory
  std::string single_sha256;       // hexadecimal, when single_file and hashed
  std::vector<std::string> notes;  // for -v
  sys::UniqueFd list;
  sys::UniqueFd pack;
  std::vector<sys::UniqueFd> roots;  // of what is not packed: regular files and folders

  // What a worker is handed, in the order in which Source takes it: list, pack, roots.
  [[nodiscard]] std::vector<int> descriptors() const;
};

// More LOCALs than that cannot be handed to a worker; packed ones do not count.
inline constexpr std::size_t max_roots = 200;

// Reads every LOCAL. Symbolic links are followed, as scp does, and a folder that contains itself through one is an
// error; a FIFO, a device or a socket is refused without being waited for, and so is a dangling link. The name of a
// LOCAL is its last component as typed; "." and ".." have that of the folder they mean, and what has none ("/") is
// refused, as are two LOCALs of one name. ErrorKind::usage for what is wrong with the sources, so that nobody is
// contacted; ErrorKind::local when this machine fails, and for a file that changes while it is read here. Asks
// `interrupted` every few megabytes and entries, and fails with ErrorKind::interrupted when it says so. Messages hold
// names as they are: whoever prints them makes them safe.
core::Result<Catalogue> make_catalogue(const std::vector<std::string> &locals,
                                       const CatalogueOptions &options,
                                       const std::function<bool()> &interrupted = {});

}  // namespace fanout::files
