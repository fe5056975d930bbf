#include <catch2/catch_test_macros.hpp>

#include "fanout/core/base64.hpp"
#include "fanout/keys/public_key.hpp"
#include "fanout/wire/codec.hpp"
#include "fixtures.hpp"

using namespace fanout::keys;
using fanout::wire::Encoder;

namespace {

std::string failure(std::string_view blob) {
  const auto key = parse_public_key(blob, {});
  return key ? "no failure" : key.error().message;
}

std::string blob_of(const std::string &name) {
  return parse_public_key_file(fixture(name)).value().blob;
}

}  // namespace

TEST_CASE("public key: a .pub line gives type, blob and comment", "[keys]") {
  const auto key = parse_public_key_file(fixture("ed25519.pub"));
  REQUIRE(key);
  CHECK(key->type == "ssh-ed25519");
  CHECK(key->comment == "test-only@example.org");
  CHECK_FALSE(is_certificate(*key));
  CHECK(plain_key_blob(*key) == key->blob);
  CHECK(parse_public_key_file("# a remark\r\n\n" + fixture("rsa2048.pub")).value().type ==
        "ssh-rsa");
}

TEST_CASE("public key: a certificate knows the plain key it is about", "[keys]") {
  for (const char *name : {"ed25519", "ecdsa256", "rsa2048"}) {
    const auto certificate = parse_public_key_file(fixture(std::string(name) + "-cert.pub"));
    REQUIRE(certificate);
    CHECK(is_certificate(*certificate));
    CHECK(plain_key_blob(*certificate) == blob_of(std::string(name) + ".pub"));
  }
}

TEST_CASE("public key: a certificate for hosts is not taken for a login", "[keys]") {
  CHECK(parse_public_key_file(fixture("host-cert.pub")).error().message ==
        "a certificate for hosts, not for users");
}

TEST_CASE("public key: a blob that is cut anywhere or goes on is malformed", "[keys]") {
  for (const char *name :
       {"ed25519.pub", "ecdsa521.pub", "rsa2048.pub", "ed25519-cert.pub", "rsa2048-cert.pub"}) {
    const std::string blob = blob_of(name);
    for (std::size_t size = 0; size < blob.size(); ++size)
      REQUIRE(failure(blob.substr(0, size)) != "no failure");
    CHECK(failure(blob + "x") != "no failure");
  }
}

TEST_CASE("public key: types that are not supported are named, without control characters",
          "[keys]") {
  CHECK(
      failure(Encoder().string("sk-ssh-ed25519@openssh.com").string(std::string(32, 'x')).take()) ==
      "keys of type 'sk-ssh-ed25519@openssh.com' are not supported");
  CHECK(failure(Encoder().string("\x1b]0;").take()) == "keys of type '\\x1b]0;' are not supported");
  CHECK(failure(Encoder().string("ssh-dss").take()).starts_with("a DSA key"));
}

TEST_CASE(
    "public key: a curve that the type does not name, short points and small or negative moduli "
    "are refused",
    "[keys]") {
  CHECK(failure(Encoder()
                    .string("ecdsa-sha2-nistp256")
                    .string("nistp384")
                    .string("\4" + std::string(64, 'x'))
                    .take()) == "malformed ecdsa-sha2-nistp256 public key");
  CHECK(failure(Encoder()
                    .string("ecdsa-sha2-nistp256")
                    .string("nistp256")
                    .string("\2" + std::string(32, 'x'))
                    .take()) == "malformed ecdsa-sha2-nistp256 public key");
  CHECK(failure(Encoder().string("ssh-ed25519").string(std::string(31, 'x')).take()) ==
        "malformed ssh-ed25519 public key");
  const auto rsa = [](const std::string &modulus) {
    return Encoder().string("ssh-rsa").string("\1\0\1").string(modulus).take();
  };
  CHECK(failure(rsa(std::string(127, 'x'))) ==
        "an RSA key of 1015 bits; 1024 to 16384 are accepted");
  CHECK(failure(rsa(std::string(3000, 'x'))) ==
        "an RSA key of 23999 bits; 1024 to 16384 are accepted");
  CHECK(failure(rsa("\x80" + std::string(200, 'x'))) == "malformed ssh-rsa public key");
  CHECK(failure(std::string(20'000, 'x')) == "a public key of more than 10240 bytes");
}

TEST_CASE("public key: a line that claims another type than its blob is refused", "[keys]") {
  std::string line = fixture("ed25519.pub");
  line.replace(0, line.find(' '), "ssh-rsa");
  CHECK(parse_public_key_file(line).error().message ==
        "the line says 'ssh-rsa', the key in it is ssh-ed25519");
}

TEST_CASE("public key: files of public keys are told from files of private keys", "[keys]") {
  CHECK(is_public_key_file(fixture("ed25519.pub")));
  CHECK(is_public_key_file(fixture("rsa2048-cert.pub")));
  CHECK_FALSE(is_public_key_file(fixture("ed25519")));
  CHECK_FALSE(is_public_key_file(fixture("pem-rsa2048")));
  CHECK_FALSE(is_public_key_file(""));
}
