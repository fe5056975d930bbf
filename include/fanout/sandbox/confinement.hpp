// Takes rights away from a worker, in two steps and for good: Landlock (landlock(7)) before it connects, Landlock again
// and a system call filter (seccomp(2)) before it reads the first byte of the server.
//
// What does not depend on the host is built once, by prepare() and make_ready(), in the process that workers are forked
// from. The steps run in the worker and allocate nothing that matters; a step that fails leaves a worker that must not go
// on. No descriptor is held between the steps, so a worker may then close every one that it does not know.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "fanout/core/result.hpp"
#include "fanout/sandbox/profile.hpp"

namespace fanout::sandbox {

// `automatic` uses what can be had here, `require` fails where anything is missing, `off` is for finding faults of ours: it
// leaves the limits of limits.hpp.
enum class Mode : std::uint8_t { automatic, require, off };

// What of all this cannot be had here, and why, a short phrase each that stands for itself ("no Landlock rules for TCP
// (needs Linux 6.7)", "Landlock is switched off", "seccomp is denied here", "/proc is not mounted"); empty when nothing is
// missing. Asks the kernel at every call. Without Landlock, put and get can open what their user can.
std::vector<std::string> missing();

class Ruleset;  // private to the module

class Confinement {
public:
  // Builds the filter and finds the files of the resolver. ErrorKind::local when something fails that the kernel has, or,
  // with Mode::require, when missing() is not empty.
  static core::Result<Confinement> prepare(Mode mode, Profile profile);

  Confinement(Confinement &&) noexcept;
  Confinement &operator=(Confinement &&) noexcept;
  ~Confinement();

  // Before each worker is forked: opens the files of the resolver for it (25 calls of the system), unless that was done
  // within the last second for the same port. The worker inherits a descriptor, which its first step closes. Does
  // nothing for put and get, whose folders would become everybody's.
  void make_ready(std::uint16_t port);

  // Step one: from here on files can be read only where name resolution needs them, TCP connections be made only to
  // `port` and 53, and no process outside be signalled or reached by an abstract socket. `folders` are descriptors of
  // the folders of put or get, which the second step leaves; none for exec. A regular file among them is passed over: it
  // is open already. Sets no_new_privs and the limits of limit_worker(), for the address space that prepare() found.
  core::Result<void> before_connecting(std::uint16_t port, std::span<const int> folders = {}) const;

  // Step two: no files but beneath `folders`, no new sockets, no programs, and any other call than those of the profile
  // (profiles.cpp) ends the process with SIGSYS. Sets the limits of limit_descriptors(), for put with `folders` on top,
  // the files among them included. Calls that a worker may still want must be of those that the profile allows: timers
  // are armed and the title is set before.
  core::Result<void> before_reading(std::span<const int> folders = {}) const;

private:
  struct State;
  explicit Confinement(std::unique_ptr<State> state);
  [[nodiscard]] core::Result<Ruleset> ruleset_for_connecting(std::uint16_t port) const;
  std::unique_ptr<State> state_;
};

// For the key holder, once every key is loaded and nothing more will be asked of the user: no files, no programs, no
// threads, and new sockets only of the kind that reaches an agent, if it has one. The filter binds every thread of the
// process, and fails if one of them is bound already; Landlock and the loss of capabilities bind the calling thread and
// those that it makes later. As the filter lets no thread be made, threads are made before and do without these two.
core::Result<void> confine_key_holder(Mode mode, bool has_agent);

}  // namespace fanout::sandbox
