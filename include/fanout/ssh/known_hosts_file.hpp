// One known_hosts file on disk: reading it once, and adding lines beside other programs that do the same. Used in the
// parent alone, between forks: the lock would be shared with a child.
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "fanout/core/deadline.hpp"
#include "fanout/core/result.hpp"
#include "fanout/ssh/known_hosts.hpp"
#include "fanout/sys/fd.hpp"

namespace fanout::ssh {

class KnownHostsFile {
public:
  static constexpr std::size_t max_bytes = 64U << 20;

  // A missing file is an empty one, and so is the null device. A file that is there but cannot be read, that is not a
  // regular file (a FIFO is refused without waiting for a writer) or is larger than max_bytes is ErrorKind::local: what
  // it says about a host is unknown, so no host can be accepted.
  static core::Result<KnownHostsFile> read(const std::string &path);

  // Lines that were read elsewhere; lock() reads the file at their path() anew.
  explicit KnownHostsFile(KnownHosts content) : content_(std::move(content)) {}

  [[nodiscard]] const KnownHosts &content() const { return content_; }
  // Grows whenever lock() has found the file changed by others, and so content() is another one.
  [[nodiscard]] unsigned generation() const { return generation_; }

  // Creates the file (mode 0600) if it is missing, locks it against other runs of fanout (fcntl(2), F_OFD_SETLK; ssh
  // takes no locks) until the answer is closed, and brings content() up to date if the file has changed since it was
  // read. Blocks until the deadline, then ErrorKind::local, as for every failure. Follows a symbolic link to a regular
  // file, to nothing else.
  core::Result<sys::UniqueFd> lock(core::Deadline deadline);

  // Adds one line (without newline) in a single write, after the newline that the last line may lack, and adds it to
  // content(). The mode of the file stays. On failure (ErrorKind::local) the file is as it was.
  core::Result<void> append(const sys::UniqueFd &locked, std::string_view line);

private:
  // A file with the same state has the same content, unless somebody writes it in place twice within a tick of its
  // clock.
  struct State {
    dev_t device = 0;
    ino_t inode = 0;
    off_t bytes = 0;
    timespec modified{};
    explicit State(const struct stat &facts);
    bool operator==(const State &other) const;
  };

  core::Result<void> read_from(const sys::UniqueFd &file, const struct stat &facts);

  KnownHosts content_;
  std::optional<State> state_;  // of the file when content_ was read or added to
  unsigned generation_ = 0;
};

}  // namespace fanout::ssh
