// The program of a worker: one host, from its name to its final record.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fanout/core/result.hpp"
#include "fanout/sandbox/confinement.hpp"
#include "fanout/sys/fd.hpp"
#include "fanout/worker/job_card.hpp"

namespace fanout::worker {

struct Channels {
  sys::UniqueFd link;  // a socket to the parent
  sys::UniqueFd key_slot;
  // put and clean_up: what files::Source takes. get: the folder of the host.
  std::vector<sys::UniqueFd> files;
};

// What is the same for every worker of a run, made once in the process that they are forked from.
class Program {
public:
  Program();
  ~Program();
  Program(const Program &) = delete;
  Program &operator=(const Program &) = delete;

  // `setup` comes from encode(Setup). Builds the sandbox and warms up what workers inherit; takes about 5 ms of CPU.
  core::Result<void> prepare(std::string_view setup);

  // In the same process, before each worker is forked.
  void before_each() const;

  // In a worker; returns its exit status, which nobody reads: the record is the last message to the parent. `card` comes
  // from encode(JobCard).
  int run(std::string_view card, Channels channels) const;

private:
  std::unique_ptr<sandbox::Confinement> confinement_;
  std::uint16_t port_ = 22;
};

}  // namespace fanout::worker
