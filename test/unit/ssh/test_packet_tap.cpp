#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "fanout/ssh/packet_tap.hpp"
#include "fanout/wire/codec.hpp"

using namespace fanout;
using ssh::PacketTap;

namespace {

// As libssh2 does: memory from the session's allocator, filled, given back.
void pass(PacketTap &tap, std::string_view payload, std::size_t padding_and_mac = 20) {
  void *block = tap.allocate(payload.size() + padding_and_mac);
  REQUIRE(block != nullptr);
  std::memset(block, 0xab, payload.size() + padding_and_mac);
  std::memcpy(block, payload.data(), payload.size());
  tap.release(block);
}

std::string request(std::uint32_t channel, std::string_view type, std::string_view rest) {
  wire::Encoder encoder;
  encoder.byte(98).uint32(channel).string(type).boolean(false).raw(rest);
  return encoder.take();
}

std::string banner(std::string_view text) {
  wire::Encoder encoder;
  encoder.byte(53).string(text).string("en");
  return encoder.take();
}

std::string uint32(std::uint32_t value) {
  wire::Encoder encoder;
  encoder.uint32(value);
  return encoder.take();
}

}  // namespace

TEST_CASE("packet tap: an exit status that was sent is known, also when it is 0", "[ssh]") {
  for (const std::uint32_t status : {0U, 3U, 255U, 0xc0000005U}) {
    PacketTap tap;
    tap.watch_channel(0);
    CHECK_FALSE(tap.exit_status());
    pass(tap, request(0, "exit-status", uint32(status)));
    CHECK(tap.exit_status() == status);
  }
}

TEST_CASE("packet tap: a death by signal is known with its message", "[ssh]") {
  PacketTap tap;
  tap.watch_channel(0);
  wire::Encoder rest;
  rest.string("KILL").boolean(false).string("no mercy").string("");
  pass(tap, request(0, "exit-signal", rest.bytes()));
  CHECK(tap.exit_signal() == "KILL");
  CHECK(tap.exit_message() == "no mercy");
  CHECK_FALSE(tap.exit_status());
}

TEST_CASE("packet tap: what one command ended with is not taken for the end of the next", "[ssh]") {
  PacketTap tap;
  tap.watch_channel(0);
  pass(tap, request(0, "exit-status", uint32(3)));
  pass(tap, request(0, "eow@openssh.com", ""));
  pass(tap, wire::Encoder().byte(94).uint32(0).string("output").bytes());
  CHECK(tap.input_refused());
  CHECK(tap.data_bytes() == 6);
  tap.watch_channel(0);
  CHECK(tap.exit_status() == 3);
  tap.watch_channel(1);
  CHECK(tap.watched_channel() == 1);
  CHECK_FALSE(tap.exit_status());
  CHECK_FALSE(tap.input_refused());
  CHECK(tap.data_bytes() == 0);
  pass(tap, request(0, "exit-status", uint32(4)));
  CHECK_FALSE(tap.exit_status());
}

TEST_CASE("packet tap: nothing is believed before the channel is watched, or of another channel",
          "[ssh]") {
  PacketTap tap;
  pass(tap, request(0, "exit-status", uint32(0)));
  CHECK_FALSE(tap.exit_status());
  tap.watch_channel(0);
  pass(tap, request(1, "exit-status", uint32(0)));
  CHECK_FALSE(tap.exit_status());
}

TEST_CASE("packet tap: output that looks like an exit status is output", "[ssh]") {
  PacketTap tap;
  tap.watch_channel(0);
  wire::Encoder data;
  data.byte(94).uint32(0).string(request(0, "exit-status", uint32(0)));
  pass(tap, data.bytes());
  CHECK_FALSE(tap.exit_status());
  CHECK(tap.data_bytes() == request(0, "exit-status", uint32(0)).size());
}

TEST_CASE("packet tap: output of both streams is counted", "[ssh]") {
  PacketTap tap;
  tap.watch_channel(0);
  wire::Encoder out;
  out.byte(94).uint32(0).string("12345");
  wire::Encoder err;
  err.byte(95).uint32(0).uint32(1).string("123");
  pass(tap, out.bytes());
  pass(tap, err.bytes());
  CHECK(tap.data_bytes() == 8);
}

TEST_CASE("packet tap: output that is given back unread can be had, each stream for itself",
          "[ssh]") {
  PacketTap tap;
  tap.watch_channel(0);
  wire::Encoder out;
  out.byte(94).uint32(0).string("12345");
  wire::Encoder err;
  err.byte(95).uint32(0).uint32(1).string("123");
  std::string seen;
  pass(tap, out.bytes());
  tap.pass_output_to([&](core::Stream stream, std::string_view data) {
    seen += stream == core::Stream::out ? "out " : "err ";
    seen += data;
  });
  pass(tap, err.bytes());
  tap.pass_output_to({});
  pass(tap, out.bytes());
  CHECK(seen == "err 123");
  CHECK(tap.data_bytes(core::Stream::out) == 10);
  CHECK(tap.data_bytes(core::Stream::err) == 3);
}

