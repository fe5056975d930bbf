// A worker asks, waits, and asks again. That makes hostile clients easy to bound: bytes behind a request, a request
// before the last answer was taken, or too many requests end the slot, so that no queue can grow.
#include "served_slot.hpp"

#include <array>
#include <string_view>
#include <utility>

#include "fanout/core/secret.hpp"
#include "fanout/sys/io.hpp"

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

ServedSlot::ServedSlot(sys::UniqueFd socket, std::string user, std::vector<Offer> offers,
                       std::optional<std::uint32_t> password)
    : socket_(std::move(socket)),
      offers_(std::move(offers)),
      policy_(std::move(user), keys_of(offers_)),
      password_(password) {}

ServedSlot::~ServedSlot() { core::wipe(unsent_); }

Result<std::optional<wire::Frame>> ServedSlot::read_request() {
  std::array<char, 16 * 1024> buffer;
  const sys::Transfer got = sys::read_some(socket_.get(), buffer.data(), buffer.size());
  switch (got.state) {
    case State::would_block: return std::nullopt;
    case State::end: return fail(ErrorKind::local, "the worker has ended");
    case State::failed: return fail(core::system_error(ErrorKind::local, "read", got.error));
    case State::done: break;
  }
  reader_.feed(std::string_view(buffer.data(), got.count));
  TRY_ASSIGN(std::optional<wire::Frame> frame, reader_.next());
  if (!frame) return std::nullopt;
  if (reader_.in_frame())
    return fail(ErrorKind::protocol, "a request before the last was answered");
  if (++requests_ > max_requests_per_slot) return fail(ErrorKind::protocol, "too many requests");
  return frame;
}

bool ServedSlot::answer(const Reply &reply) {
  unsent_ = encode(reply);
  return flush();
}

bool ServedSlot::flush() {
  const sys::Transfer wrote = sys::write_some(socket_.get(), unsent_);
  if (wrote.state == State::would_block) return true;
  if (wrote.state != State::done) return false;
  if (wrote.count == unsent_.size())
    core::wipe(unsent_);
  else
    unsent_.erase(0, wrote.count);
  return true;
}

Result<std::uint32_t> ServedSlot::password() const {
  if (!password_) return fail(ErrorKind::auth, "there is no password for this host");
  if (!password_released_)
    return fail(ErrorKind::auth,
                "the host key has not been accepted yet, so its password is not given");
  return *password_;
}

}  // namespace fanout::keys
