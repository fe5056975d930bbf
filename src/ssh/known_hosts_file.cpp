// Reads and extends a file that ssh, ssh-keygen and other runs of fanout use at the same time.
//
// ssh appends without a lock, in one write to a descriptor with O_APPEND; ssh-keygen replaces the file by rename(2). So
// a lock is only good if the path still leads to the file that was locked, and a line is added with one write or not at
// all.
#include "fanout/ssh/known_hosts_file.hpp"

#include <fcntl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <thread>

#include <fmt/format.h>

#include "fanout/sys/io.hpp"

namespace fanout::ssh {

namespace {

using core::Deadline;
using core::ErrorKind;
using core::fail;
using core::Result;
using sys::UniqueFd;

tl::unexpected<core::Error> failed(std::string_view operation, const std::string &path, int error) {
  return fail(core::system_error(ErrorKind::local, fmt::format("{} {}", operation, path), error));
}

// `--known-hosts /dev/null` is how users of ssh say that nothing is known and nothing is to be kept.
bool is_null_device(const struct stat &facts) {
  return S_ISCHR(facts.st_mode) && facts.st_rdev == makedev(1, 3);
}

// False when there is no such file. Looked at before it is opened, because opening alone wakes a FIFO's writer or a
// device.
Result<bool> is_there(const std::string &path) {
  struct stat facts {};
  if (::stat(path.c_str(), &facts) != 0) {
    if (errno == ENOENT) return false;
    return failed("stat", path, errno);
  }
  if (!S_ISREG(facts.st_mode) && !is_null_device(facts))
    return fail(ErrorKind::local, path + ": not a regular file");
  return true;
}

// The second look, at what was really opened.
Result<struct stat> facts_of(const UniqueFd &file, const std::string &path) {
  struct stat facts {};
  if (::fstat(file.get(), &facts) != 0) return failed("stat", path, errno);
  if (!S_ISREG(facts.st_mode) && !is_null_device(facts))
    return fail(ErrorKind::local, path + ": not a regular file");
  return facts;
}

Result<void> wait_for_lock(const UniqueFd &file, const std::string &path, Deadline deadline) {
  // A lock of the open file description, not of the process: it ends with this descriptor, whatever else is closed.
  struct flock whole {};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  std::chrono::milliseconds pause{1};
  while (::fcntl(file.get(), F_OFD_SETLK, &whole) != 0) {
    if (errno != EAGAIN && errno != EACCES && errno != EINTR) return failed("lock", path, errno);
    if (deadline.passed(sys::now()))
      return fail(ErrorKind::local, fmt::format("lock {}: held by another process", path));
    std::this_thread::sleep_for(pause);
    pause = std::min(2 * pause, std::chrono::milliseconds{20});
  }
  return {};
}

}  // namespace

KnownHostsFile::State::State(const struct stat &facts)
    : device(facts.st_dev), inode(facts.st_ino), bytes(facts.st_size), modified(facts.st_mtim) {}

bool KnownHostsFile::State::operator==(const State &other) const {
  return device == other.device && inode == other.inode && bytes == other.bytes &&
         modified.tv_sec == other.modified.tv_sec && modified.tv_nsec == other.modified.tv_nsec;
}

Result<KnownHostsFile> KnownHostsFile::read(const std::string &path) {
  KnownHostsFile result{KnownHosts(path)};
  TRY_ASSIGN(const bool there, is_there(path));
  if (!there) return result;
  const UniqueFd file =
      UniqueFd::adopt(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!file) return failed("open", path, errno);
  TRY_ASSIGN(const struct stat facts, facts_of(file, path));
  TRY(result.read_from(file, facts));
  return result;
}

// `facts` were taken before: if somebody writes meanwhile, the state that is remembered is the older one, and the next
// lock() reads again.
Result<void> KnownHostsFile::read_from(const UniqueFd &file, const struct stat &facts) {
  const std::string &path = content_.path();
  const auto size = static_cast<std::size_t>(facts.st_size);
  const auto too_large = [&] {
    return fail(ErrorKind::local, fmt::format("{}: larger than {} bytes", path, max_bytes));
  };
  if (size > max_bytes) return too_large();
  // One byte more than is expected, so that the end is seen without another round.
  std::string text(size + 1, '\0');
  std::size_t length = 0;
  for (;;) {
    if (length == text.size()) text.resize(2 * length);
    const sys::Transfer got =
        sys::read_some(file.get(), text.data() + length, text.size() - length);
    if (got.state == sys::Transfer::State::end) break;
    if (got.state != sys::Transfer::State::done) return failed("read", path, got.error);
    length += got.count;
    if (length > max_bytes) return too_large();
  }
  text.resize(length);
  content_ = KnownHosts(path, std::move(text));
  state_ = State(facts);
  return {};
}

Result<UniqueFd> KnownHostsFile::lock(Deadline deadline) {
  const std::string &path = content_.path();
  for (;;) {
    TRY(is_there(path));
    UniqueFd file = UniqueFd::adopt(::open(
        path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600));
    if (!file) return failed("open", path, errno);
    TRY_ASSIGN(struct stat facts, facts_of(file, path));
    if (is_null_device(facts)) return file;
    TRY(wait_for_lock(file, path, deadline));

    struct stat named {};
    const bool still_named = ::stat(path.c_str(), &named) == 0 && named.st_dev == facts.st_dev &&
                             named.st_ino == facts.st_ino;
    if (!still_named) {
      if (deadline.passed(sys::now()))
        return fail(ErrorKind::local, path + ": replaced again and again");
      continue;
    }
    TRY_ASSIGN(facts, facts_of(file, path));
    if (state_ != State(facts)) {
      TRY(read_from(file, facts));
      ++generation_;
    }
    return file;
  }
}

Result<void> KnownHostsFile::append(const UniqueFd &locked, std::string_view line) {
  const std::string &path = content_.path();
  TRY_ASSIGN(const struct stat before, facts_of(locked, path));
  std::string text;
  if (before.st_size > 0) {
    char last = '\n';
    if (::pread(locked.get(), &last, 1, before.st_size - 1) != 1)
      return failed("read", path, errno);
    if (last != '\n') text += '\n';
  }
  text += line;
  text += '\n';

  const sys::Transfer wrote = sys::write_some(locked.get(), text);
  if (wrote.state != sys::Transfer::State::done) return failed("write", path, wrote.error);
  TRY_ASSIGN(const struct stat after, facts_of(locked, path));
  if (wrote.count != text.size()) {
    // Take the piece back, unless somebody without a lock has written behind it. If that fails the piece stays as a bad
    // line, which every reader skips.
    if (after.st_size == before.st_size + static_cast<off_t>(wrote.count) &&
        ::ftruncate(locked.get(), before.st_size) != 0)
      return failed("truncate", path, errno);
    return fail(ErrorKind::local,
                fmt::format("write {}: {} of {} bytes", path, wrote.count, text.size()));
  }
  content_.append(std::string(line) + '\n');
  // Somebody without a lock came in between: those lines are not known yet, so the next lock() is to read again.
  if (after.st_size == before.st_size + static_cast<off_t>(text.size()))
    state_ = State(after);
  else
    state_.reset();
  return {};
}

}  // namespace fanout::ssh
