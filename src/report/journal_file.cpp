// Everything is checked on the opened descriptor: what a name stands for may change between two looks at it. What is hard
// is to tell a journal that a crash has torn, which is ours to mend, from a file that is something else and must not be
// touched.
#include "journal_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <optional>

#include <fmt/format.h>

#include "fanout/console/sanitize.hpp"
#include "fanout/report/journal.hpp"

namespace fanout::report {

using core::ErrorKind;
using core::fail;
using core::Result;
using core::system_error;
using sys::UniqueFd;

namespace {

// No device is waited for or becomes our terminal before it is seen to be one.
constexpr int careful = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
constexpr mode_t ours_alone = 0600;

class JournalFile {
public:
  explicit JournalFile(const std::string &path) : path_(path), name_(journal_name(path)) {}

  Result<UniqueFd> open_to_read() {
    fd_ = UniqueFd::adopt(::open(path_.c_str(), O_RDONLY | careful));
    if (!fd_) return fail(cannot_open());
    TRY(check_owner());
    // Nobody is kept out while it is read. But what a run that goes on has not started yet, it will.
    if (::flock(fd_.get(), LOCK_SH | LOCK_NB) != 0) return fail(cannot_lock());
    ::flock(fd_.get(), LOCK_UN);
    return std::move(fd_);
  }

  Result<UniqueFd> open_to_add() {
    TRY_ASSIGN(const bool is_new, open_or_make());
    TRY(check_owner());
    if (!is_private_)
      return refuse("others may read it, and it gets what hosts print; chmod 600 makes it private");
    if (::flock(fd_.get(), LOCK_EX | LOCK_NB) != 0) return fail(cannot_lock());
    TRY(check_beginning());
    TRY(cut_torn_line());
    if (is_new) TRY(keep_entry());
    return std::move(fd_);
  }

private:
  [[nodiscard]] tl::unexpected<core::Error> refuse(std::string_view why) const {
    return fail(ErrorKind::usage, fmt::format("{}: {}", name_, why));
  }

  [[nodiscard]] core::Error problem() const { return system_error(ErrorKind::usage, name_, errno); }

  [[nodiscard]] core::Error cannot_open() const {
    if (errno == ELOOP) return refuse("is a symbolic link").value();
    if (errno == EISDIR || errno == ENXIO) return refuse("is not a regular file").value();
    return problem();
  }

  [[nodiscard]] core::Error cannot_lock() const {
    return errno == EWOULDBLOCK ? refuse("is in use by another run").value() : problem();
  }

  // Whether it was made: only O_EXCL tells.
  Result<bool> open_or_make() {
    constexpr int add = O_RDWR | O_APPEND | careful;
    constexpr int most_attempts = 10;  // somebody makes and removes it while we look
    for (int attempt = 0; attempt < most_attempts; ++attempt) {
      fd_ = UniqueFd::adopt(::open(path_.c_str(), add));
      if (fd_) return false;
      if (errno != ENOENT) break;
      fd_ = UniqueFd::adopt(::open(path_.c_str(), add | O_CREAT | O_EXCL, ours_alone));
      if (fd_) return true;
      if (errno != EEXIST) break;
    }
    return fail(cannot_open());
  }

  Result<void> check_owner() {
    struct stat facts {};
    if (::fstat(fd_.get(), &facts) != 0) return fail(problem());
    if (!S_ISREG(facts.st_mode)) return refuse("is not a regular file");
    if (facts.st_uid != ::geteuid()) return refuse(fmt::format("belongs to user {}", facts.st_uid));
    if ((facts.st_mode & (S_IWGRP | S_IWOTH)) != 0) return refuse("others may write to it");
    is_private_ = (facts.st_mode & (S_IRGRP | S_IROTH)) == 0;
    size_ = facts.st_size;
    return {};
  }

  Result<std::string> bytes_at(off_t offset, std::size_t count) const {
    std::string bytes(count, '\0');
    ssize_t got = 0;
    do got = ::pread(fd_.get(), bytes.data(), bytes.size(), offset);
    while (got < 0 && errno == EINTR);
    if (got < 0) return fail(problem());
    bytes.resize(static_cast<std::size_t>(got));
    return bytes;
  }

  Result<void> check_beginning() {
    if (size_ == 0) return {};
    constexpr std::string_view any_version = R"({"v":)";
    constexpr std::size_t enough = 32;
    TRY_ASSIGN(const std::string beginning, bytes_at(0, enough));
    if (beginning.starts_with(journal_line_beginning)) return {};
    if (beginning.starts_with(any_version)) {
      const std::string_view rest = std::string_view(beginning).substr(any_version.size());
      const std::string_view version = rest.substr(0, rest.find_first_not_of("0123456789"));
      if (!version.empty() && version != fmt::to_string(journal_version))
        return refuse(
            fmt::format("version {}; this program writes version {}", version, journal_version));
    }
    return refuse("is not a journal");
  }

  // A run that was killed while it wrote has left a line without its newline.
  Result<void> cut_torn_line() {
    constexpr off_t step = 64 << 10;
    off_t end = size_;
    while (end > 0) {
      const off_t begin = std::max<off_t>(0, end - step);
      TRY_ASSIGN(const std::string bytes, bytes_at(begin, static_cast<std::size_t>(end - begin)));
      const std::size_t newline = bytes.rfind('\n');
      end = newline == std::string::npos ? begin : begin + static_cast<off_t>(newline) + 1;
      if (newline != std::string::npos) break;
    }
    if (end != size_ && ::ftruncate(fd_.get(), end) != 0) return fail(problem());
    return {};
  }

  // The name of a new file is on the disk only when its folder is. One that we may not read is left to the file system,
  // which as a rule writes both.
  Result<void> keep_entry() const {
    const std::size_t slash = path_.rfind('/');
    std::string folder = ".";
    if (slash != std::string::npos) folder = slash == 0 ? "/" : path_.substr(0, slash);
    const UniqueFd opened =
        UniqueFd::adopt(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!opened) return errno == EACCES ? Result<void>() : fail(problem());
    // EINVAL: a file system that has no use for it.
    if (::fsync(opened.get()) != 0 && errno != EINVAL) return fail(problem());
    return {};
  }

  const std::string &path_;
  std::string name_;
  UniqueFd fd_;
  off_t size_ = 0;
  bool is_private_ = false;  // nobody else may read it
};

}  // namespace

JournalPlace place_of(int fd) {
  struct stat facts {};
  if (::fstat(fd, &facts) != 0) return {};
  return {facts.st_dev, facts.st_ino, static_cast<std::uint64_t>(facts.st_size)};
}

std::string journal_name(const std::string &path) { return "journal " + console::safe_line(path); }

Result<UniqueFd> open_journal_to_read(const std::string &path) {
  return JournalFile(path).open_to_read();
}

Result<UniqueFd> open_journal_to_add(const std::string &path) {
  return JournalFile(path).open_to_add();
}

}  // namespace fanout::report
