// The part of put and get in which hosts are contacted. What each of the two hands to a worker is its own; the rest is here.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "dispatch.hpp"
#include "display.hpp"
#include "fanout/report/manifest.hpp"
#include "logins.hpp"

namespace fanout {

// A command of the user's that cannot be sent, filled in, is refused before anybody is contacted.
core::Result<void> refuse_long_then(const core::Task &task, const std::vector<core::Host> &hosts);

class TransferRun {
public:
  struct Files {
    std::uint64_t bytes_per_host = 0;  // for the progress line; 0 when it is not known
    // What the worker of this host gets: the rest of its card, and descriptors.
    std::function<core::Result<void>(core::HostIndex, worker::JobCard &, pool::Job &)> hand_over;
    // A worker that removes what a put has left; empty when there is nothing to remove.
    std::function<void(worker::JobCard &, pool::Job &)> hand_over_for_clean_up;
    // Removes what a get has left here whose worker was killed; false when not all of it could be. Empty for put.
    std::function<bool(core::HostIndex, std::string_view token)> clean_up_here;
    std::optional<report::Manifest> manifest;
  };

  // All is borrowed but `files`.
  TransferRun(const cli::Options &options, const Contact &contact, Files files);

  int run();

private:
  // A host whose put has ended badly, while another worker removes what it has left.
  struct CleanUp {
    core::Ended ended;
    std::string token;
  };

  core::Result<pool::Job> make_job(core::HostIndex host);
  core::Result<worker::JobCard> open_card(core::HostIndex host, core::TaskKind task,
                                          pool::Job &job);
  bool admit(core::Event &event);
  [[nodiscard]] bool has_left_something(const core::Outcome &outcome) const;
  bool start_clean_up(const core::Ended &ended, const std::string &token);
  void clean_up_here(const core::Ended &ended, const std::string &token);
  void end_clean_up(core::Ended &ended);
  core::Result<void> observe(const core::Event &event);

  const cli::Options &options_;
  Prepared &prepared_;
  pool::Pool &pool_;
  console::Output &output_;
  Files files_;
  Display display_;
  Logins logins_;
  Dispatch dispatch_;
  std::map<core::HostIndex, std::string> tokens_;  // of hosts that run
  std::map<core::HostIndex, CleanUp> clean_ups_;
};

}  // namespace fanout
