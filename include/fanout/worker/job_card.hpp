// All that a worker is told, as bytes: it inherits nothing of the parent's memory.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "fanout/core/deadline.hpp"
#include "fanout/core/result.hpp"
#include "fanout/core/task.hpp"
#include "fanout/sandbox/confinement.hpp"
#include "fanout/ssh/dial.hpp"

namespace fanout::worker {

// For all workers of a run.
struct Setup {
  sandbox::Mode sandbox = sandbox::Mode::automatic;
  std::uint16_t port = 22;                     // of most hosts: what can be made ready for them
  core::TaskKind task = core::TaskKind::exec;  // what the workers of this run are for
  bool compares = false;  // get: with what is in its folder already, and so has to read there
};

// For one. Made by the parent, which has checked every field.
struct JobCard {
  core::TaskKind task = core::TaskKind::exec;
  std::string host;     // name, for the process title
  std::string address;  // to resolve and connect to
  std::uint16_t port = 22;
  std::string user;
  ssh::AddressFamily family = ssh::AddressFamily::any;
  std::string host_key_algorithms;  // comma separated, the known ones first
  bool has_password = false;  // its slot at the key holder has one, once the host key is accepted
  std::string command;        // final: nothing in it is replaced any more
  // put and get
  core::TransferOptions transfer;  // its command is final, too
  // put and clean_up: REMOTE. get: REMOTEs, which may be patterns (glob(7)).
  std::vector<std::string> remote;
  bool into_folder = false;  // put: REMOTE ended in a slash, or there are several LOCALs
  // put, get and clean_up: part of every temporary name, 16 random hexadecimal digits.
  std::string token;
  bool wants_list = false;  // get: the parent wants to hear of every file
  core::Milliseconds stall_timeout{0};
  core::Milliseconds connect_timeout{0};
  core::Milliseconds timeout{0};
  core::Milliseconds stop_grace{5'000};
};

std::string encode(const Setup &setup);
std::string encode(const JobCard &card);

// ErrorKind::internal: the parent and its workers are one program, so malformed bytes are a fault of ours.
core::Result<Setup> decode_setup(std::string_view bytes);
core::Result<JobCard> decode_job_card(std::string_view bytes);

}  // namespace fanout::worker
