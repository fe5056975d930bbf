// The process that workers are forked from.
//
// Whatever the forking process has in its memory, every worker has too, and a worker may be taken over by its server. So
// the parent, which knows every host and what it printed, does not fork them: it asks a process that was forked before
// anything was read, and that knows nothing but how to be a worker. A worker is nevertheless the parent's own child
// (sys::fork_sibling), so that it can be signalled and reaped without asking anybody. The spawner stays small, so that
// forking stays cheap however much the parent holds.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fanout/core/result.hpp"
#include "fanout/sys/fd.hpp"
#include "fanout/sys/process.hpp"

namespace fanout::pool {

class Spawner {
public:
  struct Program {
    // In the spawner, once, before the first worker: whatever is the same for all of them.
    std::function<core::Result<void>(std::string_view setup)> prepare;
    // In the spawner, before each worker is forked. May be empty. It is not shown the card, of which nothing may stay.
    std::function<void()> before_each;
    // In the worker, which owns the descriptors and holds no others; its exit status means nothing. `card` is its own
    // and the only one in its memory.
    std::function<int(std::string_view card, sys::UniqueFd link,
                      std::vector<sys::UniqueFd> handed_down)>
        run;
  };

  static constexpr std::size_t max_card_bytes = 64 * 1024;

  // Forks. To be called before this process has read anything that a worker must not know, its command line included.
  // The spawner has the null device for standard descriptors, a process group of its own, an environment that holds only
  // what name resolution and OpenSSL look at, and no dump of its memory can be made.
  static core::Result<Spawner> start(Program program);

  // Starts the preparation and returns at once; await_prepared() blocks until it is done and says how it went.
  core::Result<void> prepare(std::string_view setup);
  core::Result<void> await_prepared();

  // Blocks until the worker exists. The descriptors are lent: it gets duplicates, and what failed can be tried again with
  // the same ones. ErrorKind::local when the system refuses (EAGAIN, ENOMEM, EMFILE): later it may not.
  // ErrorKind::internal, "spawner lost", when the spawner is gone or silent for ten seconds. It is then killed, so that
  // no late answer is taken for that to another request, and this and every later call fails at once. A worker whose pid
  // was not heard ends by itself, because its link is closed; it stays a zombie of ours until we end too.
  core::Result<sys::Child> spawn(std::string_view card, const sys::UniqueFd &link,
                                 std::span<const int> handed_down);
  // More descriptors than that cannot be handed down.
  static constexpr std::size_t max_handed_down = 240;

  // For the rest of the run: once `fd` is readable (a signalfd), no answer is awaited for more than two seconds. Borrowed.
  void give_up_on(int fd) { give_up_fd_ = fd; }

  // 0 once it is lost.
  [[nodiscard]] pid_t pid() const { return child_.pid(); }

private:
  Spawner(sys::Child child, sys::UniqueFd control)
      : child_(std::move(child)), control_(std::move(control)) {}
  core::Result<void> ask(char type, std::string_view body, std::span<const int> fds);
  core::Result<int> answer();
  [[nodiscard]] bool answers_in_time() const;
  core::Error lose(std::string_view why);

  sys::Child child_;
  sys::UniqueFd control_;  // closed once the spawner is lost
  int give_up_fd_ = -1;
  std::string why_lost_;
};

}  // namespace fanout::pool
