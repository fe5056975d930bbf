#include <sys/socket.h>

#include <cerrno>
#include <chrono>

#include <catch2/catch_test_macros.hpp>

#include "fanout/ssh/transport.hpp"
#include "fanout/sys/io.hpp"
#include "fanout/sys/pipe.hpp"

using namespace fanout;
using namespace std::chrono_literals;
using ssh::Transport;

namespace {

// Ours and the server's end of a connection.
struct Line {
  Line() {
    auto pair = sys::make_socket_pair().value();
    REQUIRE(sys::set_nonblocking(pair.first.get()));
    REQUIRE(sys::set_nonblocking(pair.second.get()));
    ours = std::move(pair.first);
    server = std::move(pair.second);
  }
  void say(std::string_view bytes) { REQUIRE(sys::write_all(server.get(), bytes)); }
  sys::UniqueFd ours;
  sys::UniqueFd server;
};

// A server past its KEXINIT: a smallest one, of empty lists.
const std::string hello = [] {
  std::string init = "SSH-2.0-x\n";
  const std::string payload =
      std::string("\x14") + std::string(16, 'c') + std::string(10 * 4 + 5, '\0');
  const auto length = static_cast<char>(payload.size() + 5);
  return init + std::string(3, '\0') + length + '\x04' + payload + std::string(4, '\0');
}();

std::string receive_all(Transport &transport) {
  std::string all;
  char buffer[1000];
  transport.waited();
  for (;;) {
    transport.begin_call();
    const ssize_t count = transport.receive(buffer, sizeof buffer);
    if (count <= 0) return all;
    all.append(buffer, static_cast<std::size_t>(count));
  }
}

}  // namespace

TEST_CASE("transport: the hello can be looked at before libssh2 has any of it", "[ssh]") {
  Line line;
  Transport transport(std::move(line.ours));
  line.say(hello + "abc");
  CHECK(receive_all(transport).empty());
  transport.listen();
  CHECK(transport.hello().complete());
  CHECK(receive_all(transport).empty());
  transport.hand_out();
  CHECK(receive_all(transport) == hello + "abc");
}

TEST_CASE("transport: bytes arrive in order and nothing means would-block", "[ssh]") {
  Line line;
  Transport transport(std::move(line.ours));
  transport.hand_out();
  char byte = 0;
  CHECK(transport.receive(&byte, 1) == -EAGAIN);
  line.say(hello + "abc");
  CHECK(receive_all(transport) == hello + "abc");
  CHECK_FALSE(transport.ended());
}

TEST_CASE(
    "transport: an end of stream is never told to libssh2, and known once everything was handed "
    "out",
    "[ssh]") {
  Line line;
  Transport transport(std::move(line.ours));
  transport.hand_out();
  line.say(hello + "last words");
  line.server.close();
  char buffer[4];
  REQUIRE(transport.receive(buffer, sizeof buffer) == 4);
  CHECK_FALSE(transport.ended());
  CHECK(receive_all(transport).size() == hello.size() + 10 - 4);
  CHECK(transport.ended());
  CHECK(transport.receive(buffer, sizeof buffer) == -EAGAIN);
  CHECK(transport.state());
}

TEST_CASE("transport: a passed deadline ends a flood from inside the callback", "[ssh]") {
  Line line;
  Transport transport(std::move(line.ours));
  transport.hand_out();
  line.say(hello + std::string(1000, 'x'));
  transport.set_deadline(core::Deadline(sys::now() - 1ms));
  char byte = 0;
  CHECK(transport.receive(&byte, 1) == -ECONNABORTED);
  REQUIRE_FALSE(transport.state());
  CHECK(transport.state().error().kind == core::ErrorKind::timeout);
}

TEST_CASE("transport: a byte budget holds until it is lifted", "[ssh]") {
  Line line;
  Transport transport(std::move(line.ours));
  transport.hand_out();
  transport.limit_incoming(hello.size() + 10, "before the login");
  line.say(hello + std::string(10, 'x'));
  CHECK(receive_all(transport).size() == hello.size() + 10);
  transport.limit_incoming(0, {});
  line.say(std::string(5000, 'x'));
  CHECK(receive_all(transport).size() == 5000);
  transport.limit_incoming(4, "before the login");
  line.say("12345");
  CHECK(receive_all(transport).empty());
  CHECK(transport.state().error().message == "the server sends too much before the login");
}

