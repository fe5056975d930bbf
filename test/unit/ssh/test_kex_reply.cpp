#include <array>
#include <string>

#include <catch2/catch_test_macros.hpp>

#include "fanout/ssh/kex_reply.hpp"
#include "fanout/ssh/transport.hpp"
#include "fanout/sys/io.hpp"
#include "fanout/sys/pipe.hpp"
#include "fanout/wire/codec.hpp"

using fanout::ssh::KexReply;
using fanout::wire::Encoder;

namespace {

std::string packet(const std::string &payload, std::uint8_t padding = 6) {
  return Encoder()
      .uint32(static_cast<std::uint32_t>(1 + payload.size() + padding))
      .byte(padding)
      .raw(payload)
      .raw(std::string(padding, '\7'))
      .take();
}

std::string reply(const std::string &key = "host key", const std::string &signature = "signature") {
  return Encoder().byte(31).string(key).string("half").string(signature).take();
}

const std::string newkeys = packet("\25");

KexReply read(const std::string &bytes) {
  KexReply reader;
  reader.feed(bytes);
  return reader;
}

bool is_empty(const KexReply &reader) {
  return reader.proof().host_key.empty() && reader.proof().signature.empty();
}

}  // namespace

TEST_CASE("kex reply: the host key and its signature are found", "[ssh]") {
  const KexReply reader = read(packet(reply()) + newkeys);
  CHECK(reader.proof().host_key == "host key");
  CHECK(reader.proof().signature == "signature");
  CHECK(reader.finished());
}

TEST_CASE("kex reply: the pieces in which the bytes come make no difference", "[ssh]") {
  const std::string bytes = packet("\2ignored") + packet(reply(), 255) + newkeys + "encrypted";
  for (std::size_t size = 1; size < bytes.size(); ++size) {
    KexReply reader;
    for (std::size_t at = 0; at < bytes.size(); at += size) reader.feed(bytes.substr(at, size));
    REQUIRE(reader.finished());
    REQUIRE(reader.proof().host_key == "host key");
    REQUIRE(reader.proof().signature == "signature");
  }
}

TEST_CASE("kex reply: other messages before it are passed over", "[ssh]") {
  const std::string debug = Encoder().byte(4).byte(1).string("text").string("").take();
  CHECK(read(packet("\2") + packet(debug) + packet(reply())).proof().host_key == "host key");
}

TEST_CASE("kex reply: of two the first counts, also when it makes no sense", "[ssh]") {
  CHECK(read(packet(reply()) + packet(reply("other", "other"))).proof().host_key == "host key");
  CHECK(is_empty(read(packet("\37junk") + packet(reply()))));
}

TEST_CASE("kex reply: nothing behind NEWKEYS is looked at", "[ssh]") {
  const KexReply reader = read(newkeys + packet(reply()));
  CHECK(reader.finished());
  CHECK(is_empty(reader));
}

TEST_CASE("kex reply: a reply that is cut or goes on proves nothing", "[ssh]") {
  const std::string good = reply();
  for (std::size_t size = 1; size < good.size(); ++size)
    REQUIRE(is_empty(read(packet(good.substr(0, size)) + newkeys)));
  CHECK(is_empty(read(packet(good + "x") + newkeys)));
}

TEST_CASE("kex reply: garbage ends the looking", "[ssh]") {
  for (const std::string &bytes :
       {std::string(64, '\xff'), std::string(64, '\0'), Encoder().uint32(1).raw("abcd").take(),
        Encoder().uint32(35'001).raw("abcd").take(),
        Encoder().uint32(6).byte(5).raw(std::string(8, '\37')).take()}) {
    const KexReply reader = read(bytes + packet(reply()));
    CHECK(reader.finished());
    CHECK(is_empty(reader));
  }
}

TEST_CASE("kex reply: only so many bytes are kept, and a proof before that stays", "[ssh]") {
  const std::string noise = packet("\2" + std::string(10'000, 'x'));
  KexReply late;
  std::size_t fed = 0;
  while (fed <= KexReply::limit_bytes) {
    late.feed(noise);
    fed += noise.size();
  }
  CHECK(late.finished());
  late.feed(packet(reply()));
  CHECK(is_empty(late));

  KexReply early;
  early.feed(packet(reply()));
  early.feed(std::string(KexReply::limit_bytes, '\0'));
  CHECK(early.finished());
  CHECK(early.proof().host_key == "host key");
}

TEST_CASE("transport: the proof is found behind the server's first words, however they come",
          "[ssh]") {
  const std::string kexinit = packet("\24" + std::string(16, 'c') + std::string(10 * 4 + 5, '\0'));
  const std::string bytes =
      "SSH-2.0-x\r\n" + packet("\2") + kexinit + packet(reply()) + newkeys + std::string(32, 'e');
  for (std::size_t size = 1; size <= bytes.size(); ++size) {
    auto ends = fanout::sys::make_socket_pair().value();
    REQUIRE(fanout::sys::set_nonblocking(ends.first.get()));
    fanout::ssh::Transport transport(std::move(ends.first));
    transport.hand_out();
    std::string received;
    for (std::size_t at = 0; at < bytes.size(); at += size) {
      REQUIRE(fanout::sys::write_all(ends.second.get(), bytes.substr(at, size)));
      std::array<char, 1000> buffer{};
      ssize_t count = 0;
      transport.waited();
      while (transport.begin_call(), (count = transport.receive(buffer.data(), buffer.size())) > 0)
        received.append(buffer.data(), static_cast<std::size_t>(count));
    }
    REQUIRE(received == bytes);
    REQUIRE(transport.proof().host_key == "host key");
    REQUIRE(transport.proof().signature == "signature");
  }
}
