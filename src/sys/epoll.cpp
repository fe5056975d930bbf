#include "fanout/sys/epoll.hpp"

#include <cerrno>

#include "fanout/sys/io.hpp"

namespace fanout::sys {

using core::ErrorKind;
using core::fail;
using core::Result;
using core::system_error;

namespace {

constexpr int batch = 256;  // what is left over comes with the next call

epoll_event entry(std::uint32_t events, std::uint64_t tag) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = tag;
  return event;
}

}  // namespace

Result<Epoll> Epoll::create() {
  Epoll created;
  created.fd_ = UniqueFd::adopt(::epoll_create1(EPOLL_CLOEXEC));
  if (!created.fd_) return fail(system_error(ErrorKind::local, "epoll_create1", errno));
  created.raw_.resize(batch);
  created.ready_.reserve(batch);
  return created;
}

Result<void> Epoll::add(int fd, std::uint32_t events, std::uint64_t tag) {
  epoll_event event = entry(events, tag);
  if (::epoll_ctl(fd_.get(), EPOLL_CTL_ADD, fd, &event) != 0)
    return fail(system_error(ErrorKind::local, "epoll_ctl", errno));
  return {};
}

Result<void> Epoll::change(int fd, std::uint32_t events, std::uint64_t tag) {
  epoll_event event = entry(events, tag);
  if (::epoll_ctl(fd_.get(), EPOLL_CTL_MOD, fd, &event) != 0)
    return fail(system_error(ErrorKind::local, "epoll_ctl", errno));
  return {};
}

void Epoll::remove(int fd) { ::epoll_ctl(fd_.get(), EPOLL_CTL_DEL, fd, nullptr); }

std::span<const Epoll::Ready> Epoll::wait(core::Deadline deadline) {
  ready_.clear();
  const int count = ::epoll_wait(fd_.get(), raw_.data(), batch, deadline.poll_timeout(now()));
  for (int i = 0; i < count; ++i) {
    const epoll_event &event = raw_[static_cast<std::size_t>(i)];
    ready_.push_back({event.data.u64, event.events});
  }
  return ready_;
}

}  // namespace fanout::sys
