// A worker asks, waits, and asks again. That makes hostile clients easy to bound: bytes behind a request, a request
// before the last answer was made, or too many requests end the slot, so that no queue can grow.
#include "served_slot.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "fanout/core/secret.hpp"
#include "fanout/sys/io.hpp"
#include "host_signature.hpp"

namespace fanout::keys {

using core::ErrorKind;
using core::fail;
using core::Result;
using State = sys::Transfer::State;

namespace {

std::vector<PublicKey> keys_of(const std::vector<Offer> &offers) {
  std::vector<PublicKey> keys;
  keys.reserve(offers.size());
  for (const Offer &offer : offers) keys.push_back(offer.key);
  return keys;
}

}  // namespace

ServedSlot::ServedSlot(std::uint64_t ticket, sys::UniqueFd socket, std::string user,
                       std::vector<Offer> offers, std::optional<std::uint32_t> password)
    : ticket_(ticket),
      socket_(std::move(socket)),
      offers_(std::move(offers)),
      policy_(std::move(user), keys_of(offers_), verify_host_key_proof),
      password_(password) {}

ServedSlot::~ServedSlot() { core::wipe(unsent_); }

Result<std::optional<wire::Frame>> ServedSlot::read_request(std::span<char> buffer) {
  iovec piece{buffer.data(), buffer.size()};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  ssize_t got = 0;
  do got = ::recvmsg(socket_.get(), &message, MSG_DONTWAIT);
  while (got < 0 && errno == EINTR);
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return std::nullopt;
  if (got < 0) return fail(core::system_error(ErrorKind::local, "read", errno));
  if (got == 0) return fail(ErrorKind::local, "the worker has ended");
  // There is no room for descriptors in the message, so the kernel has closed them already and says no more than this.
  if ((message.msg_flags & MSG_CTRUNC) != 0) return fail(ErrorKind::protocol, "sent descriptors");
  if (signing_) return fail(ErrorKind::protocol, "asked again before it was answered");
  reader_.feed(std::string_view(buffer.data(), static_cast<std::size_t>(got)));
  auto frame = reader_.next();
  if (!frame) return fail(frame.error().within("sent what is no request"));
  if (!*frame) return std::nullopt;
  if (reader_.in_frame()) return fail(ErrorKind::protocol, "asked again before it was answered");
  if (++requests_ > max_requests_per_slot)
    return fail(ErrorKind::protocol,
                fmt::format("asked more than {} times", max_requests_per_slot));
  return frame;
}

AgentConnection ServedSlot::begin_signing() {
  signing_ = true;
  return std::move(agent_);
}

void ServedSlot::end_signing(AgentConnection connection) {
  signing_ = false;
  agent_ = std::move(connection);
}

bool ServedSlot::answer(const Reply &reply) {
  unsent_ = encode(reply);
  return flush();
}

bool ServedSlot::flush() {
  const sys::Transfer sent = sys::send_some(socket_.get(), unsent_);
  if (sent.state == State::would_block) return true;
  if (sent.state != State::done) return false;
  if (sent.count == unsent_.size())
    core::wipe(unsent_);
  else
    unsent_.erase(0, sent.count);
  return true;
}

Result<std::uint32_t> ServedSlot::password() const {
  if (!policy_.has_host_key())
    return fail(ErrorKind::protocol, "asked for the password before its host key was accepted");
  if (!password_) return fail(ErrorKind::auth, "there is no password for this host");
  return *password_;
}

}  // namespace fanout::keys
