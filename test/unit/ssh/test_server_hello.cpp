#include <catch2/catch_test_macros.hpp>

#include "fanout/ssh/algorithms.hpp"
#include "fanout/ssh/server_hello.hpp"
#include "fanout/wire/codec.hpp"

using namespace fanout;
using ssh::ServerHello;

namespace {

std::string packet(std::string_view payload) {
  wire::Encoder encoder;
  const std::string padding(8, '\0');
  encoder.uint32(static_cast<std::uint32_t>(1 + payload.size() + padding.size()))
      .byte(8)
      .raw(payload)
      .raw(padding);
  return encoder.take();
}

std::string kexinit(std::string_view kex = "curve25519-sha256",
                    std::string_view ciphers = "aes128-ctr",
                    std::string_view host_keys = "ssh-ed25519",
                    std::string_view macs = "hmac-sha2-256") {
  wire::Encoder encoder;
  encoder.byte(20)
      .raw(std::string(16, 'c'))
      .string(kex)
      .string(host_keys)
      .string(ciphers)
      .string(ciphers);
  encoder.string(macs)
      .string(macs)
      .string("none")
      .string("none")
      .string("")
      .string("")
      .boolean(false)
      .uint32(0);
  return packet(encoder.bytes());
}

constexpr std::string_view banner = "SSH-2.0-OpenSSH_9.2\r\n";

std::string refusal(std::string_view bytes) {
  ServerHello hello;
  const auto fed = hello.feed(bytes);
  return fed ? "" : fed.error().message;
}

}  // namespace

TEST_CASE("server hello: identification and KEXINIT, split at any byte", "[ssh]") {
  const std::string whole = "hello\r\nworld\n" + std::string(banner) + kexinit();
  for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
    ServerHello hello;
    REQUIRE(hello.feed(std::string_view(whole).substr(0, cut)));
    CHECK(hello.complete() == (cut == whole.size()));
    REQUIRE(hello.feed(std::string_view(whole).substr(cut)));
    CHECK(hello.complete());
    CHECK(hello.identification() == "SSH-2.0-OpenSSH_9.2");
    CHECK(hello.offer().kex == "curve25519-sha256");
    CHECK(hello.released_bytes() == whole.size());
  }
}

TEST_CASE("server hello: libssh2 sees nothing before KEXINIT is whole", "[ssh]") {
  ServerHello hello;
  const std::string init = kexinit();
  REQUIRE(hello.feed(std::string(banner) + init.substr(0, init.size() - 1)));
  CHECK(hello.released_bytes() == 0);
  REQUIRE(hello.feed(init.substr(init.size() - 1)));
  CHECK(hello.released_bytes() == banner.size() + init.size());
}

TEST_CASE("server hello: SSH 1.99 is a server that also speaks 2.0, SSH 1.5 is refused at once",
          "[ssh]") {
  CHECK(refusal("SSH-1.99-Cisco-1.25\n").empty());
  CHECK(refusal("SSH-1.5-old\n") == "not SSH 2.0: the server says 'SSH-1.5-old'");
  CHECK_FALSE(refusal("SSH-9\n").empty());
}

TEST_CASE("server hello: an identification that is too long or not printable ASCII is refused",
          "[ssh]") {
  const std::string start = "SSH-2.0-";
  ServerHello longest;
  CHECK(longest.feed(start + std::string(253 - start.size(), 'x') + "\r\n"));
  CHECK(longest.identification().size() == 253);
  for (const std::string &rest : {std::string(254 - start.size(), 'x'), std::string("a\x1b[2J"),
                                  std::string("a\rb"), std::string("caf\xc3\xa9"),
                                  std::string("\x9b"
                                              "2J"),
                                  std::string("\x7f")}) {
    ServerHello hello;
    const auto fed = hello.feed(start + rest + "\r\n");
    REQUIRE_FALSE(fed);
    CHECK(fed.error().kind == core::ErrorKind::protocol);
    CHECK(fed.error().message.find("bad identification") == 0);
    CHECK(hello.identification().empty());
  }
}

TEST_CASE("server hello: text without an end, without an identification, or with a null byte",
          "[ssh]") {
  CHECK(refusal(std::string(8 * 1024 + 1, 'a')) == "no SSH server: its first line does not end");
  std::string lines;
  while (lines.size() <= 64 * 1024) lines += "welcome to the machine\r\n";
  CHECK(refusal(lines) == "no SSH server: no identification in its first 65536 bytes");
  CHECK_FALSE(refusal(std::string("SSH-2.0-a\0b\n", 12)).empty());
}

TEST_CASE("server hello: the last line of something else is kept for the message", "[ssh]") {
  ServerHello hello;
  REQUIRE(hello.feed("HTTP/1.1 400 Bad Request\r\n\r\n"));
  CHECK(hello.last_line() == "HTTP/1.1 400 Bad Request");
  CHECK(hello.identification().empty());
}

