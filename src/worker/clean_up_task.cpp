#include "clean_up_task.hpp"

#include <memory>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "destination.hpp"
#include "fanout/ssh/sftp.hpp"
#include "open_sftp.hpp"
#include "scp_put.hpp"
#include "transfer.hpp"

namespace fanout::worker {

using core::Result;
using ssh::FileStatus;
using ssh::Task;

namespace {

constexpr std::size_t removals_at_once = 256;
// Far more than a put has under way, and than a folder can be listed to death with.
constexpr std::size_t most_listed = 4'000'000;

class CleanUp {
public:
  CleanUp(Transfer &transfer, ssh::Sftp &sftp, files::Source &source)
      : transfer_(transfer), sftp_(sftp), source_(source) {}

  Task<> run(std::string remote);

private:
  Task<> look_through(std::string folder);
  void cannot_look(const std::string &folder, const ssh::FileError &why);
  Task<> remove(std::string path);
  Task<> remove_staging(std::string folder);
  [[nodiscard]] bool is_ours(std::string_view name) const;

  Transfer &transfer_;
  ssh::Sftp &sftp_;
  files::Source &source_;
};

bool CleanUp::is_ours(std::string_view name) const {
  const std::string mark = ".fanout-" + transfer_.card.token;
  return name.starts_with('.') && name.find('/') == std::string_view::npos &&
         name.find(mark) != std::string_view::npos;
}

Task<> CleanUp::remove(std::string path) {
  const auto removed = co_await sftp_.remove(path);
  if (removed || removed.error().status == FileStatus::no_such_file) co_return;
  transfer_.leave(path);
  transfer_.fail(removed.error().error);
}

// The names in it are numbers of ours, whatever the server says.
Task<> CleanUp::remove_staging(std::string folder) {
  auto opened = co_await sftp_.open_directory(folder);
  if (opened) {
    const std::string handle = *std::move(opened);
    for (std::size_t listed = 0; listed < most_listed;) {
      const auto entries = co_await sftp_.read_directory(handle, folder);
      if (!entries || !*entries) break;
      listed += (*entries)->size() + 1;
      for (const ssh::DirectoryEntry &entry : **entries) {
        if (entry.name.empty() || entry.name.find_first_not_of("0123456789") != std::string::npos)
          continue;
        co_await sftp_.fewer_than(removals_at_once);
        sftp_.start(remove(folder + '/' + entry.name));
      }
    }
    static_cast<void>(co_await sftp_.close(handle, folder));
  }
  co_await sftp_.fewer_than(1);
  const auto removed = co_await sftp_.remove_directory(folder);
  if (removed || removed.error().status == FileStatus::no_such_file) co_return;
  transfer_.leave(folder);
  transfer_.fail(removed.error().error);
}

// One that was never made holds nothing; in any other something may be left.
void CleanUp::cannot_look(const std::string &folder, const ssh::FileError &why) {
  if (why.status == FileStatus::no_such_file) return;
  transfer_.leave(
      fmt::format("{}.*.fanout-{}", folder.empty() ? "" : folder + '/', transfer_.card.token));
  transfer_.fail(why.error);
}

Task<> CleanUp::look_through(std::string folder) {
  const std::string place = folder.empty() ? "." : folder;
  auto opened = co_await sftp_.open_directory(place);
  if (!opened) co_return cannot_look(folder, opened.error());
  const std::string handle = *std::move(opened);
  std::vector<std::string> folders;
  const std::string prefix = folder.empty() ? "" : folder == "/" ? "/" : folder + '/';
  for (std::size_t listed = 0; listed < most_listed;) {
    const auto entries = co_await sftp_.read_directory(handle, folder);
    if (!entries) cannot_look(folder, entries.error());
    if (!entries || !*entries) break;
    // A part that is empty here held "." and "..".
    listed += (*entries)->size() + 1;
    for (const ssh::DirectoryEntry &entry : **entries) {
      if (!is_ours(entry.name)) continue;
      if (entry.attributes.is_directory())
        folders.push_back(prefix + entry.name);
      else
        co_await remove(std::string(prefix).append(entry.name));
    }
  }
  static_cast<void>(co_await sftp_.close(handle, folder));
  for (const std::string &staging : folders) co_await remove_staging(staging);
}

Task<> CleanUp::run(std::string remote) {
  co_await look_through(folder_of(remote));
  if (transfer_.card.into_folder) co_await look_through(remote);
  source_.rewind();
  while (!transfer_.is_broken()) {
    auto entry = source_.next();
    if (!entry) co_return transfer_.fail(entry.error());
    if (!*entry) break;
    if ((*entry)->kind == files::Kind::directory)
      co_await look_through(destination_of(remote, transfer_.card.into_folder, (*entry)->path));
  }
}

Result<void> clean_up(Transfer &transfer, files::Source &source) {
  TRY_ASSIGN(const std::string remote, path_of_remote(transfer.card.remote.front()));
  if (const auto sftp = open_sftp(transfer))
    sftp->run(CleanUp(transfer, *sftp, source).run(remote));
  else if (!transfer.failure())
    return clean_up_by_shell(transfer, source);
  return {};
}

}  // namespace

void run_clean_up(ssh::Session &session, ParentLink &parent, const JobCard &card,
                  files::Source &source, core::Outcome &outcome) {
  Transfer transfer(session, parent, card, outcome.transfer.emplace());
  if (auto done = clean_up(transfer, source); !done) transfer.fail(std::move(done).error());
  transfer.conclude(outcome);
}

}  // namespace fanout::worker
