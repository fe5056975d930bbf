#include "status.hpp"

#include <ctime>

#include "beneath.hpp"

namespace fanout::files {

namespace {

Timestamp timestamp(const struct timespec &time) {
  return {time.tv_sec, static_cast<std::uint32_t>(time.tv_nsec)};
}

// Where inodes get their times from.
bool is_before_this_tick(const Timestamp &time, const struct timespec &tick) {
  return time.seconds < tick.tv_sec ||
         (time.seconds == tick.tv_sec &&
          time.nanoseconds < static_cast<std::uint32_t>(tick.tv_nsec));
}

}  // namespace

Timestamp mtime_of(const struct stat &status) { return timestamp(status.st_mtim); }
Timestamp ctime_of(const struct stat &status) { return timestamp(status.st_ctim); }

bool same_content(const struct stat &a, const struct stat &b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino && a.st_size == b.st_size &&
         mtime_of(a) == mtime_of(b) && ctime_of(a) == ctime_of(b);
}

bool same_content(const struct stat &status, const Entry &entry) {
  return status.st_dev == entry.device && status.st_ino == entry.inode &&
         static_cast<std::uint64_t>(status.st_size) == entry.size &&
         mtime_of(status) == entry.mtime && ctime_of(status) == entry.ctime;
}

int settled_status(int fd, struct stat &status) {
  // A tick is 10 ms at most. Times in the future are another machine's; waiting for them would help nobody.
  constexpr int attempts = 20;
  constexpr struct timespec pause { 0, 1'000'000 };
  for (int attempt = 0;; ++attempt) {
    // First the clock: a change after fstat then has at least this time.
    struct timespec tick {};
    ::clock_gettime(CLOCK_REALTIME_COARSE, &tick);
    if (status_of(fd, status) != 0) return -1;
    if (attempt == attempts || is_before_this_tick(ctime_of(status), tick)) return 0;
    ::nanosleep(&pause, nullptr);
  }
}

}  // namespace fanout::files
