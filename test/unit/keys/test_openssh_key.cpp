#include <catch2/catch_test_macros.hpp>

#include "fanout/core/base64.hpp"
#include "fanout/wire/codec.hpp"
#include "fixtures.hpp"
#include "keys/openssh_key.hpp"
#include "keys/private_key.hpp"

using fanout::keys::parse_openssh_key_file;
using fanout::keys::parse_public_key_file;
using fanout::keys::PrivateKey;

namespace {

std::string container_of(const std::string &name) {
  std::string text = fixture(name);
  text.erase(0, text.find('\n'));
  text.erase(text.find("-----END"));
  std::erase(text, '\n');
  return fanout::core::decode_base64(text).value();
}

std::string as_file(const std::string &container) {
  return "-----BEGIN OPENSSH PRIVATE KEY-----\n" + fanout::core::encode_base64(container) +
         "\n-----END OPENSSH PRIVATE KEY-----\n";
}

std::string failure(const std::string &container, std::string_view passphrase = {}) {
  const auto key = PrivateKey::parse(as_file(container), passphrase);
  return key ? "no failure" : key.error().message;
}

}  // namespace

TEST_CASE("openssh key: the public key is known without the passphrase", "[keys]") {
  const auto file = parse_openssh_key_file(fixture("encrypted-16-rounds"));
  REQUIRE(file);
  CHECK(file->encrypted());
  CHECK(file->cipher == "aes256-ctr");
  CHECK(file->rounds == 16);
  CHECK(file->salt.size() == 16);
  const auto opened = PrivateKey::parse(fixture("encrypted-16-rounds"), fixture_passphrase);
  REQUIRE(opened);
  CHECK(opened->public_key().blob == file->public_blob);
}

TEST_CASE("openssh key: line ends and text around the key do not matter", "[keys]") {
  std::string text = fixture("ed25519");
  for (std::size_t at = 0; (at = text.find('\n', at)) != std::string::npos; at += 2)
    text.insert(at, "\r");
  CHECK(PrivateKey::parse("a remark\n" + text + "more\n").value().public_key().blob ==
        parse_public_key_file(fixture("ed25519.pub")).value().blob);
}

TEST_CASE("openssh key: a file cut anywhere is malformed and nothing worse", "[keys]") {
  for (const char *name : {"ed25519", "encrypted-aes256-gcm", "ecdsa521"}) {
    const std::string container = container_of(name);
    for (std::size_t size = 0; size < container.size(); ++size) {
      const auto file = parse_openssh_key_file(as_file(container.substr(0, size)));
      REQUIRE_FALSE(file);
      REQUIRE(file.error().message == "malformed OpenSSH private key");
    }
  }
  CHECK_FALSE(parse_openssh_key_file("-----BEGIN OPENSSH PRIVATE KEY-----\n"));
}

TEST_CASE("openssh key: bytes behind the key are refused", "[keys]") {
  CHECK(failure(container_of("ed25519") + "x") == "malformed OpenSSH private key");
}

TEST_CASE(
    "openssh key: no flipped bit goes unnoticed in an unencrypted Ed25519 key but in its comment",
    "[keys]") {
  const std::string container = container_of("ed25519");
  const std::string blob = parse_public_key_file(fixture("ed25519.pub")).value().blob;
  const std::size_t comment = container.rfind("test-only@");
  const std::size_t comment_end = comment + std::string_view("test-only@example.org").size();
  for (std::size_t at = 0; at < container.size(); ++at) {
    if (at >= comment && at < comment_end) continue;
    std::string damaged = container;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    INFO(at);
    REQUIRE(failure(damaged) != "no failure");
  }
}

TEST_CASE("openssh key: a public half of another key is noticed", "[keys]") {
  const std::string container = container_of("ed25519");
  const std::string blob = parse_public_key_file(fixture("ed25519.pub")).value().blob;
  std::string damaged = container;
  damaged[container.find(blob) + blob.size() - 1] ^= 1;
  CHECK(failure(damaged) == "its public and its private half are of different keys");
}

TEST_CASE("openssh key: rounds that would take for ever are refused before they are begun",
          "[keys]") {
  std::string container = container_of("encrypted-16-rounds");
  const std::string rounds("\0\0\0\x10", 4);
  const std::size_t at = container.find(rounds, container.find("bcrypt") + 6 + 4 + 4 + 16);
  REQUIRE(at != std::string::npos);
  container.replace(at, 4, "\xff\xff\xff\xff");
  CHECK(failure(container, fixture_passphrase) ==
        "4294967295 rounds of key derivation; 1 to 16384 are accepted");
}

TEST_CASE("openssh key: an authenticated cipher notices a changed tag", "[keys]") {
  std::string container = container_of("encrypted-aes256-gcm");
  container.back() ^= 1;
  CHECK(failure(container, fixture_passphrase) == "wrong passphrase");
}
