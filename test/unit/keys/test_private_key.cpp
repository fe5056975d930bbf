#include <catch2/catch_test_macros.hpp>

#include "fixtures.hpp"
#include "keys/private_key.hpp"
#include "verify.hpp"

using fanout::core::ErrorKind;
using fanout::keys::inspect_key_file;
using fanout::keys::parse_public_key_file;
using fanout::keys::PrivateKey;

namespace {

const std::string message = "these bytes are signed";

std::string failure(const std::string &name, std::string_view passphrase = {}) {
  const auto key = PrivateKey::parse(fixture(name), passphrase);
  return key ? "no failure" : key.error().message;
}

struct Case {
  const char *file;
  const char *algorithm;
  const char *public_file;  // nullptr when the fixture has none
};

const Case plain_files[] = {
    {"ed25519", "ssh-ed25519", "ed25519.pub"},
    {"ecdsa256", "ecdsa-sha2-nistp256", "ecdsa256.pub"},
    {"ecdsa384", "ecdsa-sha2-nistp384", "ecdsa384.pub"},
    {"ecdsa521", "ecdsa-sha2-nistp521", "ecdsa521.pub"},
    {"rsa2048", "rsa-sha2-256", "rsa2048.pub"},
    {"rsa2048", "rsa-sha2-512", "rsa2048.pub"},
    {"rsa1024", "rsa-sha2-512", nullptr},
    {"pem-rsa2048", "rsa-sha2-512", "rsa2048.pub"},
    {"pem-ecdsa256", "ecdsa-sha2-nistp256", "ecdsa256.pub"},
    {"pem-ecdsa384", "ecdsa-sha2-nistp384", "ecdsa384.pub"},
    {"pem-ecdsa521", "ecdsa-sha2-nistp521", "ecdsa521.pub"},
    {"pkcs8-rsa2048", "rsa-sha2-256", "rsa2048.pub"},
    {"pkcs8-ecdsa256", "ecdsa-sha2-nistp256", "ecdsa256.pub"},
    {"pkcs8-ecdsa384", "ecdsa-sha2-nistp384", "ecdsa384.pub"},
    {"pkcs8-ecdsa521", "ecdsa-sha2-nistp521", "ecdsa521.pub"},
    {"pkcs8-ed25519", "ssh-ed25519", nullptr},
};

const Case encrypted_files[] = {
    {"encrypted-aes256-ctr", "ssh-ed25519", nullptr},
    {"encrypted-aes192-ctr", "ssh-ed25519", nullptr},
    {"encrypted-aes128-ctr", "ssh-ed25519", nullptr},
    {"encrypted-aes256-cbc", "ssh-ed25519", nullptr},
    {"encrypted-aes256-gcm", "ssh-ed25519", nullptr},
    {"encrypted-aes128-gcm", "ssh-ed25519", nullptr},
    {"encrypted-5-rounds", "ssh-ed25519", nullptr},
    {"encrypted-16-rounds", "ssh-ed25519", nullptr},
    {"encrypted-rsa", "rsa-sha2-512", nullptr},
    {"encrypted-ecdsa521", "ecdsa-sha2-nistp521", nullptr},
    {"pem-encrypted-rsa", "rsa-sha2-512", "rsa2048.pub"},
    {"pem-encrypted-ecdsa", "ecdsa-sha2-nistp256", "ecdsa256.pub"},
    {"pkcs8-encrypted-rsa", "rsa-sha2-256", "rsa2048.pub"},
    {"pkcs8-encrypted-ecdsa384", "ecdsa-sha2-nistp384", "ecdsa384.pub"},
    {"pkcs8-encrypted-ed25519", "ssh-ed25519", nullptr},
};

void check_signs(const Case &each, std::string_view passphrase) {
  INFO(each.file);
  const auto key = PrivateKey::parse(fixture(each.file), passphrase);
  REQUIRE(key);
  if (each.public_file != nullptr)
    CHECK(key->public_key().blob == parse_public_key_file(fixture(each.public_file)).value().blob);
  const auto signature = key->sign(each.algorithm, message);
  REQUIRE(signature);
  CHECK(verifies(key->public_key().blob, each.algorithm, message, *signature));
  CHECK_FALSE(verifies(key->public_key().blob, each.algorithm, message + "!", *signature));
}

}  // namespace

TEST_CASE("private key: every format and type signs what its public key verifies", "[keys]") {
  for (const Case &each : plain_files) check_signs(each, {});
}

