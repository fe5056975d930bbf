// What code of an attacker would try from inside a confined worker: one system call each, or a few that belong
// together. Every attempt is harmless if it succeeds (signal 0, bad pointers, bad magic numbers), so that a hole in the
// sandbox shows as a failed test and not as a broken machine.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "fanout/sandbox/profile.hpp"

namespace fanout::test {

// What there is to attack. The files are such that their permissions alone would let the process in.
struct Target {
  pid_t parent = 0;          // to signal, trace and read
  std::string agent_socket;  // path of a unix socket that somebody listens on
  std::string file;          // outside of the folder, readable and writable
  std::string outside;       // the folder that `file` is in
  int folder = -1;      // of put and get; it holds `inside`, and `link`, which points to `file`
  int connection = -1;  // a connected TCP socket
  int slot = -1;        // one end of a socket pair
  int pipe = -1;        // writing end
};

struct Attempt {
  std::string name;
  // Returns 0 if it succeeded, else errno; or does not return.
  std::function<int(const Target &)> run;
  // In the profiles of `answered` it fails with one of `errors`; in all others it ends the process with SIGSYS.
  std::vector<int> errors = {};
  std::vector<sandbox::Profile> answered = {};
  int other_death = 0;  // a signal by which the kernel may end it just as well
  std::vector<sandbox::Profile> harmless =
      {};  // where it is what healthy workers do, and is not tried

  [[nodiscard]] bool is_no_attack_in(sandbox::Profile profile) const;
  [[nodiscard]] bool must_die_in(sandbox::Profile profile) const;
  // "killed by SYS", or the errors that would do.
  [[nodiscard]] std::string describe_expectation(sandbox::Profile profile) const;
};

const std::vector<Attempt> &evil_attempts();

}  // namespace fanout::test
