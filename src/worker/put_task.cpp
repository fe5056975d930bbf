// What is done with many files, in portions: each is looked at, sent and put in its place before the next begins, so that
// a million of them take no more memory than a thousand. Within a portion hundreds of requests are under way at once.
//
// Requests of SFTP and commands of ours share the connection in turn: while a command runs, no request is under way.
#include "put_task.hpp"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "destination.hpp"
#include "fanout/files/sha256.hpp"
#include "fanout/ssh/sftp.hpp"
#include "open_sftp.hpp"
#include "remote_command.hpp"
#include "remote_folders.hpp"
#include "scp_put.hpp"
#include "transfer.hpp"
#include "unpack.hpp"
#include "upload.hpp"

namespace fanout::worker {

using core::ErrorKind;
using core::fail;
using core::Result;
using core::TransferMethod;
using ssh::Attributes;
using ssh::FileStatus;
using ssh::Task;

namespace {

constexpr std::size_t portion = 2'048;            // files
constexpr std::uint64_t portion_bytes = 1 << 20;  // of paths, more or less: a worker stays small
constexpr std::size_t worth_unpacking = 32;       // fewer are faster by themselves
constexpr std::size_t files_at_once = 64;
// Each has a descriptor of its own, and there are 64.
constexpr std::size_t opened_at_once = 32;
constexpr std::size_t looks_at_once = 512;

using Items = std::vector<std::unique_ptr<Item>>;

class Put {
public:
  Put(Transfer &transfer, ssh::Sftp &sftp, files::Source &source)
      : transfer_(transfer),
        how_(transfer.card.transfer),
        sftp_(sftp),
        source_(source),
        folders_(transfer, sftp),
        upload_(transfer, sftp, source),
        unpacks_(how_.method == TransferMethod::automatic) {}

  void run();

private:
  Result<void> check_destination();
  Task<Result<void>> check(const files::Entry &first);
  Result<Items> next_items();
  void settle(Items &items);
  Task<> look_at_all(Items &items);
  Task<> look(Item &item);
  void compare_content(Items &items);
  void count_unchanged(Item &item);
  void send_unpacked(Items &items);
  [[nodiscard]] bool is_plain(const Item &item) const;
  Task<> list_unpacked(const std::vector<Item *> &items);
  Task<> remove_staging(const std::vector<Item *> &items);
  Task<> stage_all(Items &items);
  Task<> stage_and_place(Item &item);
  void verify(Items &items);
  Task<> read_back(Item &item, bool &wrong);
  Task<> place_all(Items &items);

  // Runs one step to its end. False when nothing more can be asked of the server.
  bool step(Task<> task) {
    sftp_.run(std::move(task));
    return !transfer_.is_broken();
  }

