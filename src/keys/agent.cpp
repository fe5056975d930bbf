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

#include "fanout/core/duration.hpp"
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
constexpr std::uint8_t agent_success = 6;
constexpr std::uint8_t request_identities = 11;
constexpr std::uint8_t identities_answer = 12;
constexpr std::uint8_t sign_request = 13;
constexpr std::uint8_t sign_response = 14;
constexpr std::uint8_t extension_request = 27;
constexpr std::uint8_t extension_failure = 28;
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

std::string format_agent_session_bind(const ProvenSession &session) {
  return Encoder()
      .byte(extension_request)
      .string("session-bind@openssh.com")
      .string(session.proof.host_key)
      .string(session.id)
      .string(session.proof.signature)
      .boolean(false)  // this is no forwarding
      .take();
}

Result<std::string> parse_agent_signature(std::string_view reply) {
  Decoder fields(reply);
  const std::uint8_t type = fields.byte();
  if (type == agent_failure && fields.finished())
    return fail(ErrorKind::auth,
                "it refuses to sign (a key for other hosts only, or one that must be confirmed?)");
  const std::string_view structure = fields.string();
  if (type != sign_response || !fields.finished())
    return fail(ErrorKind::local, "malformed reply to a sign request");
  return std::string(structure);
}

Agent::Agent(std::string socket_path, std::chrono::milliseconds timeout)
    : socket_path_(std::move(socket_path)), timeout_(timeout) {}

Result<sys::UniqueFd> Agent::connect(Deadline deadline) const {
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
      return socket;
    // EAGAIN: the queue of its listener is full, and unix(7) offers no way to wait for room.
    if (errno != EAGAIN && errno != EINTR)
      return fail(system_error(ErrorKind::local, "connect", errno));
    if (deadline.passed(sys::now())) return fail(ErrorKind::timeout, "does not answer");
    ::poll(nullptr, 0, 20);
  }
}

namespace {

Result<std::string> send_and_receive(int socket, const std::string &request, Deadline deadline) {
  TRY(sys::write_all(socket, Encoder().string(request).bytes(), deadline));
  std::array<char, 4> header{};
  TRY(sys::read_exactly(socket, header.data(), header.size(), deadline));
  const std::uint32_t size = Decoder({header.data(), header.size()}).uint32();
  if (size == 0 || size > max_reply_bytes)
    return fail(ErrorKind::protocol, fmt::format("a reply of {} bytes", size));
  std::string reply(size, '\0');
  TRY(sys::read_exactly(socket, reply.data(), reply.size(), deadline));
  return reply;
}

}  // namespace

// An agent that does not know the extension says so, or ends the connection, as some do with what they do not know. One
// that knows it and refuses is not told from the others: PROTOCOL.agent has one answer for both. It refuses keys that
// are restricted anyway, and the rest need no binding.
Result<void> Agent::bind(AgentConnection &connection, const ProvenSession &session,
                         Deadline deadline) {
  const auto reply =
      send_and_receive(connection.socket_.get(), format_agent_session_bind(session), deadline);
  if (!reply) {
    if (reply.error().kind != ErrorKind::local) return fail(reply.error());
    TRY_ASSIGN(connection.socket_, connect(deadline));
    binds_ = has_bound_.load();
    return {};
  }
  const auto answer = static_cast<std::uint8_t>(reply->front());
  if (answer == agent_success) {
    has_bound_ = true;
    return {};
  }
  if (answer != agent_failure && answer != extension_failure)
    return fail(ErrorKind::protocol, "malformed reply to a binding");
  binds_ = has_bound_.load();
  return {};
}

Result<std::string> Agent::exchange(AgentConnection &connection, const ProvenSession *session,
                                    const std::string &request, Deadline deadline) {
  if (!connection.socket_) {
    TRY_ASSIGN(connection.socket_, connect(deadline));
    if (session != nullptr && binds_) TRY(bind(connection, *session, deadline));
  }
  return send_and_receive(connection.socket_.get(), request, deadline);
}

Result<std::string> Agent::ask(AgentConnection &connection, const ProvenSession *session,
                               const std::string &request) {
  const auto named = [&](core::Error error) {
    error.kind = ErrorKind::local;
    return fail(error.within(fmt::format("ssh-agent {}", quoted(socket_path_))));
  };
  if (given_up_) return named({ErrorKind::local, "did not answer earlier and is not asked again"});
  const Deadline deadline = Deadline::in(timeout_, sys::now());
  const bool was_connected = connection.socket_.is_open();
  Result<std::string> reply = exchange(connection, session, request, deadline);
  // An old connection may have ended for reasons of the agent's; a new one deserves no second try.
  if (!reply && was_connected && reply.error().kind == ErrorKind::local) {
    connection.socket_.close();
    reply = exchange(connection, session, request, deadline);
  }
  if (reply) return reply;
  // What is left of this exchange must not be taken for the reply to the next.
  connection.socket_.close();
  if (reply.error().kind == ErrorKind::timeout) {
    given_up_ = true;
    return named({ErrorKind::local,
                  fmt::format("does not answer within {}", core::format_duration(timeout_))});
  }
  return named(std::move(reply).error());
}

Result<std::vector<PublicKey>> Agent::list() {
  AgentConnection connection;
  TRY_ASSIGN(const std::string reply,
             ask(connection, nullptr, Encoder().byte(request_identities).take()));
  auto keys = parse_agent_identities(reply);
  if (!keys) return fail(keys.error().within(fmt::format("ssh-agent {}", quoted(socket_path_))));
  return keys;
}

Result<std::string> Agent::sign(AgentConnection &connection, const ProvenSession &session,
                                const PublicKey &key, std::string_view algorithm,
                                std::string_view data) {
  TRY_ASSIGN(const std::string reply,
             ask(connection, &session, format_agent_sign_request(key.blob, algorithm, data)));
  auto structure = parse_agent_signature(reply);
  auto signature =
      structure ? unwrap_signature(*structure, algorithm, key) : fail(structure.error());
  // To the worker this is not a refusal for cause, whatever the agent did.
  if (!signature) return fail(ErrorKind::auth, "ssh-agent: " + signature.error().message);
  return signature;
}

}  // namespace fanout::keys
