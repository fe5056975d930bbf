#include "parent_link.hpp"

#include <poll.h>
#include <unistd.h>

#include <array>

#include "fanout/sys/io.hpp"
#include "fanout/sys/pipe.hpp"

namespace fanout::worker {

using core::Deadline;
using core::ErrorKind;
using core::fail;
using core::Result;

namespace {

[[noreturn]] void parent_is_gone() { ::_exit(1); }

}  // namespace

ParentLink::ParentLink(sys::UniqueFd to_parent, sys::UniqueFd from_parent)
    : to_parent_(std::move(to_parent)), from_parent_(std::move(from_parent)) {
  if (!sys::set_nonblocking(to_parent_.get()) || !sys::set_nonblocking(from_parent_.get()))
    parent_is_gone();
}

void ParentLink::send(const wire::WorkerMessage &message) {
  unsent_ += wire::encode(message);
  flush();
}

void ParentLink::flush() {
  std::size_t sent = 0;
  while (sent < unsent_.size()) {
    const sys::Transfer wrote =
        sys::write_some(to_parent_.get(), std::string_view(unsent_).substr(sent));
    if (wrote.state == sys::Transfer::State::failed) parent_is_gone();
    if (wrote.state == sys::Transfer::State::would_block) break;
    sent += wrote.count;
  }
  unsent_.erase(0, sent);
}

void ParentLink::drain() {
  while (!unsent_.empty()) poll_once(-1, 0, {});
}

void ParentLink::listen() {
  char buffer[1024];
  for (;;) {
    const sys::Transfer got = sys::read_some(from_parent_.get(), buffer, sizeof buffer);
    if (got.state == sys::Transfer::State::would_block) break;
    if (got.state != sys::Transfer::State::done) parent_is_gone();
    frames_.feed({buffer, got.count});
    for (;;) {
      const auto frame = frames_.next();
      if (!frame) parent_is_gone();
      if (!*frame) break;
      auto message = wire::decode_parent_message(**frame);
      if (!message) parent_is_gone();
      if (auto *verdict = std::get_if<wire::VerdictMessage>(&*message))
        verdict_ = std::move(*verdict);
      if (const auto *stop = std::get_if<wire::StopMessage>(&*message)) stop_ = *stop;
    }
  }
}

ParentLink::Heard ParentLink::poll_once(int fd, short events, Deadline deadline) {
  std::array<pollfd, 3> entries{{
      {from_parent_.get(), POLLIN, 0},
      {unsent_.empty() ? -1 : to_parent_.get(), POLLOUT, 0},
      {fd, events, 0},
  }};
  if (::poll(entries.data(), entries.size(), deadline.poll_timeout(sys::now())) <= 0) return {};
  if (entries[0].revents != 0) listen();
  if (entries[1].revents != 0) flush();
  return {entries[2].revents != 0, entries[0].revents != 0};
}

Result<void> ParentLink::wait(int fd, short events, Deadline deadline) {
  const auto told_to_stop = [this] { return stop_ && !stop_ignored_; };
  for (;;) {
    if (told_to_stop()) return fail(ErrorKind::interrupted, "stopped");
    if (deadline.passed(sys::now())) return fail(ErrorKind::timeout, "timed out");
    const Heard heard = poll_once(fd, events, deadline);
    if (!told_to_stop() && (fd < 0 ? heard.parent : heard.descriptor)) return {};
  }
}

void ParentLink::wait_for_anything(int fd, short events, Deadline deadline) {
  // Nothing to wait for is no reason not to hear the parent: a server that never pauses could keep us from it for ever.
  poll_once(fd, events,
            events == 0 && unsent_.empty() ? Deadline(core::TimePoint::min()) : deadline);
}

Result<wire::VerdictMessage> ParentLink::wait_for_verdict(Deadline deadline) {
  while (!verdict_) TRY(wait(-1, 0, deadline));
  return *verdict_;
}

}  // namespace fanout::worker
