// What is hard here: requests are under way that belong together, and whichever of them fails, the temporary name must go,
// or be named in the record if it cannot be told to the host any more.
#include "upload.hpp"

#include <algorithm>
#include <deque>
#include <utility>

#include <fmt/format.h>

#include "destination.hpp"
#include "fanout/files/sha256.hpp"
#include "fanout/sys/io.hpp"

namespace fanout::worker {

using core::Error;
using core::ErrorKind;
using core::fail;
using core::Result;
using ssh::Attributes;
using ssh::FileStatus;
using ssh::Task;

namespace {

constexpr std::uint32_t permissions = 0777;
constexpr std::uint32_t all_mode_bits = 07777;
constexpr std::uint32_t private_mode = 0700;
constexpr std::uint32_t owner_goes_on = 0600;  // to open a part again
constexpr std::size_t writes_under_way = 64;
constexpr std::size_t reads_under_way = 16;
constexpr int names_to_try = 3;
constexpr std::size_t resume_tag_digits = 16;

Attributes with_mode(std::uint32_t mode) {
  Attributes attributes;
  attributes.mode = mode;
  return attributes;
}

tl::unexpected<Error> incomplete(const Item &item, const Attributes &found, std::uint64_t sent) {
  return fail(ErrorKind::remote,
              found.size
                  ? fmt::format("{}: {} bytes arrived of {}", item.temporary, *found.size, sent)
                  : fmt::format("{}: the server does not say its size", item.temporary));
}

bool says_anything(const Attributes &attributes) {
  return attributes.mode || attributes.owner || attributes.times || attributes.size;
}

}  // namespace

Error in_terms_of(const Item &item, Error error) {
  if (item.temporary.empty()) return error;
  const std::size_t at = error.message.find(item.temporary);
  if (at != std::string::npos) error.message.replace(at, item.temporary.size(), item.path);
  return error;
}

std::uint32_t Upload::creation_mode(const Item &item) const {
  // A file that takes the place of another must not be readable meanwhile for those who could not read that one.
  if (transfer_.card.transfer.mode) return *transfer_.card.transfer.mode & private_mode;
  if (item.existing && item.existing->mode) return *item.existing->mode & private_mode;
  return item.entry.mode & permissions;
}

// What has to be set on what was found when it had been written.
Attributes Upload::final_attributes(const Item &item, const Attributes &found) const {
  const core::TransferOptions &how = transfer_.card.transfer;
  Attributes wanted;
  if (how.mode)
    wanted.mode = *how.mode & all_mode_bits;
  else if (how.preserve)
    wanted.mode = item.entry.mode & permissions;
  else if (item.existing && item.existing->mode)
    wanted.mode = *item.existing->mode & permissions;
  else if (item.kept && found.mode)
    // What only the owner needed to go on with it.
    wanted.mode = *found.mode & permissions & ~(owner_goes_on & ~item.entry.mode);
  if (how.preserve || how.update) wanted.times = Attributes::Times::of(item.entry.mtime.seconds);
  if (item.existing && item.existing->owner && found.owner &&
      (item.existing->owner->user != found.owner->user ||
       item.existing->owner->group != found.owner->group))
    wanted.owner = item.existing->owner;
  return wanted;
}

Task<Upload::Handle> Upload::create(Item &item) {
  for (int attempt = 1;; ++attempt) {
    // Files whose long names begin alike have one temporary name; and nobody else can know it, but somebody may have bad luck.
    const std::string tag =
        attempt == 1 ? transfer_.card.token
                     : fmt::format("{}-{}-{}", transfer_.card.token, item.entry.number, attempt);
    item.temporary = temporary_beside(item.path, tag);
    ssh::Sftp::OpenFlags flags;
    flags.write = flags.create = flags.exclusive = true;
    Handle handle = co_await sftp_.open_file(item.temporary, flags, with_mode(creation_mode(item)));
    if (handle || handle.error().status == FileStatus::none) co_return handle;
    handle.error().error = in_terms_of(item, std::move(handle.error().error));
    item.temporary.clear();  // it is not ours
    // An existing file is no more than a "failure" in version 3.
    if (handle.error().status != FileStatus::failure || attempt == names_to_try) co_return handle;
  }
}

// The name says of what content it is a part. It can be known beforehand, so what stands there is looked at: somebody else
// may have put it there for us to write through.
Task<Upload::Handle> Upload::open_partial(Item &item, std::uint64_t &size) {
  size = 0;
  item.temporary = temporary_beside(
      item.path, "resume-" + files::hexadecimal(item.entry.sha256).substr(0, resume_tag_digits));
  item.kept = true;
  ssh::Sftp::OpenFlags flags;
  flags.write = flags.create = flags.exclusive = true;
  Handle handle = co_await sftp_.open_file(item.temporary, flags,
                                           with_mode(creation_mode(item) | owner_goes_on));
  if (handle || handle.error().status != FileStatus::failure) co_return handle;
  const auto found = co_await sftp_.lstat(item.temporary);
  const auto home = co_await sftp_.stat(".");
  if (!found) co_return tl::make_unexpected(found.error());
  const bool ours = found->is_file() && found->size && home && home->owner && found->owner &&
                    home->owner->user == found->owner->user;
  flags.exclusive = flags.create = false;
  if (ours && *found->size <= item.entry.size) {
    size = *found->size;
  } else if (const auto removed = co_await sftp_.remove(item.temporary); !removed) {
    co_return tl::make_unexpected(removed.error());
  } else {
    flags.exclusive = flags.create = true;
  }
  Handle again = co_await sftp_.open_file(item.temporary, flags,
                                          with_mode(creation_mode(item) | owner_goes_on));
  // It may have been begun when others were to read it.
  if (again && size > 0 && found->mode) {
    const std::uint32_t mode = *found->mode & (creation_mode(item) | owner_goes_on);
    const Attributes narrowed = with_mode(mode);
    const auto set = co_await sftp_.set_handle_attributes(*again, narrowed, item.temporary);
    if (!set) co_return tl::make_unexpected(set.error());
  }
  co_return again;
}

Task<Result<void>> Upload::write_content(const Item &item, const std::string &handle,
                                         const files::Content &content, std::uint64_t offset) {
  struct Write {
    ssh::Pending<void> answer;
    std::uint64_t bytes;
  };
  std::deque<Write> under_way;
  Result<void> result;
  const auto hear = [&]() -> Task<> {
    Write oldest = std::move(under_way.front());
    under_way.pop_front();
    auto written = co_await oldest.answer;
    if (written) {
      transfer_.record.sent_bytes += oldest.bytes;
      transfer_.advance(oldest.bytes);
    } else if (result) {
      result = fail(std::move(written).error().error);
    }
  };
  const std::uint64_t size = item.entry.size;
  std::uint64_t run_end = 0;
  std::uint64_t data_end = offset;
  while (offset < size && result && !transfer_.is_broken()) {
    if (offset >= run_end) {
      const files::Content::Run run = content.run_at(offset);
      run_end = std::min(std::max(run.end, offset + 1), size);
      if (run.hole) {
        transfer_.advance(run_end - offset);
        offset = run_end;
        continue;
      }
    }
    const auto count = static_cast<std::size_t>(
        std::min<std::uint64_t>(transfer_.step(sftp_.max_write_bytes()), run_end - offset));
    if (const core::TimePoint time = transfer_.pace(count); time > sys::now())
      co_await sftp_.at(time);
    co_await sftp_.room();
    under_way.push_back({sftp_.write(
                             handle, offset, count,
                             [&content, offset](char *buffer, std::size_t bytes) {
                               return content.read(buffer, bytes, offset);
                             },
                             item.temporary),
                         count});
    offset += count;
    data_end = offset;
    while (under_way.size() >= writes_under_way ||
           (!under_way.empty() && under_way.front().answer.await_ready()))
      co_await hear();
  }
  // The caller asks for more before these are answered, so that a small file takes no round trip for each request; but a
  // large one has to know.
  while (!under_way.empty()) co_await hear();
  if (result && transfer_.is_broken()) result = fail(*transfer_.failure());
  if (result && data_end < size) result = co_await end_with_a_hole(item, handle, data_end);
  co_return result;
}

// What was written is looked at first: setting the size would hide that something of it is missing.
Task<Result<void>> Upload::end_with_a_hole(const Item &item, const std::string &handle,
                                           std::uint64_t data_end) {
  const auto found = co_await sftp_.fstat(handle, item.temporary);
  if (!found) co_return fail(found.error().error);
  if (!found->size || *found->size < data_end) co_return incomplete(item, *found, data_end);
  Attributes whole;
  whole.size = item.entry.size;
  auto set = co_await sftp_.set_handle_attributes(handle, whole, item.temporary);
  if (!set) co_return fail(std::move(set).error().error);
  co_return Result<void>{};
}

Task<Result<void>> Upload::send(Item &item, bool may_resume) {
  CO_TRY_ASSIGN(const files::Content content, source_.content(item.entry));
  std::uint64_t offset = 0;
  const bool goes_on = may_resume && transfer_.card.transfer.resume;
  Task<Handle> opening = goes_on ? open_partial(item, offset) : create(item);
  Handle opened = co_await opening;
  if (!opened) co_return fail(std::move(opened).error().error);
  const std::string handle = *std::move(opened);
  transfer_.advance(offset);

  Result<void> result;
  // A small file travels in one request, and what comes after it need not wait for its answer.
  std::optional<ssh::Pending<void>> only_write;
  const bool small = item.entry.size - offset <= sftp_.max_write_bytes() && item.entry.packed;
  const std::uint64_t rest = item.entry.size - offset;
  if (small && rest > 0) {
    if (const core::TimePoint time = transfer_.pace(rest); time > sys::now())
      co_await sftp_.at(time);
    co_await sftp_.room();
    only_write.emplace(sftp_.write(
        handle, offset, static_cast<std::size_t>(rest),
        [&content, offset](char *buffer, std::size_t bytes) {
          return content.read(buffer, bytes, offset);
        },
        item.temporary));
  } else if (rest > 0) {
    result = co_await write_content(item, handle, content, offset);
  }
  std::optional<ssh::Pending<void>> flushed;
  if (result && sftp_.has_fsync()) flushed.emplace(sftp_.fsync(handle, item.temporary));
  auto facts = sftp_.fstat(handle, item.temporary);
  if (only_write) {
    auto written = co_await *std::move(only_write);
    if (!written) result = fail(std::move(written).error().error);
    if (result) {
      transfer_.record.sent_bytes += rest;
      transfer_.advance(rest);
    }
  }
  if (flushed) {
    auto done = co_await *std::move(flushed);
    if (result && !done) result = fail(std::move(done).error().error);
  }
  const auto found = co_await facts;
  if (result && !found) result = fail(found.error().error);
  if (result && found->size != item.entry.size) result = incomplete(item, *found, item.entry.size);
  if (result) result = content.check_unchanged();
  std::optional<ssh::Pending<void>> set;
  if (result) {
    Attributes wanted = final_attributes(item, *found);
    if (wanted.owner) {
      // Only root may give a file away. Whoever may not is its owner from then on, as with any editor that renames.
      Attributes owner;
      owner.owner = std::exchange(wanted.owner, std::nullopt);
      static_cast<void>(co_await sftp_.set_handle_attributes(handle, owner, item.temporary));
    }
    if (says_anything(wanted))
      set.emplace(sftp_.set_handle_attributes(handle, wanted, item.temporary));
  }
  auto closing = sftp_.close(handle, item.temporary);
  if (set) {
    auto done = co_await *std::move(set);
    if (!done) result = fail(std::move(done).error().error);
  }
  auto closed = co_await closing;
  if (result && !closed) result = fail(std::move(closed).error().error);
  co_return result;
}

Task<> Upload::stage(Item &item) {
  if (auto sent = co_await send(item, true); !sent) co_await give_up(item, std::move(sent).error());
}

Task<> Upload::stage_again(Item &item) {
  static_cast<void>(co_await sftp_.remove(item.temporary));
  if (auto sent = co_await send(item, true); !sent) co_await give_up(item, std::move(sent).error());
}

Task<> Upload::place(Item &item) {
  if (!sftp_.has_posix_rename() && !item.is_new) {
    // By name, because gcc 12 copies what is made in the operand of co_await byte by byte.
    Error why{ErrorKind::remote,
              fmt::format("{}: the server cannot replace a file in one step (no posix-rename)",
                          item.path)};
    co_await give_up(item, std::move(why));
    co_return;
  }
  auto renaming = sftp_.has_posix_rename() ? sftp_.posix_rename(item.temporary, item.path)
                                           : sftp_.rename(item.temporary, item.path);
  auto placed = co_await renaming;
  if (!placed) {
    co_await give_up(item, std::move(placed).error().error);
    co_return;
  }
  item.temporary.clear();
  item.settled = true;
  count(item);
}

void Upload::count(const Item &item) {
  core::TransferRecord &record = transfer_.record;
  ++record.files;
  record.bytes += item.entry.size;
}

// "Failure" is all that version 3 has for a disk that is full.
Task<Error> Upload::explained(const Item &item, Error why) {
  constexpr std::string_view failure = ": Failure";
  if (why.kind != ErrorKind::remote || !why.message.ends_with(failure)) co_return why;
  const std::string folder = folder_of(item.path);
  const std::string place = folder.empty() ? "." : folder;
  const auto there = co_await sftp_.file_system(place);
  if (!there || (!there->is_full && !there->is_read_only)) co_return why;
  why.message.resize(why.message.size() - failure.size());
  why.message += there->is_read_only ? ": Read-only file system" : ": No space left on device";
  co_return why;
}

Task<> Upload::give_up(Item &item, Error why) {
  item.settled = true;
  Error reason = co_await explained(item, std::move(why));
  transfer_.fail(in_terms_of(item, std::move(reason)));
  if (item.temporary.empty() || item.kept) co_return;
  const auto removed = co_await sftp_.remove(item.temporary);
  if (!removed && removed.error().status != FileStatus::no_such_file)
    transfer_.leave(item.temporary);
  item.temporary.clear();
}

Task<Result<std::string>> Upload::read_back(const Item &item) {
  ssh::Sftp::OpenFlags flags;
  flags.read = true;
  auto opened = co_await sftp_.open_file(item.temporary, flags);
  if (!opened) co_return fail(std::move(opened).error().error);
  const std::string handle = *std::move(opened);
  struct Read {
    ssh::Pending<ssh::FileData> answer;
    std::uint64_t offset;
    std::size_t bytes;
  };
  std::deque<Read> under_way;
  const auto ask = [&](std::uint64_t offset, std::size_t bytes) {
    return Read{sftp_.read(handle, offset, bytes, item.temporary), offset, bytes};
  };
  files::Sha256 digest;
  Result<std::string> result;
  std::uint64_t offset = 0;
  const std::uint64_t size = item.entry.size;
  while (result && (offset < size || !under_way.empty())) {
    while (offset < size && under_way.size() < reads_under_way) {
      const auto bytes =
          static_cast<std::size_t>(std::min<std::uint64_t>(sftp_.max_read_bytes(), size - offset));
      under_way.push_back(ask(offset, bytes));
      offset += bytes;
    }
    Read oldest = std::move(under_way.front());
    under_way.pop_front();
    auto data = co_await oldest.answer;
    if (!data) {
      result = fail(std::move(data).error().error);
      break;
    }
    const std::string_view bytes = data->view();
    digest.add(bytes);
    if (bytes.size() < oldest.bytes)
      under_way.push_front(ask(oldest.offset + bytes.size(), oldest.bytes - bytes.size()));
  }
  under_way.clear();
  auto closed = co_await sftp_.close(handle, item.temporary);
  if (result && !closed) result = fail(std::move(closed).error().error);
  if (result) result = digest.finish();
  co_return result;
}

}  // namespace fanout::worker
