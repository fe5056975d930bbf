// epoll(7) with level triggering and a tag a descriptor. Unlike select(2) it has no limit of 1,024.
#pragma once

#include <sys/epoll.h>

#include <cstdint>
#include <span>
#include <vector>

#include "fanout/core/deadline.hpp"
#include "fanout/core/result.hpp"
#include "fanout/sys/fd.hpp"

namespace fanout::sys {

class Epoll {
public:
  struct Ready {
    std::uint64_t tag;
    std::uint32_t events;  // EPOLLIN, EPOLLOUT, EPOLLHUP, EPOLLERR
  };

  static core::Result<Epoll> create();
  core::Result<void> add(int fd, std::uint32_t events, std::uint64_t tag);
  core::Result<void> change(int fd, std::uint32_t events, std::uint64_t tag);
  void remove(int fd);
  [[nodiscard]] int fd() const { return fd_.get(); }  // readable when something is ready

  // Blocks until something is ready or the deadline has passed; then the answer is empty. Also empty after a signal.
  // The answer is valid until the next call.
  std::span<const Ready> wait(core::Deadline deadline);

private:
  UniqueFd fd_;
  std::vector<epoll_event> raw_;
  std::vector<Ready> ready_;
};

}  // namespace fanout::sys
