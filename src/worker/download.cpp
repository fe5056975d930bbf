// The size is asked for when the file is open, and nothing beyond it is ever asked for; size and time are asked for again
// after the last byte. What the server says in between counts for nothing.
//
// A small file takes two round trips: open, and then everything else at once. Pieces of a large one are asked for ahead
// and awaited in their order, so that they can be hashed as they come and what is there of a partial file has no gaps.
#include "download.hpp"

#include <algorithm>
#include <deque>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "fanout/sys/io.hpp"
#include "fetched_modes.hpp"

namespace fanout::worker {

using core::Error;
using core::ErrorKind;
using core::fail;
using core::Result;
using ssh::Attributes;
using ssh::FileStatus;
using ssh::Task;

namespace {

constexpr std::size_t largest_small_bytes = 64 * 1024;
constexpr std::size_t least_piece_bytes = 1024;
constexpr std::size_t paced_pieces = 4;  // half a second of them
// Of a file whose size is said to be 0, as those of procfs are.
constexpr std::uint64_t max_sizeless_bytes = 64 << 20;
// Of any file on Linux (off_t).
constexpr std::uint64_t largest_size = std::numeric_limits<std::int64_t>::max();

Error changed(const std::string &path) {
  return {ErrorKind::remote, path + ": changed while it was fetched"};
}

Error differs(const std::string &path) {
  return {ErrorKind::remote, path + ": what came has another SHA-256 than the file there"};
}

bool is_same(const Attributes &before, const Attributes &after) {
  const auto time = [](const Attributes &of) {
    return of.times ? std::optional(of.times->modification) : std::nullopt;
  };
  return before.size == after.size && time(before) == time(after);
}

// Of the same content in all likelihood: what a partial file is known by.
std::string tag_of(const Attributes &seen) {
  files::Sha256 digest;
  digest.add(fmt::format("{} {}", seen.size.value_or(0),
                         seen.times ? static_cast<std::int64_t>(seen.times->modification) : -1));
  return files::hexadecimal(digest.finish()).substr(0, 16);
}

Result<void> check_kind(const std::string &path, const Attributes &seen) {
  if (seen.is_directory()) return fail(ErrorKind::remote, path + ": is a directory (use -r)");
  if (!seen.is_file() && seen.type() != Attributes::Type::unknown)
    return fail(ErrorKind::remote, path + ": is no regular file");
  if (!seen.size) return fail(ErrorKind::remote, path + ": the server does not tell its size");
  if (*seen.size > largest_size)
    return fail(ErrorKind::protocol,
                fmt::format("{}: the server says that it has {} bytes", path, *seen.size));
  return {};
}

}  // namespace

// A file that is open on the host. Whoever leaves it open lets it be closed, and does not wait for that.
struct Download::Opened {
  ssh::Sftp &sftp;
  std::string path;
  std::string handle;
  Attributes seen;
  bool closed = false;
  std::uint64_t arrived = 0;  // bytes of content, once they have been read
  std::string hash;           // of them, raw

