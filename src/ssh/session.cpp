// Callbacks, key exchange and the waiting between calls. libssh2's blocking mode is never used: it waits for ever by
// default and its timer counts wall-clock seconds.

#include "fanout/ssh/session.hpp"

#include <poll.h>

#include <array>

#include <fmt/format.h>
#include <openssl/evp.h>

#include "fanout/ssh/algorithms.hpp"
#include "fanout/ssh/name_list.hpp"
#include "fanout/sys/io.hpp"
#include "session_state.hpp"

namespace fanout::ssh {

using core::Error;
using core::ErrorKind;
using core::fail;
using core::Result;

namespace {

// What sshd says to whom it turns away (sshd.c, server_accept_loop()), before it closes the connection.
constexpr std::string_view full_server = "Exceeded MaxStartups";

// Enough for identification and key exchange many times over (they take about 2 KiB), little enough to bound a flood.
constexpr std::uint64_t handshake_limit_bytes = 64 * 1024;

// A server may want to see our KEXINIT before it sends its own, though none is known that does.
constexpr core::Milliseconds kexinit_patience{2'000};

Session::State &state_of(void **abstract) { return *static_cast<Session::State *>(*abstract); }

extern "C" {

static void *allocate(size_t size, void **abstract) {
  return state_of(abstract).tap.allocate(size);
}
static void release(void *block, void **abstract) { state_of(abstract).tap.release(block); }
static void *reallocate(void *block, size_t size, void **abstract) {
  return state_of(abstract).tap.reallocate(block, size);
}

static ssize_t receive(libssh2_socket_t, void *buffer, size_t size, int, void **abstract) {
  return state_of(abstract).transport.receive(static_cast<char *>(buffer), size);
}
static ssize_t send(libssh2_socket_t, const void *buffer, size_t size, int, void **abstract) {
  return state_of(abstract).transport.send(static_cast<const char *>(buffer), size);
}

static void disconnected(LIBSSH2_SESSION *, int reason, const char *message, int message_bytes,
                         const char *, int, void **abstract) {
  state_of(abstract).disconnect_reason = reason;
  state_of(abstract).disconnect_text =
      message == nullptr || message_bytes <= 0
          ? std::string()
          : std::string(message, static_cast<std::size_t>(message_bytes));
}

// A packet with a wrong MAC is thrown away by libssh2 after this, but not before the tap has seen it.
static int mac_was_wrong(LIBSSH2_SESSION *, const char *packet, int, void **abstract) {
  state_of(abstract).tap.distrust(packet);
  return -1;
}

}  // extern "C"

template <class Function>
libssh2_cb_generic *generic(Function *function) {
  return reinterpret_cast<libssh2_cb_generic *>(function);
}

}  // namespace

Session::State::~State() {
  if (library == nullptr) return;
  // No farewell to a server that owes an answer: freeing a channel would send its end.
  if (!closed) transport.mute();
  if (channel != nullptr) libssh2_channel_free(channel);
  libssh2_session_free(library);
}

Error Session::State::lost() const {
  if (const auto &text = disconnect_text ? disconnect_text : tap.disconnect_text())
    return {ErrorKind::unreachable, text->empty()
                                        ? std::string("the server disconnected")
                                        : fmt::format("the server disconnected: {}", *text)};
  const std::string &line = transport.hello().last_line();
  if (transport.hello().identification().empty() && line == full_server)
    return {ErrorKind::unreachable, fmt::format("the server is busy with other logins: {}", line)};
  if (transport.hello().identification().empty() && !line.empty())
    return {ErrorKind::protocol,
            fmt::format("no SSH server: it said '{}' and closed the connection", line)};
  if (!transport.end_reason().empty())
    return {ErrorKind::unreachable, fmt::format("connection lost: {}", transport.end_reason())};
  return {ErrorKind::unreachable, "connection closed by the server"};
}

Result<void> Session::State::usable() const {
  if (!transport.state()) return fail(transport.state().error());
  if (disconnect_text || transport.ended()) return fail(lost());
  if (tap.memory_refused())
    return fail(ErrorKind::protocol, fmt::format("the server made libssh2 use more than {} MiB",
                                                 PacketTap::memory_limit_bytes >> 20));
  return {};
}

Result<void> Session::State::wait_for_socket() {
  const int events = POLLIN | (transport.has_unsent() ? POLLOUT : 0);
  return wait(transport.fd(), static_cast<short>(events), deadline);
}

Result<void> Session::State::hear_hello() {
  core::Deadline patience;
  while (!transport.hello().complete()) {
    TRY(usable());
    if (patience.never() && !transport.hello().identification().empty())
      patience = core::Deadline::in(kexinit_patience, sys::now());
    const auto heard = wait(transport.fd(), POLLIN, deadline.or_sooner(patience));
    if (!heard && heard.error().kind == ErrorKind::timeout && !deadline.passed(sys::now())) break;
    TRY(heard);
    transport.listen();
  }
  return {};
}

void Session::State::complete_proof(std::string_view session_id) {
  if (!proof.exchange.empty()) return;
  proof = transport.proof();
  const EVP_MD *digest = session_id.size() == 32   ? EVP_sha256()
                         : session_id.size() == 48 ? EVP_sha384()
                                                   : EVP_sha512();
  for (const std::string &secret : tap.secrets()) {
    std::string exchange = proof.exchange + secret;
    std::array<char, EVP_MAX_MD_SIZE> hash{};
    unsigned size = 0;
    const bool hashed = EVP_Digest(exchange.data(), exchange.size(),
                                   static_cast<unsigned char *>(static_cast<void *>(hash.data())),
                                   &size, digest, nullptr) == 1;
    if (hashed && session_id == std::string_view(hash.data(), size)) {
      proof.exchange = std::move(exchange);
      break;
    }
  }
  tap.forget_secrets();
}

std::string Session::State::library_error() const {
  char *text = nullptr;
  libssh2_session_last_error(library, &text, nullptr, 0);
  return text == nullptr || *text == '\0' ? "unknown error" : text;
}

std::string Session::State::method(int type) const {
  const char *name = libssh2_session_methods(library, type);
  return name == nullptr ? "none" : name;
}

Session::Session(sys::UniqueFd socket, Wait wait, Options options)
    : state_(std::make_unique<State>(std::move(socket), std::move(wait), std::move(options))) {}

Session::~Session() = default;

void Session::set_deadline(core::Deadline deadline) {
  state_->deadline = deadline;
  state_->transport.set_deadline(deadline);
}

Result<void> Session::handshake() {
  State &s = *state_;
  s.transport.limit_incoming(handshake_limit_bytes, "before the key exchange");
  s.library = libssh2_session_init_ex(allocate, release, reallocate, &s);
  if (s.library == nullptr) return fail(ErrorKind::internal, "libssh2_session_init failed");
  libssh2_session_callback_set2(s.library, LIBSSH2_CALLBACK_RECV, generic(receive));
  libssh2_session_callback_set2(s.library, LIBSSH2_CALLBACK_SEND, generic(send));
  libssh2_session_callback_set2(s.library, LIBSSH2_CALLBACK_DISCONNECT, generic(disconnected));
  libssh2_session_callback_set2(s.library, LIBSSH2_CALLBACK_MACERROR, generic(mac_was_wrong));
  libssh2_session_set_blocking(s.library, 0);
  // The library's own timer runs in non-blocking mode too, by the wall clock: out of the way with it, ours is better.
  libssh2_session_set_read_timeout(s.library, 86'400);

  const std::pair<int, const char *> preferences[] = {
      {LIBSSH2_METHOD_KEX, kex_algorithms},
      {LIBSSH2_METHOD_HOSTKEY, s.options.host_key_algorithms.c_str()},
      {LIBSSH2_METHOD_MAC_CS, macs},
      {LIBSSH2_METHOD_MAC_SC, macs},
      {LIBSSH2_METHOD_COMP_CS, compression},
      {LIBSSH2_METHOD_COMP_SC, compression},
      {LIBSSH2_METHOD_SIGN_ALGO, rsa_signatures},
  };
  const auto prefer = [&s](int type, const char *names) -> Result<void> {
    if (libssh2_session_method_pref(s.library, type, names) != 0)
      return fail(ErrorKind::internal, fmt::format("libssh2 knows none of {}", names));
    return {};
  };
  for (const auto &[type, names] : preferences) TRY(prefer(type, names));

  // Says who we are; what the server answers is held back.
  s.transport.begin_call();
  libssh2_session_handshake(s.library, s.transport.fd());
  s.transport.flush();
  TRY(s.hear_hello());
  const bool strict = ssh::lists(s.transport.hello().offer().kex, server_strict_kex);
  const char *const offered_ciphers = strict ? ciphers : ciphers_without_strict_kex;
  TRY(prefer(LIBSSH2_METHOD_CRYPT_CS, offered_ciphers));
  TRY(prefer(LIBSSH2_METHOD_CRYPT_SC, offered_ciphers));
  s.transport.hand_out();

  TRY_ASSIGN(const int answer,
             s.drive([&] { return libssh2_session_handshake(s.library, s.transport.fd()); }));
  if (answer != 0) {
    const std::string mismatch = s.transport.hello().mismatch(
        kex_algorithms, s.options.host_key_algorithms, offered_ciphers, macs);
    if (!mismatch.empty())
      return fail(ErrorKind::protocol,
                  strict
                      ? mismatch
                      : mismatch + "; it does not know the strict key exchange (CVE-2023-48795)");
    if (s.tap.disconnect_text()) return fail(s.lost());
    return fail(ErrorKind::protocol, fmt::format("key exchange failed: {}", s.library_error()));
  }
  // Later key exchanges must agree on the same ones. As soon as they agree on others, before there are keys for them,
  // libssh2 1.11.1 has these work on what it keeps of the old ones.
  for (const int type : {LIBSSH2_METHOD_CRYPT_CS, LIBSSH2_METHOD_CRYPT_SC, LIBSSH2_METHOD_MAC_CS,
                         LIBSSH2_METHOD_MAC_SC}) {
    const std::string agreed = s.method(type);
    // GCM has a MAC of its own, of a name that cannot be asked for.
    if (ssh::lists(offered_ciphers, agreed) || ssh::lists(macs, agreed))
      TRY(prefer(type, agreed.c_str()));
  }
  return {};
}

std::string Session::host_key() const {
  std::size_t size = 0;
  int type = 0;
  const char *key = libssh2_session_hostkey(state_->library, &size, &type);
  return key == nullptr ? std::string() : std::string(key, size);
}

std::string Session::host_key_algorithm() const { return state_->method(LIBSSH2_METHOD_HOSTKEY); }

const std::string &Session::offered_host_keys() const {
  return state_->transport.hello().offer().host_keys;
}

const core::HostKeyProof &Session::proof() const { return state_->proof; }

std::string Session::login_banner() const { return state_->tap.login_banner(); }

bool Session::turned_away() const {
  const ServerHello &hello = state_->transport.hello();
  return !hello.has_begun() && (hello.last_line().empty() || hello.last_line() == full_server);
}

const std::string &Session::identification() const {
  return state_->transport.hello().identification();
}

std::string Session::describe() const {
  const State &s = *state_;
  return fmt::format("{}, {}, {}, {}", s.transport.hello().identification(),
                     s.method(LIBSSH2_METHOD_KEX), s.method(LIBSSH2_METHOD_HOSTKEY),
                     s.method(LIBSSH2_METHOD_CRYPT_SC));
}

}  // namespace fanout::ssh
