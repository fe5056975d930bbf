// What the parts of put and get share: the connection, the record that they fill, how fast they may be, and how they are
// stopped. One for each host, in its worker.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "fanout/core/deadline.hpp"
#include "fanout/core/outcome.hpp"
#include "fanout/core/result.hpp"
#include "fanout/ssh/session.hpp"
#include "fanout/worker/job_card.hpp"
#include "parent_link.hpp"

namespace fanout::worker {

class Transfer {
public:
  // All are borrowed. The clock of the host's --timeout starts here.
  Transfer(ssh::Session &session, ParentLink &parent, const JobCard &card,
           core::TransferRecord &record);

  ssh::Session &session;
  ParentLink &parent;
  const JobCard &card;
  core::TransferRecord &record;

  // --- progress and pace --------------------------------------------------------------------------------------------
  void expect(std::uint64_t bytes);
  // Content that has travelled, or that did not have to. Tells the parent at most five times a second.
  void advance(std::uint64_t bytes);
  // How much to send or ask for at once, at most `largest`.
  [[nodiscard]] std::size_t step(std::size_t largest) const;
  // When `bytes` more may travel (--limit-rate); a time in the past when they may at once. Counts them.
  core::TimePoint pace(std::uint64_t bytes);

  // --- failure ------------------------------------------------------------------------------------------------------
  // The first one is the cause of the host's record, those that follow are notes (a few of them).
  void fail(core::Error error);
  [[nodiscard]] const std::optional<core::Error> &failure() const { return failure_; }

  // The wait for the server has ended for another reason than its answer: a stop, a deadline, silence, a lost connection.
  // Records it as the failure and gives what is to be tidied up a little time of its own: until then neither the parent's
  // stop nor the old deadline end a wait. May be called again, and then does nothing.
  void broken(const core::Error &why);
  [[nodiscard]] bool is_broken() const { return broken_; }
  // Until when the server may be waited for: that of the session.
  [[nodiscard]] core::Deadline deadline() const { return deadline_; }

  // "3 files failed; first: ..." when there were several.
  [[nodiscard]] std::string cause() const;

  // A temporary name that could not be removed.
  void leave(std::string name);

  // The end of put and get: status and cause of `outcome` from what has failed, and when nothing has, the command for after
  // the transfer, as run_exec() does it. Its channel is the only one then.
  void conclude(core::Outcome &outcome);

private:
  [[nodiscard]] bool session_time_is_over() const;

  core::TimePoint started_;
  core::Deadline deadline_;
  std::uint64_t done_bytes_ = 0;
  std::uint64_t total_bytes_ = 0;
  core::TimePoint told_;
  core::TimePoint next_;  // when the line is free again, for pace()
  std::optional<core::Error> failure_;
  std::uint64_t failures_ = 0;
  bool broken_ = false;
};

}  // namespace fanout::worker