TEST_CASE("packet tap: a packet with a wrong MAC is not looked at, the next one is", "[ssh]") {
  PacketTap tap;
  tap.watch_channel(0);
  const std::string packet = request(0, "exit-status", uint32(0));
  void *block = tap.allocate(packet.size());
  REQUIRE(block != nullptr);
  std::memcpy(block, packet.data(), packet.size());
  tap.distrust(block);
  tap.release(block);
  CHECK_FALSE(tap.exit_status());
  pass(tap, packet);
  CHECK(tap.exit_status() == 0U);
}

TEST_CASE("packet tap: login methods, partial success and signature algorithms", "[ssh]") {
  PacketTap tap;
  wire::Encoder failure;
  failure.byte(51).string("publickey,password").boolean(true);
  pass(tap, failure.bytes());
  CHECK(tap.login_methods() == "publickey,password");
  CHECK(tap.login_refusals() == 1);
  CHECK(tap.partial_success());
  CHECK(tap.partial_successes() == 1);
  pass(tap, wire::Encoder().byte(51).string("password").boolean(false).bytes());
  CHECK(tap.login_refusals() == 2);
  CHECK(tap.partial_success());
  CHECK(tap.partial_successes() == 1);

  wire::Encoder info;
  info.byte(7)
      .uint32(2)
      .string("something")
      .string("else")
      .string("server-sig-algs")
      .string("ssh-ed25519,rsa-sha2-512");
  pass(tap, info.bytes());
  CHECK(tap.signature_algorithms() == "ssh-ed25519,rsa-sha2-512");
}

TEST_CASE("packet tap: a disconnect before there is a channel is known with its text", "[ssh]") {
  const auto disconnect = [](std::uint32_t reason, std::string_view text) {
    wire::Encoder encoder;
    encoder.byte(1).uint32(reason).string(text).string("");
    return encoder.take();
  };
  PacketTap tap;
  // Not every block that begins with a 1 is one.
  pass(tap, disconnect(0, "no"), 0);
  pass(tap, disconnect(16, "no"), 0);
  pass(tap, disconnect(2, "cut").substr(0, 10), 0);
  CHECK_FALSE(tap.disconnect_text());
  pass(tap, disconnect(2, "go away"));
  CHECK(tap.disconnect_text() == "go away");
  PacketTap later;
  later.watch_channel(0);
  pass(later, disconnect(2, "go away"));
  CHECK_FALSE(later.disconnect_text());
}

TEST_CASE("packet tap: extended data of a type that is not stderr is no output, and is told",
          "[ssh]") {
  for (const std::uint32_t type : {0U, 2U, 0xffffffffU}) {
    PacketTap tap;
    tap.watch_channel(0);
    std::string seen;
    tap.pass_output_to([&](core::Stream, std::string_view data) { seen += data; });
    wire::Encoder other;
    other.byte(95).uint32(1).uint32(type).string("of another channel");
    pass(tap, other.bytes());
    CHECK_FALSE(tap.undefined_data_type());
    wire::Encoder data;
    data.byte(95).uint32(0).uint32(type).string("123");
    pass(tap, data.bytes());
    CHECK(tap.undefined_data_type() == type);
    CHECK(seen.empty());
    CHECK(tap.data_bytes() == 0);
  }
}

TEST_CASE("packet tap: extended data of another type is found while it is queued", "[ssh]") {
  PacketTap tap;
  tap.watch_channel(0);
  std::vector<void *> queued;
  for (const std::uint32_t type : {1U, 7U}) {
    wire::Encoder data;
    data.byte(95).uint32(0).uint32(type).string("");
    void *block = tap.allocate(data.bytes().size());
    REQUIRE(block != nullptr);
    std::memcpy(block, data.bytes().data(), data.bytes().size());
    queued.push_back(block);
    tap.look_for_undefined_data();
    CHECK(tap.undefined_data_type().has_value() == (type == 7));
  }
  CHECK(tap.undefined_data_type() == 7U);
  for (void *block : queued) tap.release(block);
}

TEST_CASE("packet tap: login banners are found given back and still queued, in that order",
          "[ssh]") {
  PacketTap tap;
  CHECK(tap.login_banner().empty());
  pass(tap, banner("first\n"));
  std::vector<void *> queued;
  for (const std::string_view text : {"second\n", "third\n"}) {
    const std::string packet = banner(text);
    void *block = tap.allocate(packet.size());
    REQUIRE(block != nullptr);
    std::memcpy(block, packet.data(), packet.size());
    queued.push_back(block);
    void *other = tap.allocate(100);
    std::memset(other, 'x', 100);
    queued.push_back(other);
  }
  CHECK(tap.login_banner() == "first\nsecond\nthird\n");
  // From the middle of the list, from its end, from its beginning.
  for (const std::size_t index : {1U, 3U, 2U, 0U}) tap.release(queued[index]);
  CHECK(tap.login_banner().size() == 19);
}

