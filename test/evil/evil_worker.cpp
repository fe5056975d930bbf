#include "evil_worker.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <openssl/evp.h>

#include "evil_attempts.hpp"
#include "fanout/keys/slot.hpp"
#include "fanout/ssh/dial.hpp"
#include "fanout/ssh/session.hpp"
#include "fanout/sys/io.hpp"
#include "fanout/wire/codec.hpp"
#include "fanout/wire/messages.hpp"

namespace fanout::evil {

using core::Deadline;
using core::Phase;
using core::Result;

namespace {

constexpr core::Milliseconds patience{10'000};
Deadline soon() { return Deadline::in(patience, sys::now()); }

Result<void> wait(int fd, short events, Deadline) {
  if (!sys::wait_ready(fd, events, soon()))
    return core::fail(core::ErrorKind::timeout, "timed out");
  return {};
}

// Lines of /proc/self/maps with w and s: what others could be reached through.
int shared_writable_mappings() {
  const int fd = ::open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  std::string text;
  char buffer[4096];
  for (;;) {
    const sys::Transfer got = sys::read_some(fd, buffer, sizeof buffer);
    if (got.state != sys::Transfer::State::done) break;
    text.append(buffer, got.count);
  }
  ::close(fd);
  int count = 0;
  for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) {
    const std::size_t rights = text.find(' ', at) + 1;
    if (text[rights + 1] == 'w' && text[rights + 3] == 's') ++count;
  }
  return text.empty() ? -1 : count;
}

class Evil {
public:
  Evil(const worker::JobCard &card, const sandbox::Confinement &confinement, sys::UniqueFd link,
       sys::UniqueFd slot)
      : card_(card),
        confinement_(confinement),
        link_(std::move(link)),
        slot_fd_(slot.get()),
        slot_(std::move(slot)) {
    const std::size_t space = card_.command.find(' ');
    what_ = card_.command.substr(0, space);
    kind_ = space == std::string::npos ? "" : card_.command.substr(space + 1);
  }

  Result<void> run() {
    // While it may still look and ask.
    shared_ = shared_writable_mappings();
    parent_ = ::getppid();
    TRY(confinement_.before_connecting(card_.port));
    send(wire::PhaseMessage{Phase::resolve});
    TRY_ASSIGN(const auto addresses, ssh::resolve(card_.address, card_.port, card_.family));
    send(wire::PhaseMessage{Phase::connect});
    TRY_ASSIGN(ssh::Connected connected, ssh::connect_to_any(addresses, soon(), wait));
    TRY(confinement_.before_reading());
    send(wire::PhaseMessage{Phase::kex});
    if (what_ == "call") return call(connected.socket.get());
    if (what_ == "frames") return frames();
    if (what_ == "shared") return tell_shared();
    ssh::Session session(std::move(connected.socket), wait, {card_.host_key_algorithms});
    session.set_deadline(soon());
    TRY(session.handshake());
    return slot(session);
  }

private:
  void send(const wire::WorkerMessage &message) { raw(wire::encode(message)); }
  void raw(std::string_view bytes) { static_cast<void>(sys::write_all(link_.get(), bytes)); }

  void claim_success(const std::string &text) {
    send(wire::PhaseMessage{Phase::run});
    send(wire::OutputMessage{core::Stream::out, text + "\n"});
    core::Outcome outcome;
    outcome.status = core::Status::ok;
    outcome.phase = Phase::run;
    outcome.exit_status = 0;
    outcome.remote_end = core::RemoteEnd::exited;
    outcome.stdout_bytes = text.size() + 1;
    send(wire::FinalMessage{outcome});
  }

  Result<void> tell_shared() {
    claim_success(fmt::format("{} shared mappings that can be written", shared_));
    return {};
  }

  Result<void> call(int connection) {
    test::Target target;
    target.parent = parent_;
    target.agent_socket = "/nonexistent";
    target.file = "/etc/passwd";
    target.outside = "/etc";
    target.connection = connection;
    target.slot = slot_fd_;
    target.pipe = link_.get();
    for (const test::Attempt &attempt : test::evil_attempts())
      if (attempt.name == kind_) {
        const int error = attempt.run(target);
        claim_success(error == 0 ? "succeeded" : fmt::format("refused: {}", std::strerror(error)));
        return {};
      }
    return core::fail(core::ErrorKind::internal, "no such attempt");
  }

