#include "fanout/ssh/transport.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include <fmt/format.h>

#include "fanout/sys/io.hpp"
#include "fanout/wire/codec.hpp"

namespace fanout::ssh {

using core::Error;
using core::ErrorKind;
using core::fail;

namespace {

constexpr std::size_t bytes_per_call = 1 << 20;
constexpr std::size_t bytes_per_read = 32 * 1024;
// Far more than libssh2 ever has to say at once.
constexpr std::size_t unsent_limit_bytes = 4 << 20;
// More than that does not wait for the end of a call.
constexpr std::size_t flushed_at_bytes = 64 * 1024;

}  // namespace

Transport::Transport(sys::UniqueFd socket)
    : socket_(std::move(socket)), buffer_(std::make_unique_for_overwrite<char[]>(bytes_per_read)) {}

std::size_t Transport::readable() const {
  if (!handing_out_) return 0;
  if (hello_.complete()) return incoming_.size();
  const std::uint64_t base = handed_out_ - taken_;  // stream position of incoming_[0]
  return static_cast<std::size_t>(hello_.released_bytes() - base);
}

void Transport::limit_incoming(std::uint64_t bytes, std::string_view what_for) {
  received_limit_ = bytes == 0 ? 0 : received_ + bytes;
  limit_purpose_ = what_for;
}

ssize_t Transport::refuse(Error error) {
  state_ = fail(std::move(error));
  return -ECONNABORTED;
}

void Transport::fill() {
  ssize_t got = 0;
  do got = ::recv(socket_.get(), buffer_.get(), bytes_per_read, 0);
  while (got < 0 && errno == EINTR);
  drained_ = got < static_cast<ssize_t>(bytes_per_read);
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
  if (got <= 0) {
    // A reset is an end as well: what came before it still counts.
    ended_ = true;
    if (got < 0) end_reason_ = std::generic_category().message(errno);
    return;
  }
  const std::string_view bytes(buffer_.get(), static_cast<std::size_t>(got));
  const std::uint64_t begin = received_;
  received_ += bytes.size();
  received_in_call_ += bytes.size();
  if (received_limit_ != 0 && received_ > received_limit_) {
    refuse({ErrorKind::protocol, fmt::format("the server sends too much {}", limit_purpose_)});
    return;
  }
  if (auto judged = hello_.feed(bytes); !judged) {
    refuse(std::move(judged).error());
    return;
  }
  if (hello_.complete() && !kex_reply_.finished()) {
    const std::uint64_t hello_end = hello_.released_bytes();
    kex_reply_.feed(
        bytes.substr(hello_end > begin ? static_cast<std::size_t>(hello_end - begin) : 0));
  }
  incoming_.append(bytes);
}

// RFC 5656, section 4, but for the shared secret.
core::HostKeyProof Transport::proof() const {
  core::HostKeyProof proof = kex_reply_.proof();
  proof.exchange = wire::Encoder()
                       .string(client_words_.identification())
                       .string(hello_.identification())
                       .string(client_words_.kexinit())
                       .string(hello_.kexinit())
                       .string(proof.host_key)
                       .string(client_words_.public_key())
                       .string(kex_reply_.public_key())
                       .take();
  return proof;
}

void Transport::listen() {
  if (deadline_.passed(sys::now())) refuse({ErrorKind::timeout, "timed out"});
  if (state_ && !ended_ && !hello_.complete()) fill();
}

void Transport::hand_out() {
  handing_out_ = true;
  if (!hello_.complete()) hello_.release_identification();
}

ssize_t Transport::receive(char *buffer, std::size_t size) {
  if (!state_) return -ECONNABORTED;
  if (deadline_.passed(sys::now())) return refuse({ErrorKind::timeout, "timed out"});
  if (!has_unread()) {
    if (received_in_call_ >= bytes_per_call || drained_ || ended_) return -EAGAIN;
    fill();
    if (!state_) return -ECONNABORTED;
  }
  const std::size_t count = std::min(size, readable() - taken_);
  if (count == 0) return -EAGAIN;
  std::memcpy(buffer, incoming_.data() + taken_, count);
  taken_ += count;
  handed_out_ += count;
  if (taken_ == incoming_.size()) {
    incoming_.clear();
    taken_ = 0;
  }
  return static_cast<ssize_t>(count);
}

ssize_t Transport::send(const char *buffer, std::size_t size) {
  if (muted_) return static_cast<ssize_t>(size);
  if (unsent_.size() + size > unsent_limit_bytes)
    return refuse({ErrorKind::protocol, "the server does not read the answers that it asks for"});
  unsent_.append(buffer, size);
  client_words_.feed({buffer, size});
  if (unsent_.size() >= flushed_at_bytes) flush();
  return static_cast<ssize_t>(size);
}

void Transport::mute() {
  muted_ = true;
  unsent_.clear();
}

void Transport::acknowledge_at_once() {
  const int on = 1;
  // A delay if it fails, no more.
  ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
}

void Transport::flush() {
  std::size_t sent = 0;
  while (sent < unsent_.size()) {
    const ssize_t count =
        ::send(socket_.get(), unsent_.data() + sent, unsent_.size() - sent, MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
    if (count < 0) {
      // The peer no longer listens, but what it has said may still lie in the socket: the end is for receive() to find.
      sent = unsent_.size();
      break;
    }
    sent += static_cast<std::size_t>(count);
  }
  unsent_.erase(0, sent);
}

}  // namespace fanout::ssh
