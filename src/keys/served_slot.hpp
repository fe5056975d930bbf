// One worker as the key holder sees it: a socket that may send anything.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "fanout/core/result.hpp"
#include "fanout/sys/fd.hpp"
#include "fanout/wire/frame.hpp"
#include "identities.hpp"
#include "policy.hpp"
#include "requests.hpp"

namespace fanout::keys {

// Far more than a login takes; a client that asks on and on is not one of our workers.
inline constexpr int max_requests_per_slot = 64;

class ServedSlot {
public:
  // The socket must not block.
  ServedSlot(sys::UniqueFd socket, std::string user, std::vector<Offer> offers,
             std::optional<std::uint32_t> password);
  ServedSlot(ServedSlot &&) = default;
  ServedSlot &operator=(ServedSlot &&) = default;
  ~ServedSlot();

  // One read(2). The next request when it is complete; nullopt when there is none yet. An error means that the slot is to
  // be closed: the worker is gone, or has broken the rules.
  core::Result<std::optional<wire::Frame>> read_request();

  // Sends the answer, or as much of it as the socket takes now; false when the worker is gone. While wants_write(), no
  // request is read.
  bool answer(const Reply &reply);
  bool flush();
  [[nodiscard]] bool wants_write() const { return !unsent_.empty(); }

  [[nodiscard]] int socket() const { return socket_.get(); }
  [[nodiscard]] Policy &policy() { return policy_; }
  [[nodiscard]] const Offer &offer(std::size_t index) const { return offers_[index]; }

  void release_password() { password_released_ = true; }
  // Index of the password that the worker may have now. ErrorKind::auth says why not.
  [[nodiscard]] core::Result<std::uint32_t> password() const;

private:
  sys::UniqueFd socket_;
  std::vector<Offer> offers_;
  Policy policy_;  // its keys are in the order of offers_
  std::optional<std::uint32_t> password_;
  bool password_released_ = false;
  wire::FrameReader reader_;
  std::string unsent_;
  int requests_ = 0;
};

}  // namespace fanout::keys
