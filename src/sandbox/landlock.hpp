// Landlock (landlock(7)): a process forbids itself what it does not need, in layers that only ever add up.
//
// The constants are our own, and complete up to version 7 of the interface: the headers of stable distributions are
// older than the kernels that programs run on. A ruleset asks for what the running kernel has and leaves out the rest.
#pragma once

#include <cstdint>

#include "fanout/core/result.hpp"
#include "fanout/sys/fd.hpp"

namespace fanout::sandbox {

// What can be allowed beneath a folder or for a file (linux/landlock.h).
enum FileRight : std::uint64_t {
  right_execute = 1U << 0,
  right_write_file = 1U << 1,
  right_read_file = 1U << 2,
  right_read_dir = 1U << 3,
  right_remove_dir = 1U << 4,
  right_remove_file = 1U << 5,
  right_make_char = 1U << 6,
  right_make_dir = 1U << 7,
  right_make_reg = 1U << 8,
  right_make_sock = 1U << 9,
  right_make_fifo = 1U << 10,
  right_make_block = 1U << 11,
  right_make_sym = 1U << 12,
  right_refer =
      1U << 13,  // from version 2 on; rename and link between folders, always forbidden before
  right_truncate = 1U << 14,   // from version 3 on
  right_ioctl_dev = 1U << 15,  // from version 5 on
};

inline constexpr int landlock_has_truncate = 3;
inline constexpr int landlock_has_tcp = 4;
inline constexpr int landlock_has_scopes = 6;

// The version of the interface that the kernel offers; 0 if it has none, was booted without, or something that watches
// our calls does not let us ask.
int landlock_version();

// 0 if it has a version, else the errno with which it refuses to name one: ENOSYS without Landlock, EOPNOTSUPP when it was
// booted without, any other from what watches our calls.
int landlock_refusal();

// A layer before it is entered. It forbids every file right, TCP connections and listening, and signals and abstract
// sockets of processes outside of it, as far as the version knows these, except what the rules allow.
class Ruleset {
public:
  static core::Result<Ruleset> create(int version);

  // `place` is a folder or a file, opened in any way (O_PATH is enough). A file takes only rights that a file can have.
  core::Result<void> allow_beneath(int place, std::uint64_t rights);
  // TCP connections to this port, at any address.
  core::Result<void> allow_connecting_to(std::uint16_t port);

  // Binds the calling thread and what it starts from here on, for good. Needs no_new_privs.
  core::Result<void> enter() const;

private:
  Ruleset(sys::UniqueFd fd, int version) : fd_(std::move(fd)), version_(version) {}
  sys::UniqueFd fd_;
  int version_;
};

}  // namespace fanout::sandbox