  Result<void> frames() {
    if (kind_ == "random") {
      std::string bytes(100'000, '\0');
      std::uint32_t state = 12345;
      for (char &byte : bytes) {
        state = state * 1664525 + 1013904223;
        byte = static_cast<char>(state >> 24);
      }
      raw(bytes);
    } else if (kind_ == "long") {
      raw(wire::Encoder().uint32(0xffffffff).byte(3).take());
    } else if (kind_ == "order") {
      send(wire::PhaseMessage{Phase::resolve});
    } else if (kind_ == "unknown") {
      raw(wire::encode_frame(77, "x"));
    } else if (kind_ == "early-output") {
      send(wire::OutputMessage{core::Stream::out, "not yet\n"});
    } else if (kind_ == "notes") {
      for (int i = 0; i < 1'000'000; ++i) send(wire::NoteMessage{"n"});
    } else if (kind_ == "after-final") {
      claim_success("done");
      send(wire::NoteMessage{"and one more thing"});
    } else if (kind_ == "two-keys") {
      send(wire::PhaseMessage{Phase::verify});
      send(wire::HostKeyMessage{"one"});
      send(wire::HostKeyMessage{"two"});
    } else if (kind_ == "half") {
      raw(wire::encode(wire::PhaseMessage{Phase::run}).substr(0, 3));
    }
    // Whoever is not ended for it goes on as if nothing had happened.
    if (kind_ != "half" && kind_ != "after-final") claim_success("nobody minded");
    return {};
  }

  Result<std::string> login_data(ssh::Session &session, std::string *blob) {
    TRY_ASSIGN(const auto keys, slot_.list(soon()));
    if (keys.empty()) return core::fail(core::ErrorKind::auth, "no key");
    *blob = keys.front().blob;
    std::string seen;
    ssh::Credentials credentials;
    seen_proof_ = {};
    credentials.keys.push_back({keys.front().blob, keys.front().type});
    credentials.sign = [&](std::string_view, std::string_view data) -> Result<std::string> {
      seen = data;
      seen_proof_ = session.proof();
      return core::fail(core::ErrorKind::internal, "that was all");
    };
    static_cast<void>(session.login(card_.user, credentials));
    return seen;
  }

  void hear_verdict() {
    wire::FrameReader reader;
    char buffer[4096];
    while (sys::wait_ready(link_.get(), POLLIN, soon())) {
      const sys::Transfer got = sys::read_some(link_.get(), buffer, sizeof buffer);
      if (got.state == sys::Transfer::State::would_block) continue;
      if (got.state != sys::Transfer::State::done) return;
      reader.feed({buffer, got.count});
      if (auto frame = reader.next(); frame && *frame) return;
    }
  }

  Result<void> slot(ssh::Session &session) {
    send(wire::PhaseMessage{Phase::verify});
    // "The key is fine": another one than the server showed.
    if (kind_ == "other-host-key") {
      std::string other = session.host_key();
      other.back() = static_cast<char>(other.back() ^ 1);
      send(wire::HostKeyMessage{other});
    } else if (kind_ != "early") {
      send(wire::HostKeyMessage{session.host_key()});
    }
    if (kind_ != "early") hear_verdict();
    send(wire::PhaseMessage{Phase::auth});

    std::string blob;
    TRY_ASSIGN(const std::string data, login_data(session, &blob));
    wire::Decoder fields(data);
    std::string session_id(fields.string());
    core::HostKeyProof proof = seen_proof_;
    std::string user = card_.user;
    std::string service = "ssh-connection";
    std::string key = blob;
    std::string suffix;
    int times = 1;
    // What an accomplice brings from a session of his own with another server: its identifier, and what that is made of.
    if (kind_ == "relay") {
      wire::Decoder own(proof.exchange);
      wire::Encoder theirs;
      for (int i = 0; i < 4; ++i) theirs.string(own.string());
      theirs.string("the host key of another server");
      own.string();
      theirs.raw(own.rest());
      std::array<unsigned char, 32> hash{};
      EVP_Digest(theirs.bytes().data(), theirs.bytes().size(), hash.data(), nullptr, EVP_sha256(),
                 nullptr);
      session_id.assign(hash.begin(), hash.end());
      proof.exchange = theirs.take();
    }
    if (kind_ == "no-exchange") proof.exchange.clear();
    if (kind_ == "session") session_id[0] = static_cast<char>(session_id[0] ^ 1);
    if (kind_ == "user") user = "somebody-else";
    if (kind_ == "service") service = "ssh-userauth";
    if (kind_ == "key") key.back() = static_cast<char>(key.back() ^ 1);
    if (kind_ == "no-proof") proof = {};
    if (kind_ == "other-proof")
      proof.signature.back() = static_cast<char>(proof.signature.back() ^ 1);
    if (kind_ == "more-bytes") suffix = "x";
    if (kind_ == "often") times = 3;
    wire::Decoder type(blob);
    const std::string algorithm(type.string());
    const std::string request = wire::Encoder()
                                    .string(session_id)
                                    .byte(50)
                                    .string(user)
                                    .string(service)
                                    .string("publickey")
                                    .byte(1)
                                    .string(algorithm)
                                    .string(key)
                                    .raw(suffix)
                                    .take();
    std::string answers;
    if (kind_ == "garbage") {
      static_cast<void>(sys::write_all(slot_fd_, std::string(1000, 'x')));
      answers = "sent";
    }
    for (int i = 0; i < times && answers.empty(); ++i) {
      const auto signature = slot_.sign(key, request, proof, soon());
      if (i + 1 == times) answers = signature ? "signed" : "refused: " + signature.error().message;
    }
    if (kind_ == "password") {
      const auto password = slot_.password(soon());
      answers = password ? "got one" : "refused: " + password.error().message;
    }
    send(wire::PhaseMessage{Phase::open});
    claim_success(answers);
    return {};
  }

  const worker::JobCard &card_;
  const sandbox::Confinement &confinement_;
  sys::UniqueFd link_;
  int slot_fd_;
  keys::Slot slot_;
  std::string what_;
  std::string kind_;
  int shared_ = -1;
  pid_t parent_ = 0;
  core::HostKeyProof seen_proof_;
};

}  // namespace

Result<void> Program::prepare(std::string_view bytes) {
  TRY_ASSIGN(const worker::Setup setup, worker::decode_setup(bytes));
  TRY_ASSIGN(sandbox::Confinement confinement,
             sandbox::Confinement::prepare(setup.sandbox, sandbox::Profile::exec));
  confinement_ = std::make_unique<sandbox::Confinement>(std::move(confinement));
  return {};
}

int Program::run(const worker::JobCard &card, sys::UniqueFd link, sys::UniqueFd key_slot) const {
  auto done = Evil(card, *confinement_, std::move(link), std::move(key_slot)).run();
  return done ? 0 : 1;
}

}  // namespace fanout::evil
