// A worker's only line to the rest of the program: frames up, answers down, and the knowledge that the parent lives.
#pragma once

#include <poll.h>

#include <array>
#include <optional>
#include <string>

#include "fanout/core/deadline.hpp"
#include "fanout/core/result.hpp"
#include "fanout/sys/fd.hpp"
#include "fanout/wire/frame.hpp"
#include "fanout/wire/messages.hpp"

namespace fanout::worker {

// Each message that travels alone costs two processes a system call or more. One that will be followed soon can wait for
// the next; if that takes a tenth of a second, it travels alone after all.
enum class Urgency { at_once, with_the_next };

class ParentLink {
public:
  // A socket that does not block.
  explicit ParentLink(sys::UniqueFd link) : link_(std::move(link)) {}

  // Queues a message and sends what the socket takes. A parent that is gone ends the process: nobody is left to serve.
  void send(const wire::WorkerMessage &message, Urgency urgency = Urgency::at_once);
  // What the socket did not take yet. A caller that makes much waits while this is large.
  [[nodiscard]] std::size_t backlog_bytes() const { return unsent_.size(); }
  // Blocks until everything is sent.
  void drain();

  // The caller has begun to stop; from here on waits last as long as they are asked to.
  void ignore_stop() { stop_ignored_ = true; }
  // It has not, yet.
  void heed_stop() { stop_ignored_ = false; }

  // Waits as ssh::Wait does, and meanwhile sends the backlog and hears the parent. Once the parent has said stop, every
  // wait ends with ErrorKind::interrupted until ignore_stop().
  core::Result<void> wait(int fd, short events, core::Deadline deadline);
  // As wait(), but a stop only ends this one wait, and nothing is an error: the caller looks at everything itself.
  void wait_for_anything(int fd, short events, core::Deadline deadline);

  [[nodiscard]] const std::optional<wire::StopMessage> &stop() const { return stop_; }
  // Ends with the parent's answer, or as wait().
  core::Result<wire::VerdictMessage> wait_for_verdict(core::Deadline deadline);

private:
  struct Heard {
    bool descriptor = false;  // `fd` is ready
    bool parent = false;      // a message came
  };
  Heard poll_once(int fd, short events,
                  core::Deadline deadline);  // one poll(2), two if a message was held
  int poll_descriptors(std::array<pollfd, 2> &entries, core::Deadline deadline);
  [[nodiscard]] bool holds() const { return !held_until_.never(); }
  void flush();
  void listen();

  sys::UniqueFd link_;
  std::string unsent_;
  core::Deadline held_until_;  // while it is one, all of unsent_ waits for the next message
  wire::FrameReader frames_;
  std::optional<wire::VerdictMessage> verdict_;
  std::optional<wire::StopMessage> stop_;
  bool stop_ignored_ = false;
};

}  // namespace fanout::worker
