// The program that a child runs: one host, from its name to its final record.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "fanout/core/deadline.hpp"
#include "fanout/ssh/dial.hpp"
#include "fanout/sys/fd.hpp"

namespace fanout::worker {

// All that a worker needs to know, made by the parent. What else it has inherited by fork is not for its use.
struct JobCard {
  std::string host;     // name, for the process title
  std::string address;  // to resolve and connect to
  std::uint16_t port = 22;
  std::string user;
  ssh::AddressFamily family = ssh::AddressFamily::any;
  std::string host_key_algorithms;  // comma separated, the known ones first
  bool has_password = false;  // its slot at the key holder has one, once the host key is accepted
  std::string command;        // final: nothing in it is replaced any more
  core::Milliseconds connect_timeout{0};
  core::Milliseconds timeout{0};
  core::Milliseconds stop_grace{5'000};
};

struct Channels {
  sys::UniqueFd to_parent;
  sys::UniqueFd from_parent;
  sys::UniqueFd key_slot;
};

// Runs in the child; returns its exit status, which nobody reads: the record is the last message to the parent. Closes
// every other descriptor of the process and points the standard ones at the null device.
int run(const JobCard &card, Channels channels);

}  // namespace fanout::worker