  Opened(ssh::Sftp &of, std::string file, std::string its_handle)
      : sftp(of), path(std::move(file)), handle(std::move(its_handle)) {}
  Opened(const Opened &) = delete;
  Opened &operator=(const Opened &) = delete;
  ~Opened() {
    if (!closed) static_cast<void>(close());
  }
  ssh::Pending<void> close() {
    closed = true;
    return sftp.close(handle, path);
  }
};

Download::Download(Transfer &transfer, ssh::Sftp &sftp, files::Folder &folder, Fetched &fetched)
    : transfer_(transfer),
      how_(transfer.card.transfer),
      sftp_(sftp),
      folder_(folder),
      fetched_(fetched),
      ahead_(sftp.round_trip()),
      hashes_(how_.verify || how_.resume || how_.hash || transfer.card.wants_list),
      largest_answer_(sftp.max_read_bytes()) {}

// A slow pace in small steps: one large answer would take its share of many seconds at once.
std::size_t Download::piece_bytes() const {
  if (how_.limit_bytes_per_second == 0) return largest_answer_;
  const std::uint64_t part = how_.limit_bytes_per_second / 8;
  return static_cast<std::size_t>(
      std::clamp<std::uint64_t>(part, least_piece_bytes, largest_answer_));
}

bool Download::is_small(const RemoteFile &file) const {
  // What is verified by reading it again stays open until then.
  if (how_.resume || (how_.verify && file.hash.empty())) return false;
  return file.seen.size && *file.seen.size <= std::min(piece_bytes(), largest_small_bytes);
}

Error Download::failure(const ssh::FileError &error) {
  if (error.status == FileStatus::none && error.error.kind != ErrorKind::local)
    transfer_.broken(error.error);
  return error.error;
}

void Download::count(std::size_t bytes, bool again) {
  transfer_.record.sent_bytes += bytes;
  if (!again) transfer_.advance(bytes);
  if (ahead_.came(bytes, sys::now()))
    sftp_.widen_window(static_cast<std::uint32_t>(2 * ahead_.limit()));
}

// Whoever waits for a time or for room is woken by a stop, too, and could go on: requests would be answered again.
Result<void> Download::check_goes_on() const {
  if (transfer_.is_broken()) return fail(ErrorKind::interrupted, "stopped");
  return {};
}

bool Download::stands_already(const RemoteFile &file) {
  if (!how_.update && !how_.checksum) return false;
  const auto found = folder_.look(file.place);
  if (!found || !*found || (*found)->kind != files::Kind::file) return false;
  if (!file.seen.size || (*found)->size != *file.seen.size) return false;
  if (!how_.checksum &&
      (!file.seen.times || (*found)->mtime.seconds != std::int64_t{file.seen.times->modification}))
    return false;
  // What is to be verified is compared here as well; where the host cannot tell its SHA-256, it is fetched.
  const bool compares = how_.checksum || how_.verify;
  if (compares && file.hash.empty()) return false;
  std::string hash;
  if (compares || hashes_) {
    auto hashed = folder_.hash(file.place, [this] {
      transfer_.parent.wait_for_anything(-1, 0, core::Deadline(core::TimePoint::min()));
      return transfer_.parent.stop().has_value();
    });
    if (!hashed || (compares && *hashed != file.hash)) return false;
    hash = files::hexadecimal(*hashed);
  }
  if (how_.verify) verified(file.hashed_by);
  transfer_.expect((*found)->size);
  transfer_.advance((*found)->size);
  fetched_.stands({file.path, (*found)->size, file.seen.mode.value_or(0) & 07777,
                   file.seen.times ? std::int64_t{file.seen.times->modification} : 0, hash},
                  true);
  return true;
}

Task<> Download::fetch(RemoteFile file) {
  if (is_small(file)) {
    auto done = co_await fetch_small(file);
    if (!done) fetched_.failed(done.error());
    if (done && !*done) {
      file.seen.size.reset();  // which was wrong
      others_.push_back(std::move(file));
    }
    co_return;
  }
  auto done = co_await fetch_large(file);
  if (!done) fetched_.failed(done.error());
}

// False when it is not what it was listed as.
Task<Result<bool>> Download::fetch_small(RemoteFile file) {
  const std::uint64_t size = *file.seen.size;
  co_await sftp_.at(transfer_.pace(size));
  CO_TRY(check_goes_on());
  auto handle = co_await sftp_.open_file(file.path, {.read = true});
  if (!handle) co_return fail(failure(handle.error()));
  auto before_answer = sftp_.fstat(*handle, file.path);
  // Of an empty file one byte more: one of procfs shows then that it is not empty.
  auto data_answer = sftp_.read(*handle, 0, std::max<std::size_t>(size, 1), file.path);
  auto after_answer = sftp_.fstat(*handle, file.path);
  auto close_answer = sftp_.close(*handle, file.path);
  auto before = co_await before_answer;
  auto data = co_await data_answer;
  auto after = co_await after_answer;
  auto closed = co_await close_answer;
  if (!before) co_return fail(failure(before.error()));
  if (!data && data.error().status != FileStatus::end_of_file)
    co_return fail(failure(data.error()));
  if (!after) co_return fail(failure(after.error()));
  if (!closed && closed.error().status == FileStatus::none) co_return fail(failure(closed.error()));
  const std::string_view bytes = data ? data->view() : std::string_view();
  CO_TRY(check_kind(file.path, *before));
  if (*before->size != size || bytes.size() != size) co_return false;
  if (!is_same(*before, *after)) co_return fail(changed(file.path));

  transfer_.expect(size);
  CO_TRY_ASSIGN(files::Incoming incoming, folder_.create(file.place));
  Arrival arrival(&incoming, hashes_);
  CO_TRY(arrival.take(bytes));
  count(bytes.size(), false);
  const std::string hash = arrival.finish();
  if (how_.verify) {
    if (file.hash != hash) co_return fail(differs(file.path));
    verified(file.hashed_by);
  }
  CO_TRY(put_in_place(file, *before, incoming, size, hash));
  co_return true;
}

Task<Result<void>> Download::fetch_large(RemoteFile file) {
  auto handle = co_await sftp_.open_file(file.path, {.read = true});
  if (!handle) co_return fail(failure(handle.error()));
  Opened opened(sftp_, file.path, std::move(*handle));
  auto seen = co_await sftp_.fstat(opened.handle, file.path);
  if (!seen) co_return fail(failure(seen.error()));
  CO_TRY(check_kind(file.path, *seen));
  opened.seen = *seen;
  const std::uint64_t size = *seen->size;
  transfer_.expect(size);

  // Not both in one: a partial file has a name of its own.
  const bool resumes = how_.resume && size > 0;
  CO_TRY_ASSIGN(files::Incoming incoming,
                resumes ? folder_.resume(file.place, tag_of(*seen)) : folder_.create(file.place));
  if (resumes) {
    auto done = co_await fetch_resumed(file, opened, incoming);
    if (!done) co_return fail(done.error());
  } else {
    Arrival arrival(&incoming, hashes_);
    auto done = co_await read(opened, arrival, false);
    if (!done) co_return fail(done.error());
    opened.arrived = arrival.size();
    opened.hash = arrival.finish();
  }
  if (how_.verify) {
    auto same = co_await verify(file, opened);
    if (!same) co_return fail(same.error());
  }

  auto after_answer = sftp_.fstat(opened.handle, file.path);
  auto close_answer = opened.close();
  auto after = co_await after_answer;
  auto closed = co_await close_answer;
  if (!after) co_return fail(failure(after.error()));
  if (!closed && closed.error().status == FileStatus::none) co_return fail(failure(closed.error()));
  if (!is_same(opened.seen, *after)) co_return fail(changed(file.path));
  co_return put_in_place(file, opened.seen, incoming, opened.arrived, opened.hash);
}

// What is there already is believed only when the host can say what the whole has to be; else it would have to be read
// again, which is no better than to begin anew.
Task<Result<void>> Download::fetch_resumed(const RemoteFile &file, Opened &opened,
                                           files::Incoming &incoming) {
  std::uint64_t from = incoming.size_before();
  if (from > *opened.seen.size || file.hash.empty()) from = 0;
  for (;;) {
    CO_TRY(incoming.truncate(from));
    Arrival arrival(&incoming, true);
    CO_TRY(arrival.take_part(from));
    transfer_.advance(from);
    auto done = co_await read(opened, arrival, false);
    if (!done) {
      // A hole at the end of what came has no size yet.
      const bool goes_on = transfer_.is_broken() || done.error().kind == ErrorKind::local;
      if (goes_on && arrival.size() > 0 && incoming.truncate(arrival.size())) incoming.keep();
      co_return fail(done.error());
    }
    opened.arrived = arrival.size();
    opened.hash = arrival.finish();
    if (file.hash.empty() || opened.hash == file.hash) co_return Result<void>{};
    if (from == 0) co_return fail(differs(file.path));
    from = 0;
  }
}

// Up to the size that the file had when it was opened.
Task<Result<void>> Download::read(Opened &opened, Arrival &arrival, bool again) {
  struct Piece {
    ssh::Pending<ssh::FileData> answer;
    ReadAhead::Share share;
    std::uint64_t offset;
    std::size_t size;
  };
  const std::uint64_t size = *opened.seen.size;
  if (size == 0) {
    auto done = co_await read_to_end(opened, arrival);
    co_return done;
  }
  std::deque<Piece> asked;
  std::uint64_t next = arrival.size();
  while (arrival.size() < size) {
    while (next < size) {
      const auto count =
          static_cast<std::size_t>(std::min<std::uint64_t>(piece_bytes(), size - next));
      // One is always under way, whatever the other files have taken. At a slow pace few: they are waited for one by one,
      // and what has come is not to wait for those.
      const bool enough =
          how_.limit_bytes_per_second > 0 ? asked.size() >= paced_pieces : !ahead_.has_room(count);
      if (enough && !asked.empty()) break;
      co_await sftp_.at(transfer_.pace(count));
      CO_TRY(check_goes_on());
      asked.push_back({sftp_.read(opened.handle, next, count, opened.path),
                       ReadAhead::Share(ahead_, count), next, count});
      next += count;
    }
    Piece piece = std::move(asked.front());
    asked.pop_front();
    auto data = co_await piece.answer;
    if (!data && data.error().status == FileStatus::end_of_file)
      co_return fail(changed(opened.path));
    if (!data) co_return fail(failure(data.error()));
    const std::string_view bytes = data->view();
    CO_TRY(arrival.take(bytes));
    count(bytes.size(), again);
    if (bytes.size() == piece.size) continue;
    // The rest is what is missing next. A server that gives less than was asked for will do so again.
    const std::uint64_t offset = piece.offset + bytes.size();
    const std::size_t missing = piece.size - bytes.size();
    asked.push_front({sftp_.read(opened.handle, offset, missing, opened.path),
                      ReadAhead::Share(ahead_, missing), offset, missing});
    largest_answer_ = std::clamp(bytes.size(), least_piece_bytes, largest_answer_);
  }
  co_return Result<void>{};
}

// Files that are made when they are read say that their size is 0.
Task<Result<void>> Download::read_to_end(Opened &opened, Arrival &arrival) {
  for (;;) {
    const std::size_t size = piece_bytes();
    co_await sftp_.at(transfer_.pace(size));
    CO_TRY(check_goes_on());
    auto data = co_await sftp_.read(opened.handle, arrival.size(), size, opened.path);
    if (!data && data.error().status == FileStatus::end_of_file) co_return Result<void>{};
    if (!data) co_return fail(failure(data.error()));
    CO_TRY(arrival.take(data->view()));
    transfer_.expect(data->view().size());
    count(data->view().size(), false);
    if (arrival.size() > max_sizeless_bytes)
      co_return fail(ErrorKind::remote,
                     fmt::format("{}: says that its size is 0, and gives more than {} MiB",
                                 opened.path, max_sizeless_bytes >> 20));
  }
}

Task<Result<void>> Download::verify(const RemoteFile &file, Opened &opened) {
  std::string expected = file.hash;
  if (expected.empty()) {
    Arrival again(nullptr, true);
    auto done = co_await read(opened, again, true);
    if (!done) co_return fail(done.error());
    expected = again.finish();
  }
  // An empty one is that of a library that failed.
  if (opened.hash.empty() || opened.hash != expected) co_return fail(differs(file.path));
  verified(file.hash.empty() ? "reading again" : file.hashed_by);
  co_return Result<void>{};
}

// Files of one get can be compared in different ways.
void Download::verified(std::string_view by) {
  std::string &all = transfer_.record.verified_by;
  if (all.find(by) == std::string::npos) all += fmt::format("{}{}", all.empty() ? "" : " and ", by);
}

Result<void> Download::put_in_place(const RemoteFile &file, const Attributes &seen,
                                    files::Incoming &incoming, std::uint64_t size,
                                    const std::string &hash) {
  TRY_ASSIGN(const auto standing, folder_.look(file.place));
  const auto mtime = seen.times ? std::optional(seen.times->modification) : std::nullopt;
  TRY(incoming.put_in_place(
      size, mode_of_fetched_file(how_, seen.mode, standing.has_value(), folder_.umask()),
      time_of_fetched(how_, mtime)));
  fetched_.stands({file.path, size, seen.mode.value_or(0) & 07777, std::int64_t{mtime.value_or(0)},
                   files::hexadecimal(hash)},
                  false);
  return {};
}

}  // namespace fanout::worker
