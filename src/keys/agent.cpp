// Requests and replies are a length and a body of that length. The agent is somebody else's program: it may be gone, be
// stopped, send too much or nonsense, and none of it may hold up the key holder for longer than the timeout.
#include "agent.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "fanout/sys/io.hpp"
#include "fanout/wire/codec.hpp"
#include "quoted.hpp"
#include "signature.hpp"

namespace fanout::keys {

using core::Deadline;
using core::ErrorKind;
using core::fail;
using core::Result;
using core::system_error;
using wire::Decoder;
using wire::Encoder;

namespace {

constexpr std::uint8_t agent_failure = 5;
constexpr std::uint8_t request_identities = 11;
constexpr std::uint8_t identities_answer = 12;
constexpr std::uint8_t sign_request = 13;
constexpr std::uint8_t sign_response = 14;
constexpr std::uint32_t flag_rsa_sha2_256 = 2;
constexpr std::uint32_t flag_rsa_sha2_512 = 4;

// As OpenSSH's own client and agent.
constexpr std::uint32_t max_reply_bytes = 256 * 1024;
constexpr std::uint32_t max_identities = 2048;

}  // namespace

Result<std::vector<PublicKey>> parse_agent_identities(std::string_view reply) {
  Decoder fields(reply);
  const std::uint8_t type = fields.byte();
  if (type == agent_failure) return fail(ErrorKind::local, "it refuses to list its keys");
  const std::uint32_t count = fields.uint32();
  if (!fields.ok() || type != identities_answer || count > max_identities)
    return fail(ErrorKind::local, "malformed list of keys");
  std::vector<PublicKey> keys;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::string_view blob = fields.string();
    const std::string_view comment = fields.string();
    if (!fields.ok()) return fail(ErrorKind::local, "malformed list of keys");
    // Keys of types that we do not know are no fault of the agent's.
    if (auto key = parse_public_key(blob, comment)) keys.push_back(*std::move(key));
  }
  if (!fields.finished()) return fail(ErrorKind::local, "malformed list of keys");
  return keys;
}

std::string format_agent_sign_request(std::string_view blob, std::string_view algorithm,
                                      std::string_view data) {
  const std::uint32_t flags = algorithm == "rsa-sha2-512"   ? flag_rsa_sha2_512
                              : algorithm == "rsa-sha2-256" ? flag_rsa_sha2_256
                                                            : 0;
  return Encoder().byte(sign_request).string(blob).string(data).uint32(flags).take();
}

Result<std::string> parse_agent_signature(std::string_view reply) {
  Decoder fields(reply);
  const std::uint8_t type = fields.byte();
  if (type == agent_failure && fields.finished())
    return fail(ErrorKind::auth, "it refuses to sign");
  const std::string_view structure = fields.string();
  if (type != sign_response || !fields.finished())
    return fail(ErrorKind::local, "malformed reply to a sign request");
  return std::string(structure);
}

Agent::Agent(std::string socket_path, std::chrono::milliseconds timeout)
    : socket_path_(std::move(socket_path)), timeout_(timeout) {}

Result<void> Agent::connect(Deadline deadline) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket_path_.empty() || socket_path_.size() >= sizeof address.sun_path)
    return fail(ErrorKind::local, "not the path of a socket");
  std::memcpy(address.sun_path, socket_path_.data(), socket_path_.size());
  sys::UniqueFd socket =
      sys::UniqueFd::adopt(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return fail(system_error(ErrorKind::local, "socket", errno));
  for (;;) {
    if (::connect(socket.get(), reinterpret_cast<const sockaddr *>(&address), sizeof address) == 0)
      break;
    // EAGAIN: the queue of its listener is full, and unix(7) offers no way to wait for room.
    if (errno != EAGAIN && errno != EINTR)
      return fail(system_error(ErrorKind::local, "connect", errno));
    if (deadline.passed(sys::now())) return fail(ErrorKind::timeout, "does not answer");
    ::poll(nullptr, 0, 20);
  }
  socket_ = std::move(socket);
  return {};
}

Result<std::string> Agent::exchange(const std::string &request, Deadline deadline) {
  if (!socket_) TRY(connect(deadline));
  TRY(sys::write_all(socket_.get(), Encoder().string(request).bytes(), deadline));
  std::array<char, 4> header{};
  TRY(sys::read_exactly(socket_.get(), header.data(), header.size(), deadline));
  const std::uint32_t size = Decoder({header.data(), header.size()}).uint32();
  if (size == 0 || size > max_reply_bytes)
    return fail(ErrorKind::protocol, fmt::format("a reply of {} bytes", size));
  std::string reply(size, '\0');
  TRY(sys::read_exactly(socket_.get(), reply.data(), reply.size(), deadline));
  return reply;
}

Result<std::string> Agent::ask(const std::string &request) {
  const auto named = [&](core::Error error) {
    error.kind = ErrorKind::local;
    return fail(error.within(fmt::format("ssh-agent {}", quoted(socket_path_))));
  };
  if (given_up_) return named({ErrorKind::local, "did not answer earlier and is not asked again"});
  const Deadline deadline = Deadline::in(timeout_, sys::now());
  const bool was_connected = socket_.is_open();
  Result<std::string> reply = exchange(request, deadline);
  // An old connection may have ended for reasons of the agent's; a new one deserves no second try.
  if (!reply && was_connected && reply.error().kind == ErrorKind::local) {
    socket_.close();
    reply = exchange(request, deadline);
  }
  if (reply) return reply;
  // What is left of this exchange must not be taken for the reply to the next.
  socket_.close();
  if (reply.error().kind == ErrorKind::timeout) {
    given_up_ = true;
    return named({ErrorKind::local, fmt::format("does not answer within {} ms", timeout_.count())});
  }
  return named(std::move(reply).error());
}

Result<std::vector<PublicKey>> Agent::list() {
  TRY_ASSIGN(const std::string reply, ask(Encoder().byte(request_identities).take()));
  auto keys = parse_agent_identities(reply);
  if (!keys) return fail(keys.error().within(fmt::format("ssh-agent {}", quoted(socket_path_))));
  return keys;
}

Result<std::string> Agent::sign(const PublicKey &key, std::string_view algorithm,
                                std::string_view data) {
  TRY_ASSIGN(const std::string reply, ask(format_agent_sign_request(key.blob, algorithm, data)));
  auto structure = parse_agent_signature(reply);
  auto signature =
      structure ? unwrap_signature(*structure, algorithm, key) : fail(structure.error());
  // To the worker this is not a refusal for cause, whatever the agent did.
  if (!signature) return fail(ErrorKind::auth, "ssh-agent: " + signature.error().message);
  return signature;
}

}  // namespace fanout::keys
