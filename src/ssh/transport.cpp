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

bool Transport::passes_through() const {
  return handing_out_ && hello_.complete() && kex_reply_.finished();
}

// 0 when there is nothing, when the stream has ended, and when it can no longer be used.
std::size_t Transport::read(char *buffer, std::size_t size) {
  ssize_t got = 0;
  do got = ::recv(socket_.get(), buffer, size, 0);
  while (got < 0 && errno == EINTR);
  drained_ = got < static_cast<ssize_t>(size);
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return 0;
  if (got <= 0) {
    // A reset is an end as well: what came before it still counts.
    ended_ = true;
    if (got < 0) end_reason_ = std::generic_category().message(errno);
    return 0;
  }
  const auto count = static_cast<std::size_t>(got);
  received_ += count;
  received_in_call_ += count;
  if (received_limit_ != 0 && received_ > received_limit_) {
    refuse({ErrorKind::protocol, fmt::format("the server sends too much {}", limit_purpose_)});
    return 0;
  }
  return count;
}

void Transport::fill() {
  const std::uint64_t begin = received_;
  const std::string_view bytes(buffer_.get(), read(buffer_.get(), bytes_per_read));
  if (bytes.empty()) return;
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
    if (passes_through()) {
      buffer_.reset();
      const std::size_t count = size == 0 ? 0 : read(buffer, size);
      handed_out_ += count;
      if (!state_) return -ECONNABORTED;
      return count == 0 ? -EAGAIN : static_cast<ssize_t>(count);
    }
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
  if (unsent_bytes() + size > unsent_limit_bytes)
    return refuse({ErrorKind::protocol, "the server does not read the answers that it asks for"});
  const std::string_view packet(buffer, size);
  client_words_.feed(packet);
  // A large packet goes out of libssh2's buffer, unless the socket has had enough.
  const bool at_once = !full_ && unsent_bytes() + size >= flushed_at_bytes;
  unsent_.append(packet.substr(at_once ? transmit(packet) : 0));
  return static_cast<ssize_t>(size);
}

void Transport::mute() {
  muted_ = true;
  unsent_.clear();
  sent_ = 0;
}

void Transport::acknowledge_at_once() {
  const int on = 1;
  // A delay if it fails, no more.
  ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
}

// As much of it as the socket takes; all of it when the peer no longer listens: what it has said may still lie in the socket,
// and the end is for receive() to find.
std::size_t Transport::put(std::string_view bytes) {
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    const ssize_t count =
        ::send(socket_.get(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    full_ = count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
    if (full_) return sent;
    if (count < 0) return bytes.size();
    sent += static_cast<std::size_t>(count);
  }
  return sent;
}

// Of what is buffered and then of the packet; says how much of the packet that was.
std::size_t Transport::transmit(std::string_view packet) {
  full_ = false;
  sent_ += put(std::string_view(unsent_).substr(sent_));
  if (sent_ == unsent_.size()) {
    unsent_.clear();
    sent_ = 0;
  } else if (sent_ > unsent_bytes()) {
    unsent_.erase(0, sent_);
    sent_ = 0;
  }
  return full_ ? 0 : put(packet);
}

void Transport::flush() { transmit({}); }

}  // namespace fanout::ssh