  Transfer &transfer_;
  const core::TransferOptions &how_;
  ssh::Sftp &sftp_;
  files::Source &source_;
  RemoteFolders folders_;
  Upload upload_;
  std::string remote_;   // REMOTE, as the server knows it
  std::string staging_;  // where members are unpacked
  bool unpacks_;         // and the host can
};

Task<Result<void>> Put::check(const files::Entry &first) {
  CO_TRY_ASSIGN(const Found found, co_await look_at(sftp_, remote_));
  if (transfer_.card.into_folder) co_return may_put_into(found.standing, remote_);
  co_return may_put(first.kind, found.standing, remote_);
}

Result<void> Put::check_destination() {
  TRY_ASSIGN(remote_, path_of_remote(transfer_.card.remote.front()));
  TRY(check_names(remote_));
  TRY_ASSIGN(const std::optional<files::Entry> first, source_.next());
  if (!first) return fail(ErrorKind::internal, "nothing to send");
  const std::string base = transfer_.card.into_folder || first->kind == files::Kind::directory
                               ? remote_
                               : folder_of(remote_);
  staging_ = staging_folder(base, transfer_.card.token);
  return sftp_.run(check(*first));
}

void Put::run() {
  transfer_.expect(source_.bytes());
  if (auto checked = check_destination(); !checked) {
    if (!transfer_.is_broken()) transfer_.fail(std::move(checked).error());
    return;
  }
  if (!step(folders_.make_all(source_, remote_))) return;
  // Nothing is sent into a tree that cannot be made.
  if (transfer_.failure()) return;
  source_.rewind();
  while (!transfer_.is_broken()) {
    auto items = next_items();
    if (!items) return transfer_.fail(std::move(items).error());
    if (items->empty()) break;
    settle(*items);
  }
  if (!transfer_.is_broken()) step(folders_.finish_all(source_, remote_));
}

Result<Items> Put::next_items() {
  Items items;
  std::uint64_t bytes = 0;
  while (items.size() < portion && bytes < portion_bytes) {
    TRY_ASSIGN(std::optional<files::Entry> entry, source_.next());
    if (!entry) break;
    if (entry->kind != files::Kind::file) continue;
    auto item = std::make_unique<Item>();
    item->path = destination_of(remote_, transfer_.card.into_folder, entry->path);
    bytes += 2 * item->path.size() + entry->open_path.size();
    item->entry = *std::move(entry);
    items.push_back(std::move(item));
  }
  return items;
}

void Put::settle(Items &items) {
  if (!step(look_at_all(items))) return;
  if (how_.checksum || (how_.update && how_.verify)) compare_content(items);
  if (transfer_.is_broken()) return;
  if (unpacks_) send_unpacked(items);
  if (transfer_.is_broken()) return;
  if (!step(stage_all(items))) return;
  if (!how_.verify && !how_.resume) return;
  verify(items);
  if (!transfer_.is_broken()) step(place_all(items));
}

// --- what is there already -----------------------------------------------------------------------------------------

Task<> Put::look_at_all(Items &items) {
  for (const auto &item : items) {
    if (transfer_.is_broken()) break;
    if (auto named = check_names(item->path); !named) {
      transfer_.fail(std::move(named).error());
      item->settled = true;
      continue;
    }
    // Whatever is in a folder of our own making is of our own making.
    if (folders_.is_fresh(folder_of(item->path))) continue;
    co_await sftp_.fewer_than(looks_at_once);
    co_await sftp_.room();
    sftp_.start(look(*item));
  }
  co_await sftp_.fewer_than(1);
}

Task<> Put::look(Item &item) {
  const auto found = co_await look_at(sftp_, item.path);
  Result<void> may = found ? may_put(files::Kind::file, found->standing, item.path)
                           : Result<void>(fail(found.error()));
  if (!may) {
    transfer_.fail(std::move(may).error());
    item.settled = true;
    co_return;
  }
  item.is_new = found->standing == Standing::nothing;
  if (found->standing == Standing::file) item.existing = found->attributes;
  item.looks_the_same = how_.update && item.existing && item.existing->size == item.entry.size &&
                        item.existing->times &&
                        item.existing->times->modification == item.entry.mtime.seconds;
  // With --verify looks are not enough.
  if (item.looks_the_same && !how_.verify) count_unchanged(item);
}

void Put::count_unchanged(Item &item) {
  item.settled = true;
  upload_.count(item);
  ++transfer_.record.unchanged;
  transfer_.advance(item.entry.size);
}

// --checksum, or --update with --verify: what has another size has another content.
void Put::compare_content(Items &items) {
  std::vector<Item *> candidates;
  std::vector<std::string> paths;
  for (const auto &item : items)
    if (!item->settled && item->existing && item->existing->size == item->entry.size &&
        (how_.checksum || item->looks_the_same)) {
      candidates.push_back(item.get());
      paths.push_back(item->path);
    }
  if (candidates.empty()) return;
  std::string tool;
  auto hashes = how_.method == TransferMethod::sftp
                    ? fail(ErrorKind::remote, "no command may be run")
                    : hash_remotely(transfer_, paths, tool);
  if (transfer_.is_broken()) return;
  if (how_.verify) add_verifier(transfer_.record, hashes ? tool : "reading back");
  if (!hashes) {
    // Reading them back tells as well, and costs the line less than sending them does.
    for (Item *item : candidates) {
      item->temporary = item->path;
      auto digest = sftp_.run(upload_.read_back(*item));
      item->temporary.clear();
      if (transfer_.is_broken()) return;
      if (digest && *digest == item->entry.sha256) count_unchanged(*item);
    }
    return;
  }
  for (std::size_t i = 0; i < candidates.size(); ++i)
    if ((*hashes)[i] && *(*hashes)[i] == candidates[i]->entry.sha256)
      count_unchanged(*candidates[i]);
}

// Whether tar makes it as it is to be. What has to be changed afterwards is sent by itself: by name, and not on a handle,
// owner and mode would be given to whatever somebody has put in the place of the file.
bool Put::is_plain(const Item &item) const {
  return !item.existing && !how_.mode && (how_.preserve || !how_.update);
}

// --- many small ones in one stream -----------------------------------------------------------------------------------

void Put::send_unpacked(Items &items) {
  std::vector<Item *> members;
  std::vector<PackRange> ranges;
  for (const auto &item : items) {
    if (item->settled || !item->entry.packed || !is_plain(*item)) continue;
    members.push_back(item.get());
    const files::Entry &entry = item->entry;
    if (ranges.empty() || ranges.back().offset + ranges.back().bytes != entry.member_offset)
      ranges.push_back({entry.member_offset, 0, 0});
    ranges.back().bytes += entry.member_bytes;
    ranges.back().content_bytes += entry.size;
  }
  // With --resume each content has its own name, to be found again.
  if (members.size() < worth_unpacking || how_.resume) return;
  const auto make_staging = [this]() -> Task<ssh::FileResult<void>> {
    Attributes attributes;
    attributes.mode = 0700;
    co_return co_await sftp_.make_directory(staging_, attributes);
  };
  if (auto made = sftp_.run(make_staging()); !made) {
    if (transfer_.is_broken()) return transfer_.leave(staging_);
    return;  // each by itself then, and each says what is wrong
  }
  auto unpacked = unpack(transfer_, source_, staging_, ranges, how_.preserve);
  if (unpacked && !transfer_.is_broken()) {
    transfer_.record.used = "sftp and tar";
    if (!step(list_unpacked(members))) return transfer_.leave(staging_);
  } else if (!unpacked && unpacked.error().kind != ErrorKind::remote && !transfer_.is_broken()) {
    transfer_.fail(std::move(unpacked).error());
  } else if (!unpacked && !transfer_.is_broken()) {
    transfer_.parent.send(wire::NoteMessage{"not unpacked by tar: " + unpacked.error().message});
    unpacks_ = false;
  }
  if (!transfer_.is_broken() && how_.verify) verify(items);
  if (!transfer_.is_broken() && how_.verify) step(place_all(items));
  sftp_.run(remove_staging(members));
}

// What tar has made is what was sent, or is not used: then the file is sent by itself.
Task<> Put::list_unpacked(const std::vector<Item *> &items) {
  const auto finish = [this](Item &item) -> Task<> {
    const auto found = co_await sftp_.lstat(item.temporary);
    if (!found || !found->is_file() || found->size != item.entry.size) {
      if (found || found.error().status != FileStatus::none)
        static_cast<void>(co_await sftp_.remove(item.temporary));
      item.temporary.clear();
      co_return;
    }
    if (!how_.verify) co_await upload_.place(item);
  };
  for (Item *item : items) {
    if (transfer_.is_broken()) break;
    item->temporary = fmt::format("{}/{}", staging_, item->entry.number);
    co_await sftp_.fewer_than(looks_at_once);
    co_await sftp_.room();
    sftp_.start(finish(*item));
  }
  co_await sftp_.fewer_than(1);
}

Task<> Put::remove_staging(const std::vector<Item *> &items) {
  auto removed = co_await sftp_.remove_directory(staging_);
  if (removed) co_return;
  // Something is in it: members whose turn did not come, or what tar had begun.
  const auto remove = [this](std::string path) -> Task<> {
    static_cast<void>(co_await sftp_.remove(path));
  };
  for (Item *item : items) {
    item->temporary.clear();
    co_await sftp_.fewer_than(looks_at_once);
    sftp_.start(remove(fmt::format("{}/{}", staging_, item->entry.number)));
  }
  co_await sftp_.fewer_than(1);
  removed = co_await sftp_.remove_directory(staging_);
  if (!removed) transfer_.leave(staging_);
}

// --- each by itself --------------------------------------------------------------------------------------------------

Task<> Put::stage_all(Items &items) {
  for (const auto &item : items) {
    if (item->settled) continue;
    co_await sftp_.fewer_than(item->entry.packed ? files_at_once : opened_at_once);
    co_await sftp_.room();
    if (transfer_.is_broken()) break;
    sftp_.start(stage_and_place(*item));
  }
  co_await sftp_.fewer_than(1);
}

Task<> Put::stage_and_place(Item &item) {
  co_await upload_.stage(item);
  // What is to be verified waits for the others: one command does it for all.
  if (!item.settled && !how_.verify && !how_.resume) co_await upload_.place(item);
}

// --- is it what was sent? --------------------------------------------------------------------------------------------

Task<> Put::read_back(Item &item, bool &wrong) {
  auto digest = co_await upload_.read_back(item);
  if (!digest)
    co_await upload_.give_up(item, std::move(digest).error());
  else
    wrong = *digest != item.entry.sha256;
}

void Put::verify(Items &items) {
  std::vector<Item *> staged;
  std::vector<std::string> paths;
  for (const auto &item : items)
    if (!item->settled && !item->temporary.empty()) {
      staged.push_back(item.get());
      paths.push_back(item->temporary);
    }
  if (staged.empty()) return;
  const auto mismatches = [&]() -> std::vector<Item *> {
    std::vector<Item *> wrong;
    std::string tool;
    auto hashes = how_.method == TransferMethod::sftp
                      ? fail(ErrorKind::remote, "no command may be run")
                      : hash_remotely(transfer_, paths, tool);
    if (transfer_.is_broken()) return wrong;
    add_verifier(transfer_.record, hashes ? tool : "reading back");
    for (std::size_t i = 0; i < staged.size() && !transfer_.is_broken(); ++i) {
      if (staged[i]->settled) continue;  // it has failed in the first round
      bool differs = false;
      if (!hashes)
        sftp_.run(read_back(*staged[i], differs));
      else if ((*hashes)[i])
        differs = *(*hashes)[i] != staged[i]->entry.sha256;
      else
        sftp_.run(upload_.give_up(
            *staged[i], {ErrorKind::remote,
                         fmt::format("{}: could not be read to be verified", staged[i]->path)}));
      if (differs) wrong.push_back(staged[i]);
    }
    return wrong;
  };
  std::vector<Item *> wrong = mismatches();
  if (how_.resume && !wrong.empty() && !transfer_.is_broken()) {
    // What was left of an earlier run was not a part of this content after all.
    for (Item *item : wrong) sftp_.run(upload_.stage_again(*item));
    if (transfer_.is_broken()) return;
    wrong = mismatches();
  }
  for (Item *item : wrong) {
    item->kept = false;
    sftp_.run(upload_.give_up(
        *item, {ErrorKind::remote, fmt::format("{}: what stands there is not what was sent ({})",
                                               item->path, transfer_.record.verified_by)}));
  }
}

Task<> Put::place_all(Items &items) {
  for (const auto &item : items) {
    if (item->settled || item->temporary.empty()) continue;
    co_await sftp_.fewer_than(files_at_once);
    sftp_.start(upload_.place(*item));
  }
  co_await sftp_.fewer_than(1);
}

// Of the only file, if it is known and stands there.
void record_hash(files::Source &source, core::TransferRecord &record, bool was_compared) {
  if (source.files() != 1 || record.files != 1) return;
  // What only looked the same is not known.
  if (record.unchanged > 0 && record.verified_by.empty() && !was_compared) return;
  source.rewind();
  for (auto entry = source.next(); entry && *entry; entry = source.next())
    if ((*entry)->kind == files::Kind::file) record.sha256 = files::hexadecimal((*entry)->sha256);
}

}  // namespace

void run_put(ssh::Session &session, ParentLink &parent, const JobCard &card, files::Source &source,
             core::Outcome &outcome) {
  Transfer transfer(session, parent, card, outcome.transfer.emplace());
  if (const auto sftp = open_sftp(transfer)) {
    Put(transfer, *sftp, source).run();
    close_sftp(transfer, *sftp);
  } else if (!transfer.failure()) {
    transfer.record.used = "scp";
    put_by_scp(transfer, source);
  }
  record_hash(source, transfer.record, card.transfer.checksum);
  transfer.conclude(outcome);
}

}  // namespace fanout::worker
