// A client of ssh-agent (draft-ietf-sshm-ssh-agent; PROTOCOL.agent of OpenSSH). Only the key holder has one.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "fanout/core/deadline.hpp"
#include "fanout/core/host_key_proof.hpp"
#include "fanout/core/result.hpp"
#include "fanout/keys/public_key.hpp"
#include "fanout/sys/fd.hpp"

namespace fanout::keys {

// A session of a worker with its server, of which the server has given proof.
struct ProvenSession {
  std::string id;
  core::HostKeyProof proof;
};

// To the agent, for one session: the agent is told which, by session-bind@openssh.com, and then signs with keys that are
// restricted to certain hosts (ssh-add -h) if they allow this one. Not yet connected when made; used by one thread at a
// time.
class AgentConnection {
private:
  friend class Agent;
  sys::UniqueFd socket_;
};

// Calls block, at most for `timeout`, and may be made by several threads. A connection that broke is made anew once within
// a call; an agent that did not answer in time is not asked again, so that it costs a run one timeout and not one a host.
class Agent {
public:
  Agent(std::string socket_path, std::chrono::milliseconds timeout);

  // The keys that it holds, of the types we know, in its order. ErrorKind::local names the socket and what failed.
  core::Result<std::vector<PublicKey>> list();

  // The inner part of a signature over `data`, as unwrap_signature() gives it. `algorithm` is the signature's. An agent
  // that does not know the binding of sessions is used without, which is then refused for restricted keys.
  core::Result<std::string> sign(AgentConnection &connection, const ProvenSession &session,
                                 const PublicKey &key, std::string_view algorithm,
                                 std::string_view data);

private:
  core::Result<std::string> ask(AgentConnection &connection, const ProvenSession *session,
                                const std::string &request);
  core::Result<std::string> exchange(AgentConnection &connection, const ProvenSession *session,
                                     const std::string &request, core::Deadline deadline);
  core::Result<void> bind(AgentConnection &connection, const ProvenSession &session,
                          core::Deadline deadline);
  [[nodiscard]] core::Result<sys::UniqueFd> connect(core::Deadline deadline) const;

  const std::string socket_path_;
  const std::chrono::milliseconds timeout_;
  std::atomic<bool> given_up_ = false;
  std::atomic<bool> binds_ = true;  // as far as is known
  std::atomic<bool> has_bound_ =
      false;  // then a refusal is about one session, not about the extension
};

// The bodies, without sockets.
core::Result<std::vector<PublicKey>> parse_agent_identities(std::string_view reply);
std::string format_agent_sign_request(std::string_view blob, std::string_view algorithm,
                                      std::string_view data);
std::string format_agent_session_bind(const ProvenSession &session);
core::Result<std::string> parse_agent_signature(std::string_view reply);  // the signature structure

}  // namespace fanout::keys
