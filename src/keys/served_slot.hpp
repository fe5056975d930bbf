// One worker as the key holder sees it: a socket that may send anything.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "agent.hpp"
#include "fanout/core/result.hpp"
#include "fanout/sys/fd.hpp"
#include "fanout/wire/frame.hpp"
#include "identities.hpp"
#include "policy.hpp"
#include "requests.hpp"

namespace fanout::keys {

// Far more than a login takes; a client that asks on and on is not one of our workers.
inline constexpr int max_requests_per_slot = 16;

class ServedSlot {
public:
  // `ticket` is no other slot's, not even of one that is gone.
  ServedSlot(std::uint64_t ticket, sys::UniqueFd socket, std::string user,
             std::vector<Offer> offers, std::optional<std::uint32_t> password);
  ServedSlot(ServedSlot &&) = default;
  ServedSlot &operator=(ServedSlot &&) = default;
  ~ServedSlot();

  // One recvmsg(2). The next request when it is complete; nullopt when there is none yet. An error means that the slot is
  // to be closed: ErrorKind::protocol when the worker has broken the rules, and how; else it is gone.
  core::Result<std::optional<wire::Frame>> read_request(std::span<char> buffer);

  // Sends the answer, or as much of it as the socket takes now; false when the worker is gone. While wants_write(), no
  // request is read.
  bool answer(const Reply &reply);
  bool flush();
  [[nodiscard]] bool wants_write() const { return !unsent_.empty(); }

  // Between these two the answer is being made elsewhere, with the slot's connection to the agent: every request is one too many.
  AgentConnection begin_signing();
  void end_signing(AgentConnection connection);
  [[nodiscard]] bool signing() const { return signing_; }

  [[nodiscard]] int socket() const { return socket_.get(); }
  [[nodiscard]] std::uint64_t ticket() const { return ticket_; }
  [[nodiscard]] Policy &policy() { return policy_; }
  [[nodiscard]] const Offer &offer(std::size_t index) const { return offers_[index]; }

  // Index of the password that the worker may have now. ErrorKind::auth when there is none, ErrorKind::protocol when it
  // was not for the worker to ask yet.
  [[nodiscard]] core::Result<std::uint32_t> password() const;

private:
  std::uint64_t ticket_;
  sys::UniqueFd socket_;
  std::vector<Offer> offers_;
  Policy policy_;  // its keys are in the order of offers_
  std::optional<std::uint32_t> password_;
  wire::FrameReader reader_;
  std::string unsent_;
  AgentConnection agent_;
  bool signing_ = false;
  int requests_ = 0;
};

}  // namespace fanout::keys
