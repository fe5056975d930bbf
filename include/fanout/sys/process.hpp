// Children: fork, how they ended, and signals that can only reach the process that was meant.
#pragma once

#include <sys/types.h>

#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fanout/core/result.hpp"
#include "fanout/sys/fd.hpp"

namespace fanout::sys {

// How a process ended; made from waitid(2), whose fields cannot be decoded wrongly.
struct ProcessStatus {
  bool exited = true;  // else it was killed by `signal`
  int exit_status = 0;
  int signal = 0;
  bool core_dumped = false;

  [[nodiscard]] bool success() const { return exited && exit_status == 0; }
};

// "exited with status 3", "killed by signal 9 (KILL)".
std::string describe(const ProcessStatus &status);

// "KILL" for 9; "signal 77" for one without a name.
std::string signal_name(int signal);

// `inherited` is for a child that reads the terminal: only the foreground group may (termios(3), SIGTTIN).
enum class ProcessGroup { own, inherited };

// A child of this process. As long as it is not reaped its pid cannot be used again, so that the pid is enough to signal
// and reap it. Destroying an unreaped child kills and reaps it.
class Child {
public:
  Child() = default;
  Child(Child &&) noexcept;
  Child &operator=(Child &&) noexcept;
  ~Child();

  [[nodiscard]] pid_t pid() const { return pid_; }
  // Readable when the child has ended (pidfd_open(2)); -1 until watch(). That of fork_child() is watched from the beginning.
  [[nodiscard]] int pidfd() const { return pidfd_.get(); }
  core::Result<void> watch();
  [[nodiscard]] bool running() const { return pid_ > 0; }

  void signal(int number) const;  // nothing if it has ended
  // To every process of the child's own group, also when the child itself has ended; not once it is reaped.
  void signal_group(int number) const;
  [[nodiscard]] bool has_ended() const;  // and waits to be reaped
  std::optional<ProcessStatus> reap();   // nullopt when it still runs; never blocks
  ProcessStatus reap_blocking();

private:
  friend core::Result<Child> fork_child(const std::function<int()> &, ProcessGroup);
  friend Child adopt_sibling(pid_t);
  void end();
  void forget();  // it has been reaped
  explicit Child(pid_t pid) : pid_(pid) {}
  pid_t pid_ = 0;
  UniqueFd pidfd_;
};

// Forks; `program` runs in the child, whose exit status is what it returns. In the child: signal dispositions are the
// default and no signal is blocked, SIGPIPE is ignored, so are SIGUSR1 and SIGUSR2, which users send to every process of
// this name and mean the parent, it is leader of its own process group unless told otherwise, gets
// SIGKILL when the parent dies (prctl(2) PR_SET_PDEATHSIG, with the race against an already dead parent closed), and
// leaves by _exit, so that nothing inherited runs twice. An exception that leaves `program` ends in abort(). The caller
// must be single-threaded.
core::Result<Child> fork_child(const std::function<int()> &program,
                               ProcessGroup group = ProcessGroup::own);

// For a process that forks on behalf of its parent: as fork_child() with a group of its own, but what comes of it is a
// child of the caller's parent (clone(2), CLONE_PARENT), which takes it over by adopt_sibling(). Signals stay as they are
// in the caller, which should be a process of fork_child(): 65 calls of sigaction(2) would say it again. Nobody's atfork
// handlers run; the caller must be single-threaded and hold no lock. OpenSSL notices by the pid that it is another
// process.
core::Result<pid_t> fork_sibling(const std::function<int()> &program);

// What become() gives a program as standard output and error; of one that is less than 0 it has ours.
struct Outputs {
  int out = -1;
  int err = -1;
};

// In a child of fork_child(): becomes the program at `path`, by that name and not looked for anywhere else, with `arguments`,
// the first of which is what it is called. It has the null device as standard input, and no signal is ignored. Only
// returns when it could not, with errno.
int become(const std::string &path, std::vector<std::string> arguments, Outputs outputs);

// Whether some child of this process has ended and waits to be reaped.
bool any_child_has_ended();

// In the parent: takes over what a child of ours has forked by fork_sibling(). The pid must not have been reaped. There may
// be ten thousand of them, so none costs a descriptor until it is watched.
Child adopt_sibling(pid_t pid);

// Overwrites every variable of the environment whose name is not in `kept` and takes it out, so that nothing of it is in
// this process's memory any more.
void clear_environment(std::initializer_list<std::string_view> kept);

// What ps(1) shows for this process: both the short name (15 bytes) and the whole command line.
// Call remember_command_line() with main's argv first; without it only the short name changes.
void remember_command_line(int argc, char **argv);
void set_process_title(const std::string &title);

// Points descriptors 0, 1 and 2 at the null device. In a worker: it never holds a terminal.
core::Result<void> null_standard_descriptors();

// Opens the null device on those of 0, 1 and 2 that are closed, so that no later file takes their place; reading 0 and
// writing 1 and 2 then fails with EBADF.
core::Result<void> open_missing_standard_descriptors();

// Closes every descriptor from 3 up that is not in `keep` (close_range(2)).
void close_all_but(std::initializer_list<int> keep);

}  // namespace fanout::sys
