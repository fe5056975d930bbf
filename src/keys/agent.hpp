// A client of ssh-agent (draft-ietf-sshm-ssh-agent; PROTOCOL.agent of OpenSSH). Only the key holder has one.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "fanout/core/deadline.hpp"
#include "fanout/core/result.hpp"
#include "fanout/keys/public_key.hpp"
#include "fanout/sys/fd.hpp"

namespace fanout::keys {

// Every call blocks, at most for `timeout`. A connection that broke is made anew once within a call; an agent that did not
// answer in time is not asked again, so that it costs a run one timeout and not one a host.
class Agent {
public:
  Agent(std::string socket_path, std::chrono::milliseconds timeout);

  // The keys that it holds, of the types we know, in its order. ErrorKind::local names the socket and what failed.
  core::Result<std::vector<PublicKey>> list();

  // The inner part of a signature over `data`, as unwrap_signature() gives it. `algorithm` is the signature's.
  core::Result<std::string> sign(const PublicKey &key, std::string_view algorithm,
                                 std::string_view data);

private:
  core::Result<std::string> ask(const std::string &request);
  core::Result<std::string> exchange(const std::string &request, core::Deadline deadline);
  core::Result<void> connect(core::Deadline deadline);

  std::string socket_path_;
  std::chrono::milliseconds timeout_;
  sys::UniqueFd socket_;
  bool given_up_ = false;
};

// The bodies, without sockets.
core::Result<std::vector<PublicKey>> parse_agent_identities(std::string_view reply);
std::string format_agent_sign_request(std::string_view blob, std::string_view algorithm,
                                      std::string_view data);
core::Result<std::string> parse_agent_signature(std::string_view reply);  // the signature structure

}  // namespace fanout::keys