TEST_CASE("transport: one call takes at most a mebibyte, so that the caller's loop runs", "[ssh]") {
  Line line;
  Transport transport(std::move(line.ours));
  transport.hand_out();
  const int size = 4 << 20;
  ::setsockopt(line.server.get(), SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  line.say(hello);
  CHECK(receive_all(transport) == hello);
  std::size_t taken = 0;
  char buffer[64 * 1024];
  transport.waited();
  transport.begin_call();
  for (;;) {
    // A flood: whatever is taken is there again.
    while (sys::write_some(line.server.get(), std::string(64 * 1024, 'x')).state ==
           sys::Transfer::State::done) {
    }
    const ssize_t count = transport.receive(buffer, sizeof buffer);
    if (count <= 0) break;
    taken += static_cast<std::size_t>(count);
    REQUIRE(taken < (8U << 20));
  }
  CHECK(taken >= (1U << 20));
  transport.begin_call();
  CHECK(transport.receive(buffer, sizeof buffer) > 0);
}

TEST_CASE("transport: a packet is always taken whole, however little the socket takes", "[ssh]") {
  // A half-sent packet makes libssh2 1.11.1 wait for ever when a key exchange starts then.
  Line line;
  Transport transport(std::move(line.ours));
  transport.hand_out();
  const int small = 4096;
  ::setsockopt(transport.fd(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
  const std::string packet(1 << 20, 'p');
  CHECK(transport.send(packet.data(), packet.size()) == static_cast<ssize_t>(packet.size()));
  CHECK(transport.has_unsent());
  std::string got;
  char buffer[64 * 1024];
  while (got.size() < packet.size()) {
    const sys::Transfer piece = sys::read_some(line.server.get(), buffer, sizeof buffer);
    if (piece.state == sys::Transfer::State::done) got.append(buffer, piece.count);
    transport.flush();
  }
  CHECK(got == packet);
  CHECK_FALSE(transport.has_unsent());
}

TEST_CASE("transport: a peer that no longer listens may still have spoken", "[ssh]") {
  Line line;
  Transport transport(std::move(line.ours));
  transport.hand_out();
  line.say(hello + "said before");
  line.server.close();
  for (const char *word : {"x", "y"}) {
    CHECK(transport.send(word, 1) == 1);
    transport.flush();
  }
  CHECK(receive_all(transport) == hello + "said before");
  CHECK(receive_all(transport).empty());
  CHECK(transport.ended());
}

TEST_CASE("transport: what is no SSH server is refused with its reason", "[ssh]") {
  Line line;
  Transport transport(std::move(line.ours));
  transport.hand_out();
  line.say("SSH-1.5-old\n");
  CHECK(receive_all(transport).empty());
  REQUIRE_FALSE(transport.state());
  CHECK(transport.state().error().kind == core::ErrorKind::protocol);
}

TEST_CASE("transport: a server that does not read the answers it asks for is refused", "[ssh]") {
  Line line;
  Transport transport(std::move(line.ours));
  transport.hand_out();
  const std::string answer(64 * 1024, 'a');
  ssize_t sent = 0;
  for (int i = 0; i < 200 && sent >= 0; ++i) {
    sent = transport.send(answer.data(), answer.size());
    transport.flush();
  }
  CHECK(sent < 0);
  REQUIRE_FALSE(transport.state());
  CHECK(transport.state().error().kind == core::ErrorKind::protocol);
}

TEST_CASE("transport: packets of one call leave in one piece", "[ssh]") {
  Line line;
  Transport transport(std::move(line.ours));
  CHECK(transport.send("one ", 4) == 4);
  CHECK(transport.send("two", 3) == 3);
  char buffer[16];
  CHECK(sys::read_some(line.server.get(), buffer, sizeof buffer).state ==
        sys::Transfer::State::would_block);
  transport.flush();
  const sys::Transfer got = sys::read_some(line.server.get(), buffer, sizeof buffer);
  CHECK(std::string(buffer, got.count) == "one two");
}

TEST_CASE("transport: a socket that was found empty is not asked again before it was waited for",
          "[ssh]") {
  Line line;
  Transport transport(std::move(line.ours));
  transport.hand_out();
  line.say(hello);
  CHECK(receive_all(transport) == hello);
  line.say("more");
  char buffer[16];
  transport.begin_call();
  CHECK(transport.receive(buffer, sizeof buffer) == -EAGAIN);
  transport.waited();
  CHECK(transport.receive(buffer, sizeof buffer) == 4);
}

TEST_CASE("transport: after mute nothing leaves, not even what was waiting", "[ssh]") {
  Line line;
  Transport transport(std::move(line.ours));
  transport.hand_out();
  transport.mute();
  CHECK(transport.send("bye", 3) == 3);
  transport.flush();
  CHECK_FALSE(transport.has_unsent());
  char byte = 0;
  CHECK(sys::read_some(line.server.get(), &byte, 1).state == sys::Transfer::State::would_block);
}

namespace {

std::string plain_packet(std::string_view payload) {
  const auto length = static_cast<char>(payload.size() + 5);
  return std::string(3, '\0') + length + '\x04' + std::string(payload) + std::string(4, '\0');
}

const std::string newkeys = plain_packet("\x15");

}  // namespace

TEST_CASE("transport: behind the first key exchange bytes go where libssh2 wants them, in order",
          "[ssh]") {
  Line line;
  Transport transport(std::move(line.ours));
  transport.hand_out();
  line.say(hello + newkeys + "what follows");
  char buffer[8];
  std::string got;
  transport.begin_call();
  // What came with the hello is buffered, and is not overtaken.
  for (int i = 0; i < 4; ++i) {
    const ssize_t count = transport.receive(buffer, sizeof buffer);
    REQUIRE(count > 0);
    got.append(buffer, static_cast<std::size_t>(count));
  }
  line.say(" and more");
  CHECK(transport.has_unread());
  got += receive_all(transport);
  CHECK(got == hello + newkeys + "what follows and more");
  // Nothing is read ahead of what is asked for.
  line.say("0123456789");
  transport.waited();
  CHECK(transport.receive(buffer, 4) == 4);
  CHECK_FALSE(transport.has_unread());
  CHECK(std::string_view(buffer, 4) == "0123");
  CHECK(receive_all(transport) == "456789");
  CHECK(transport.handed_out_bytes() == got.size() + 10);
  CHECK(transport.state());
}

TEST_CASE("transport: a budget, a deadline and an end hold behind the first key exchange too",
          "[ssh]") {
  char buffer[16];
  {
    Line line;
    Transport transport(std::move(line.ours));
    transport.hand_out();
    line.say(hello + newkeys);
    CHECK(receive_all(transport) == hello + newkeys);
    transport.limit_incoming(4, "before the login");
    line.say("12345");
    transport.waited();
    CHECK(transport.receive(buffer, sizeof buffer) == -ECONNABORTED);
    CHECK(transport.state().error().message == "the server sends too much before the login");
  }
  {
    Line line;
    Transport transport(std::move(line.ours));
    transport.hand_out();
    line.say(hello + newkeys);
    CHECK(receive_all(transport) == hello + newkeys);
    line.say("12345");
    line.server.close();
    CHECK(receive_all(transport) == "12345");
    transport.waited();
    CHECK(transport.receive(buffer, sizeof buffer) == -EAGAIN);
    CHECK(transport.ended());
    CHECK(transport.state());
    transport.set_deadline(core::Deadline(sys::now() - 1ms));
    CHECK(transport.receive(buffer, sizeof buffer) == -ECONNABORTED);
    CHECK(transport.state().error().kind == core::ErrorKind::timeout);
  }
}

TEST_CASE("transport: small and large packets leave in order, however little the socket takes",
          "[ssh]") {
  Line line;
  Transport transport(std::move(line.ours));
  transport.hand_out();
  const int small = 4096;
  ::setsockopt(transport.fd(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
  std::string sent;
  std::string got;
  char buffer[64 * 1024];
  for (std::size_t i = 0; i < 100; ++i) {
    std::string packet(i % 3 == 0 ? 32'000 + i : i % 3 == 1 ? 10 : 70'000, 'p');
    for (std::size_t at = 0; at < packet.size(); at += 7) packet[at] = static_cast<char>(i + at);
    REQUIRE(transport.send(packet.data(), packet.size()) == static_cast<ssize_t>(packet.size()));
    sent += packet;
    CHECK(transport.unsent_bytes() <= sent.size() - got.size());
    for (int read = 0; read < 3; ++read) {
      const sys::Transfer piece = sys::read_some(line.server.get(), buffer, sizeof buffer);
      if (piece.state == sys::Transfer::State::done) got.append(buffer, piece.count);
      if (i % 2 == 0) transport.flush();
    }
  }
  for (int turn = 0; transport.has_unsent() && turn < 100'000; ++turn) {
    transport.flush();
    const sys::Transfer piece = sys::read_some(line.server.get(), buffer, sizeof buffer);
    if (piece.state == sys::Transfer::State::done) got.append(buffer, piece.count);
  }
  while (got.size() < sent.size()) {
    const sys::Transfer piece = sys::read_some(line.server.get(), buffer, sizeof buffer);
    REQUIRE(piece.state == sys::Transfer::State::done);
    got.append(buffer, piece.count);
  }
  CHECK(got == sent);
}