TEST_CASE("packet tap: login banners are cut after a few KiB", "[ssh]") {
  PacketTap tap;
  for (int i = 0; i < 3; ++i) pass(tap, banner(std::string(3000, static_cast<char>('a' + i))));
  const std::size_t limit = PacketTap::login_banner_limit_bytes;
  CHECK(tap.login_banner() == std::string(3000, 'a') + std::string(limit - 3000, 'b'));
  const std::string packet = banner("more");
  void *block = tap.allocate(packet.size());
  std::memcpy(block, packet.data(), packet.size());
  CHECK(tap.login_banner().size() == limit);
  tap.release(block);
}

TEST_CASE("packet tap: a banner that is not whole, or comes after the login, is none", "[ssh]") {
  const std::string whole = banner("text");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    PacketTap tap;
    pass(tap, std::string_view(whole).substr(0, size), 0);
    CHECK(tap.login_banner().empty());
    // The rest has not come yet.
    void *block = tap.allocate(size);
    std::memcpy(block, whole.data(), size);
    CHECK(tap.login_banner().empty());
    tap.release(block);
  }
  PacketTap tap;
  tap.watch_channel(0);
  pass(tap, whole);
  CHECK(tap.login_banner().empty());
}

TEST_CASE("packet tap: a count of extensions without end ends with the bytes", "[ssh]") {
  PacketTap tap;
  wire::Encoder info;
  info.byte(7).uint32(0xffffffff).string("server-sig-algs").string("x");
  pass(tap, info.bytes(), 0);
  CHECK(tap.signature_algorithms() == "x");
}

TEST_CASE("packet tap: any packet cut at any byte is harmless", "[ssh]") {
  wire::Encoder rest;
  rest.string("TERM").boolean(false).string("message").string("");
  wire::Encoder info;
  info.byte(7).uint32(1).string("server-sig-algs").string("x");
  for (const std::string &whole :
       {request(0, "exit-status", uint32(0)), request(0, "exit-signal", rest.bytes()), info.take()})
    for (std::size_t size = 0; size < whole.size(); ++size) {
      PacketTap tap;
      tap.watch_channel(0);
      pass(tap, std::string_view(whole).substr(0, size), 0);
      CHECK_FALSE(tap.exit_status());
    }
}

TEST_CASE("packet tap: memory is bounded, and usable again once it was given back", "[ssh]") {
  PacketTap tap;
  void *half = tap.allocate(PacketTap::memory_limit_bytes / 2);
  REQUIRE(half != nullptr);
  CHECK_FALSE(tap.memory_refused());
  CHECK(tap.allocate(PacketTap::memory_limit_bytes) == nullptr);
  CHECK(tap.memory_refused());
  tap.release(half);
  void *large = tap.allocate(PacketTap::memory_limit_bytes);
  CHECK(large != nullptr);
  CHECK(tap.allocate(1) == nullptr);
  tap.release(large);
  tap.release(nullptr);
}

TEST_CASE("packet tap: a block that grows keeps its bytes", "[ssh]") {
  PacketTap tap;
  auto *block = static_cast<char *>(tap.allocate(4));
  std::memcpy(block, "abcd", 4);
  block = static_cast<char *>(tap.reallocate(block, 1000));
  CHECK(std::string_view(block, 4) == "abcd");
  block = static_cast<char *>(tap.reallocate(block, 2));
  CHECK(std::string_view(block, 2) == "ab");
  tap.release(block);
}

TEST_CASE("packet tap: what may be the secret of a key exchange is kept until it is forgotten",
          "[ssh]") {
  PacketTap tap;
  const auto give_back = [&](const std::string &bytes) {
    void *block = tap.allocate(bytes.size());
    std::memcpy(block, bytes.data(), bytes.size());
    tap.release(block);
  };
  const std::string secret = fanout::wire::Encoder().string(std::string(32, '\1')).take();
  give_back(secret);
  give_back(secret + "x");                                                    // more than a number
  give_back(fanout::wire::Encoder().string(std::string(32, '\xff')).take());  // negative
  give_back(fanout::wire::Encoder().string(std::string(68, '\1')).take());    // too long
  give_back(std::string(4, '\0'));
  CHECK(tap.secrets() == std::vector<std::string>{secret});
  tap.forget_secrets();
  give_back(secret);
  CHECK(tap.secrets().empty());
}
