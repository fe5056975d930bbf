// One file from the host to its place, by SFTP. Many are fetched at once; they share the line.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "arrival.hpp"
#include "fanout/core/result.hpp"
#include "fanout/files/folder.hpp"
#include "fanout/ssh/sftp.hpp"
#include "fanout/ssh/task.hpp"
#include "fetched.hpp"
#include "read_ahead.hpp"
#include "remote_tree.hpp"
#include "transfer.hpp"

namespace fanout::worker {

class Download {
public:
  // All are borrowed. A worker may have 64 descriptors, and one for each file in pieces is among them.
  static constexpr std::size_t small_at_once = 64;
  static constexpr std::size_t large_at_once = 32;

  Download(Transfer &transfer, ssh::Sftp &sftp, files::Folder &folder, Fetched &fetched);

  // Whether the file comes in one piece, as far as is known.
  [[nodiscard]] bool is_small(const RemoteFile &file) const;
  // Is the same already there, as far as --update and --checksum can tell? Then it is counted.
  bool stands_already(const RemoteFile &file);
  // Fetches it and tells `Fetched` how that ended. Nothing is left behind when it fails, but for --resume.
  ssh::Task<> fetch(RemoteFile file);
  // Small files that were not as they had been listed, to be fetched as large ones.
  std::vector<RemoteFile> take_others() { return std::exchange(others_, {}); }

private:
  struct Opened;
  ssh::Task<core::Result<bool>> fetch_small(RemoteFile file);
  ssh::Task<core::Result<void>> fetch_large(RemoteFile file);
  ssh::Task<core::Result<void>> fetch_resumed(const RemoteFile &file, Opened &opened,
                                              files::Incoming &incoming);
  ssh::Task<core::Result<void>> read(Opened &opened, Arrival &arrival, bool again);
  ssh::Task<core::Result<void>> read_to_end(Opened &opened, Arrival &arrival);
  ssh::Task<core::Result<void>> verify(const RemoteFile &file, Opened &opened);
  core::Result<void> put_in_place(const RemoteFile &file, const ssh::Attributes &seen,
                                  files::Incoming &incoming, std::uint64_t size,
                                  const std::string &hash);
  void verified(std::string_view by);
  core::Error failure(const ssh::FileError &error);
  [[nodiscard]] core::Result<void> check_goes_on() const;
  void count(std::size_t bytes, bool again);
  [[nodiscard]] std::size_t piece_bytes() const;

  Transfer &transfer_;
  const core::TransferOptions &how_;
  ssh::Sftp &sftp_;
  files::Folder &folder_;
  Fetched &fetched_;
  ReadAhead ahead_;
  bool hashes_;                 // SHA-256 of everything is wanted
  std::size_t largest_answer_;  // to a request for a piece: a server may give less than it promised
  std::vector<RemoteFile> others_;
};

}  // namespace fanout::worker
