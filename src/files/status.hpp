// What shows that a file is still the one that was looked at, with the content that it had then.
#pragma once

#include <sys/stat.h>

#include "fanout/files/catalogue.hpp"

namespace fanout::files {

Timestamp mtime_of(const struct stat &status);
Timestamp ctime_of(const struct stat &status);

// The same file, size and times. The time of the last change of the inode (ctime) cannot be set by anybody, so that a
// rewrite that puts the old mtime back is seen as well.
bool same_content(const struct stat &a, const struct stat &b);
bool same_content(const struct stat &status, const Entry &entry);

// fstat(2) such that every later change shows in the times. They have the resolution of the kernel's tick: a file that
// was changed in this very tick can be changed again and look the same. So it waits for the next one, some
// milliseconds.
int settled_status(int fd, struct stat &status);

}  // namespace fanout::files
