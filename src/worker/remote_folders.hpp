// The folders of put on the host, by SFTP: what stands there, and what has to be made.
#pragma once

#include <string>
#include <unordered_set>

#include "destination.hpp"
#include "fanout/files/source.hpp"
#include "fanout/ssh/sftp.hpp"
#include "fanout/ssh/task.hpp"
#include "transfer.hpp"

namespace fanout::worker {

struct Found {
  Standing standing = Standing::nothing;
  ssh::Attributes attributes;  // of what stands there itself, not of what a link leads to
};
// What stands at `path`. Whatever keeps the server from saying so, but that nothing is there, is an error.
ssh::Task<core::Result<Found>> look_at(ssh::Sftp &sftp, std::string path);

class RemoteFolders {
public:
  RemoteFolders(Transfer &transfer, ssh::Sftp &sftp) : transfer_(transfer), sftp_(sftp) {}

  // Makes every folder of the source that is not there yet. Failures are recorded.
  ssh::Task<> make_all(files::Source &source, const std::string &remote);
  // Modes and times of the source, once everything is in them; of the folders that were made, unless they are preserved
  // altogether, only what a folder needed more until then.
  ssh::Task<> finish_all(files::Source &source, const std::string &remote);

  // Whether this run has made the folder, so that nothing can stand in it. May say no although it has.
  [[nodiscard]] bool is_fresh(const std::string &path) const { return fresh_.count(path) > 0; }

private:
  ssh::Task<> make(std::string path, std::uint32_t mode);
  ssh::Task<> finish(std::string path, std::uint32_t mode, std::int64_t mtime);

  Transfer &transfer_;
  ssh::Sftp &sftp_;
  std::unordered_set<std::string> fresh_;
};

}  // namespace fanout::worker
