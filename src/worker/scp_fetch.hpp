// One run of `scp -f`: files of the host, asked for by name, into the folder here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "arrival.hpp"
#include "fanout/core/result.hpp"
#include "fanout/files/folder.hpp"
#include "fetched.hpp"
#include "running_command.hpp"
#include "scp_lines.hpp"
#include "transfer.hpp"

namespace fanout::worker {

class ScpFetch {
public:
  // All are borrowed.
  ScpFetch(Transfer &transfer, files::Folder &folder, Fetched &fetched);

  // A folder that was made for the tree; gets its mode and time by finish_folders().
  void add_folder(std::string path, std::string place, bool is_new);
  // Fetches these files; what fails of one is told to Fetched. An error is one that ends the transfer.
  core::Result<void> run(std::vector<std::string> paths);
  core::Result<void> finish_folders();

private:
  struct File {
    std::string path;
    std::string place;
    std::optional<std::string> hash;  // that the host has said
  };
  struct Place {
    std::string path;
    std::string place;
    bool is_new = false;
  };
  // Whole here, under a temporary name, until it is known that it stayed the same there.
  struct Held {
    File *file = nullptr;
    files::Incoming incoming;
    ScpEntry entry;
    std::optional<ScpTimes> times;
    std::string hash;  // of what came
    bool replaces = false;
    std::string seen;  // what the host says of it in the end
  };
  // Asks the host; a bound for each is the size beyond which it has another content in any case.
  core::Result<void> hash(const std::vector<File *> &asked,
                          const std::vector<std::optional<std::uint64_t>> &bounds);
  core::Result<void> hash_what_stands_here(std::vector<File> &files);
  core::Result<void> look_again();
  core::Result<void> settle();  // gives all that is held its place, or refuses it
  core::Result<void> settle_one(Held &held);
  bool stands_already(const File &file);  // and is counted
  core::Result<void> fetch(std::vector<File> files);
  core::Result<std::size_t> fetch_some(std::vector<File> &files, std::size_t begin);
  core::Result<void> end(RunningCommand &command);
  core::Result<void> fetch_one(RunningCommand &command, File &file);
  core::Result<void> receive_content(RunningCommand &command, File &file, const ScpEntry &entry,
                                     const std::optional<ScpTimes> &times);
  core::Result<ScpItem> hear(RunningCommand &command);

  Transfer &transfer_;
  const core::TransferOptions &how_;
  files::Folder &folder_;
  Fetched &fetched_;
  std::vector<Place> folders_;
  std::vector<Held> held_;
  std::uint64_t held_bytes_ = 0;
};

}  // namespace fanout::worker
