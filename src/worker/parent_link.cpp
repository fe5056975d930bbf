#include "parent_link.hpp"

#include <unistd.h>

#include "fanout/sys/io.hpp"

namespace fanout::worker {

using core::Deadline;
using core::ErrorKind;
using core::fail;
using core::Result;

namespace {

constexpr core::Milliseconds longest_held{100};

[[noreturn]] void parent_is_gone() { ::_exit(1); }

}  // namespace

void ParentLink::send(const wire::WorkerMessage &message, Urgency urgency) {
  const bool nothing_waits = unsent_.empty();
  unsent_ += wire::encode(message);
  if (urgency == Urgency::with_the_next && (nothing_waits || holds())) {
    if (!holds()) held_until_ = Deadline::in(longest_held, sys::now());
  } else {
    flush();
  }
}

void ParentLink::flush() {
  held_until_ = {};
  std::size_t sent = 0;
  while (sent < unsent_.size()) {
    const sys::Transfer wrote =
        sys::write_some(link_.get(), std::string_view(unsent_).substr(sent));
    if (wrote.state == sys::Transfer::State::failed) parent_is_gone();
    if (wrote.state == sys::Transfer::State::would_block) break;
    sent += wrote.count;
  }
  unsent_.erase(0, sent);
}

void ParentLink::drain() {
  flush();
  while (!unsent_.empty()) poll_once(-1, 0, {});
}

void ParentLink::listen() {
  char buffer[1024];
  for (;;) {
    const sys::Transfer got = sys::read_some(link_.get(), buffer, sizeof buffer);
    if (got.state == sys::Transfer::State::would_block) break;
    if (got.state != sys::Transfer::State::done) parent_is_gone();
    const bool drained = got.count < sizeof buffer;
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
    if (drained) break;
  }
}

int ParentLink::poll_descriptors(std::array<pollfd, 2> &entries, Deadline deadline) {
  if (holds() && !held_until_.passed(sys::now())) {
    const Deadline soon = deadline.or_sooner(held_until_);
    const int ready = ::poll(entries.data(), entries.size(), soon.poll_timeout(sys::now()));
    if (ready != 0 || !held_until_.passed(sys::now())) return ready;
  }
  if (holds()) flush();
  if (!unsent_.empty()) entries[0].events = POLLIN | POLLOUT;
  return ::poll(entries.data(), entries.size(), deadline.poll_timeout(sys::now()));
}

ParentLink::Heard ParentLink::poll_once(int fd, short events, Deadline deadline) {
  std::array<pollfd, 2> entries{{{link_.get(), POLLIN, 0}, {fd, events, 0}}};
  if (poll_descriptors(entries, deadline) <= 0) return {};
  const bool parent_spoke = (entries[0].revents & ~POLLOUT) != 0;
  if (parent_spoke) listen();
  if ((entries[0].revents & POLLOUT) != 0) flush();
  return {entries[1].revents != 0, parent_spoke};
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
  poll_once(
      fd, events,
      events == 0 && (unsent_.empty() || holds()) ? Deadline(core::TimePoint::min()) : deadline);
}

Result<wire::VerdictMessage> ParentLink::wait_for_verdict(Deadline deadline) {
  while (!verdict_) TRY(wait(-1, 0, deadline));
  return *verdict_;
}

}  // namespace fanout::worker
