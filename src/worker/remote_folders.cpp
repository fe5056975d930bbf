#include "remote_folders.hpp"

#include <utility>

namespace fanout::worker {

using core::fail;
using core::Result;
using ssh::Attributes;
using ssh::FileStatus;
using ssh::Task;

namespace {

constexpr std::uint32_t permissions = 0777;
constexpr std::uint32_t owner_may_all = 0700;
constexpr std::size_t folders_at_once = 256;
// Of what is remembered as made; it only saves questions.
constexpr std::size_t most_fresh = 10'000;

Standing standing_of(const Attributes &attributes) {
  switch (attributes.type()) {
    case Attributes::Type::file: return Standing::file;
    case Attributes::Type::directory: return Standing::directory;
    case Attributes::Type::link: return Standing::link_to_file;
    case Attributes::Type::unknown:
    case Attributes::Type::other: return Standing::other;
  }
  return Standing::other;
}

}  // namespace

Task<Result<Found>> look_at(ssh::Sftp &sftp, std::string path) {
  const auto itself = co_await sftp.lstat(path);
  if (!itself) {
    if (itself.error().status == FileStatus::no_such_file) co_return Found{};
    co_return fail(itself.error().error);
  }
  Found found{standing_of(*itself), *itself};
  if (found.standing != Standing::link_to_file) co_return found;
  const auto target = co_await sftp.stat(path);
  if (target && target->is_directory()) found.standing = Standing::link_to_directory;
  if (!target && target.error().status == FileStatus::none) co_return fail(target.error().error);
  co_return found;
}

Task<> RemoteFolders::make(std::string path, std::uint32_t mode) {
  Attributes attributes;
  attributes.mode = (mode & permissions) | owner_may_all;
  // First, and then a look at what is in the way: requests are answered in their order, so folders within folders need not
  // wait for each other.
  auto made = co_await sftp_.make_directory(path, attributes);
  if (made) {
    if (fresh_.size() < most_fresh) fresh_.insert(std::move(path));
    co_return;
  }
  if (made.error().status == FileStatus::none) co_return transfer_.fail(made.error().error);
  const auto found = co_await look_at(sftp_, path);
  if (!found) co_return transfer_.fail(found.error());
  if (found->standing == Standing::nothing) co_return transfer_.fail(made.error().error);
  if (auto may = may_put(files::Kind::directory, found->standing, path); !may)
    transfer_.fail(may.error());
}

Task<> RemoteFolders::make_all(files::Source &source, const std::string &remote) {
  source.rewind();
  while (!transfer_.is_broken()) {
    auto entry = source.next();
    if (!entry) co_return transfer_.fail(entry.error());
    if (!*entry) break;
    if ((*entry)->kind != files::Kind::directory) continue;
    co_await sftp_.fewer_than(folders_at_once);
    co_await sftp_.room();
    sftp_.start(
        make(destination_of(remote, transfer_.card.into_folder, (*entry)->path), (*entry)->mode));
  }
  co_await sftp_.fewer_than(1);
}

Task<> RemoteFolders::finish(std::string path, std::uint32_t mode, std::int64_t mtime) {
  // Somebody who may write to the folder above may have put a link in its place.
  const auto found = co_await sftp_.lstat(path);
  if (!found) co_return transfer_.fail(found.error().error);
  if (!found->is_directory() || !found->mode) co_return;
  Attributes attributes;
  attributes.mode = mode & permissions;
  if (transfer_.card.transfer.preserve) {
    attributes.times = Attributes::Times::of(mtime);
  } else {
    // As it was made, less what was only needed to fill it.
    attributes.mode = *found->mode & permissions & ~(owner_may_all & ~mode);
  }
  auto set = co_await sftp_.set_own_attributes(path, attributes);
  // Not every server can do so, nor every system below it.
  if (!set && set.error().status != FileStatus::none)
    set = co_await sftp_.set_attributes(path, attributes);
  if (!set) transfer_.fail(std::move(set).error().error);
}

Task<> RemoteFolders::finish_all(files::Source &source, const std::string &remote) {
  source.rewind();
  while (!transfer_.is_broken()) {
    auto entry = source.next();
    if (!entry) co_return transfer_.fail(entry.error());
    if (!*entry) break;
    if ((*entry)->kind != files::Kind::directory) continue;
    std::string path = destination_of(remote, transfer_.card.into_folder, (*entry)->path);
    const bool had_too_much = ((*entry)->mode & owner_may_all) != owner_may_all && is_fresh(path);
    if (!transfer_.card.transfer.preserve && !had_too_much) continue;
    co_await sftp_.fewer_than(folders_at_once);
    co_await sftp_.room();
    sftp_.start(finish(std::move(path), (*entry)->mode, (*entry)->mtime.seconds));
  }
  co_await sftp_.fewer_than(1);
}

}  // namespace fanout::worker