TEST_CASE("server hello: names that only clients may list never reach libssh2", "[ssh]") {
  // libssh2 1.11.1 takes them for a method and calls a null pointer.
  for (const char *kex : {"curve25519-sha256,ext-info-c",
                          "kex-strict-c-v00@openssh.com,curve25519-sha256", "ext-info-c"}) {
    ServerHello hello;
    CHECK_FALSE(hello.feed(std::string(banner) + kexinit(kex)));
    CHECK(hello.released_bytes() == 0);
  }
  CHECK(refusal(std::string(banner) +
                kexinit("curve25519-sha256,ext-info-s,kex-strict-s-v00@openssh.com"))
            .empty());
}

TEST_CASE("server hello: packet lengths that cannot be are refused before anything is collected",
          "[ssh]") {
  for (const std::uint32_t length : {0U, 1U, 40'001U, 0x7fffffffU, 0xffffffffU}) {
    wire::Encoder encoder;
    encoder.raw(banner).uint32(length);
    CHECK_FALSE(refusal(encoder.bytes()).empty());
  }
  wire::Encoder padding;
  padding.raw(banner).uint32(12).byte(200).byte(20).raw(std::string(10, 'x'));
  CHECK_FALSE(refusal(padding.bytes()).empty());
}

TEST_CASE("server hello: a KEXINIT cut short inside is refused, other packets before it pass",
          "[ssh]") {
  CHECK_FALSE(
      refusal(std::string(banner) + packet(std::string("\x14") + std::string(20, 'c'))).empty());
  ServerHello hello;
  REQUIRE(hello.feed(std::string(banner) + packet("\x02 ignore me") + kexinit()));
  CHECK(hello.complete());
}

TEST_CASE("server hello: what is not common is named with the server's list", "[ssh]") {
  const auto mismatch = [](const std::string &init) {
    ServerHello hello;
    REQUIRE(hello.feed(std::string(banner) + init));
    return hello.mismatch(ssh::kex_algorithms, "ssh-ed25519,rsa-sha2-512", ssh::ciphers, ssh::macs);
  };
  CHECK(mismatch(kexinit()).empty());
  CHECK(mismatch(kexinit("diffie-hellman-group1-sha1")) ==
        "no common key exchange; the server offers only diffie-hellman-group1-sha1; we take " +
            std::string(ssh::kex_algorithms));
  CHECK(mismatch(kexinit("curve25519-sha256", "3des-cbc,arcfour")) ==
        "no common cipher; the server offers only 3des-cbc,arcfour; we take " +
            std::string(ssh::ciphers));
  CHECK(
      mismatch(kexinit("curve25519-sha256", "aes128-ctr", "ssh-rsa")) ==
      "no common host key type; the server offers only ssh-rsa; we take ssh-ed25519,rsa-sha2-512");
  CHECK(mismatch(kexinit("curve25519-sha256", "aes128-ctr", "ssh-ed25519", "hmac-md5")) ==
        "no common MAC; the server offers only hmac-md5; we take " + std::string(ssh::macs));
}

TEST_CASE("algorithms: nothing weak and no encrypt-then-MAC is offered", "[ssh]") {
  const std::string all =
      std::string(ssh::kex_algorithms) + ssh::ciphers + ssh::macs + ssh::rsa_signatures;
  for (const char *weak :
       {"etm", "sha1", "md5", "cbc", "3des", "arcfour", "group1-", "group-exchange", "ssh-rsa"})
    CHECK(all.find(weak) == std::string::npos);
}

TEST_CASE("server hello: for a server that waits, its identification alone can be released",
          "[ssh]") {
  ServerHello hello;
  const std::string banner = "SSH-2.0-Waiting\r\n";
  REQUIRE(hello.feed(banner));
  CHECK(hello.released_bytes() == 0);
  hello.release_identification();
  CHECK(hello.released_bytes() == banner.size());
  CHECK_FALSE(hello.complete());
}

TEST_CASE("server hello: a server that disconnects before its KEXINIT is believed that it did",
          "[ssh]") {
  ServerHello hello;
  const std::string text = "too many connections";
  const std::string payload =
      fanout::wire::Encoder().byte(1).uint32(12).string(text).string("").take();
  const auto heard = hello.feed(std::string(banner) +
                                fanout::wire::Encoder()
                                    .uint32(static_cast<std::uint32_t>(payload.size() + 1 + 4))
                                    .byte(4)
                                    .raw(payload)
                                    .raw(std::string(4, '\0'))
                                    .take());
  REQUIRE_FALSE(heard);
  CHECK(heard.error().kind == fanout::core::ErrorKind::unreachable);
  CHECK(heard.error().message == "the server disconnected: " + text);
}