TEST_CASE("private key: every cipher opens with the passphrase", "[keys]") {
  for (const Case &each : encrypted_files) check_signs(each, fixture_passphrase);
}

TEST_CASE("private key: a wrong passphrase is called that, in every format", "[keys]") {
  for (const Case &each : encrypted_files) {
    INFO(each.file);
    const auto key = PrivateKey::parse(fixture(each.file), "wrong horse");
    REQUIRE_FALSE(key);
    CHECK(key.error().kind == ErrorKind::auth);
    CHECK(key.error().message == "wrong passphrase");
  }
}

TEST_CASE("private key: an encrypted file without a passphrase says so and asks nobody", "[keys]") {
  for (const Case &each : encrypted_files) {
    INFO(each.file);
    CHECK(failure(each.file) == "encrypted, and no passphrase was given");
    CHECK(inspect_key_file(fixture(each.file)).value().encrypted);
  }
  for (const Case &each : plain_files)
    CHECK_FALSE(inspect_key_file(fixture(each.file)).value().encrypted);
}

TEST_CASE("private key: an Ed25519 signature is 64 bytes, an RSA signature as long as its modulus",
          "[keys]") {
  CHECK(PrivateKey::parse(fixture("ed25519")).value().sign("ssh-ed25519", message).value().size() ==
        64);
  CHECK(
      PrivateKey::parse(fixture("rsa2048")).value().sign("rsa-sha2-512", message).value().size() ==
      256);
}

TEST_CASE("private key: the numbers of an ECDSA signature are positive and minimal", "[keys]") {
  const auto key = PrivateKey::parse(fixture("ecdsa256"));
  REQUIRE(key);
  // The top bit of a number is set in half of all signatures, its top byte zero in one of 256.
  for (int i = 0; i < 300; ++i) {
    const std::string signature = key->sign("ecdsa-sha2-nistp256", message).value();
    fanout::wire::Decoder fields(signature);
    for (int part = 0; part < 2; ++part) {
      const std::string_view number = fields.string();
      REQUIRE_FALSE(number.empty());
      REQUIRE(static_cast<signed char>(number[0]) >= 0);
      if (number[0] == '\0') REQUIRE(static_cast<signed char>(number[1]) < 0);
    }
    REQUIRE(fields.finished());
    REQUIRE(verifies(key->public_key().blob, "ecdsa-sha2-nistp256", message, signature));
  }
}

TEST_CASE("private key: it does not sign with another type's algorithm, nor with SHA-1", "[keys]") {
  const auto rsa = PrivateKey::parse(fixture("rsa2048"));
  REQUIRE(rsa);
  CHECK_FALSE(rsa->sign("ssh-rsa", message));
  CHECK_FALSE(rsa->sign("ssh-ed25519", message));
  CHECK_FALSE(rsa->sign("rsa-sha2-999", message));
  CHECK_FALSE(PrivateKey::parse(fixture("ecdsa256")).value().sign("ecdsa-sha2-nistp384", message));
}

TEST_CASE("private key: DSA is refused by name in both formats", "[keys]") {
  const std::string text = "a DSA key: it is too weak, and servers do not accept it any more";
  CHECK(failure("dsa") == text);
  CHECK(failure("pem-dsa") == text);
}

TEST_CASE(
    "private key: RSA below 1024 bits, foreign curves and key types are refused with the reason",
    "[keys]") {
  CHECK(failure("pem-rsa512") == "an RSA key of 512 bits; 1024 to 16384 are accepted");
  CHECK(failure("pem-secp256k1") == "an EC key on the curve 'secp256k1', which SSH does not have");
  CHECK(failure("pkcs8-x25519") == "a key of a type that SSH does not have");
}

TEST_CASE("private key: ciphers that are not supported are named", "[keys]") {
  CHECK(failure("encrypted-chacha20-poly1305", fixture_passphrase) ==
        "encrypted with 'chacha20-poly1305@openssh.com', which is not supported");
  CHECK(failure("encrypted-3des-cbc", fixture_passphrase) ==
        "encrypted with '3des-cbc', which is not supported");
}

TEST_CASE("private key: what is no key is said to be none", "[keys]") {
  CHECK(failure("README.md") == "not a private key in a known format");
  CHECK_FALSE(inspect_key_file("").has_value());
  CHECK_FALSE(inspect_key_file("-----BEGIN CERTIFICATE-----\n").has_value());
}
