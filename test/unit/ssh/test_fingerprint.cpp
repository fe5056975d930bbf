#include <catch2/catch_test_macros.hpp>

#include "fanout/ssh/fingerprint.hpp"
#include "sample_keys.hpp"

namespace fanout::ssh {

namespace {

std::string refusal(const std::string &blob) {
  const auto type = check_key_blob(blob);
  return type ? "accepted" : type.error().message;
}

}  // namespace

TEST_CASE("fingerprint: type and fingerprint are those that ssh-keygen -l prints", "[ssh]") {
  const auto describe = [](std::string_view text) {
    return describe_key(sample::decoded(text)).value();
  };
  CHECK(describe(sample::ed25519_text) == "ED25519 " + std::string(sample::ed25519_fingerprint));
  CHECK(describe(sample::ecdsa256_text) == "ECDSA " + std::string(sample::ecdsa256_fingerprint));
  CHECK(describe(sample::ecdsa384_text) == "ECDSA " + std::string(sample::ecdsa384_fingerprint));
  CHECK(describe(sample::ecdsa521_text) == "ECDSA " + std::string(sample::ecdsa521_fingerprint));
  CHECK(describe(sample::rsa2048_text) == "RSA " + std::string(sample::rsa2048_fingerprint));
}

TEST_CASE("fingerprint: whole keys are accepted with their type", "[ssh]") {
  CHECK(check_key_blob(sample::decoded(sample::ed25519_text)) == "ssh-ed25519");
  CHECK(check_key_blob(sample::decoded(sample::ecdsa256_text)) == "ecdsa-sha2-nistp256");
  CHECK(check_key_blob(sample::decoded(sample::ecdsa384_text)) == "ecdsa-sha2-nistp384");
  CHECK(check_key_blob(sample::decoded(sample::ecdsa521_text)) == "ecdsa-sha2-nistp521");
  CHECK(check_key_blob(sample::decoded(sample::rsa2048_text)) == "ssh-rsa");
  CHECK(check_key_blob(sample::field("sk-ssh-ed25519@openssh.com") + "anything") ==
        "sk-ssh-ed25519@openssh.com");
}

TEST_CASE("fingerprint: every cut of a key, and every key with a byte more, is malformed",
          "[ssh]") {
  for (const std::string_view text :
       {sample::ed25519_text, sample::ecdsa256_text, sample::ecdsa521_text, sample::rsa2048_text}) {
    const std::string blob = sample::decoded(text);
    for (std::size_t length = 0; length < blob.size(); ++length)
      CHECK_FALSE(check_key_blob(blob.substr(0, length)));
    CHECK_FALSE(check_key_blob(blob + '\0'));
  }
}

TEST_CASE("fingerprint: a key has one spelling, so a revoked one cannot be spelled differently",
          "[ssh]") {
  using sample::field;
  const std::string modulus = '\0' + std::string(256, '\x81');
  const std::string exponent("\1\0\1", 3);
  CHECK(refusal(field("ssh-rsa") + field(exponent) + field(modulus)) == "accepted");
  CHECK(refusal(field("ssh-rsa") + field('\0' + exponent) + field(modulus)) == "malformed RSA key");
  CHECK(refusal(field("ssh-rsa") + field(exponent) + field('\0' + modulus)) == "malformed RSA key");
  CHECK(refusal(field("ssh-rsa") + field(exponent) + field(modulus.substr(1))) ==
        "malformed RSA key");
  CHECK(refusal(field("ssh-rsa") + field("") + field(modulus)) == "malformed RSA key");
}

TEST_CASE("fingerprint: RSA keys need 1,024 bits", "[ssh]") {
  using sample::field;
  const auto rsa = [](std::size_t bytes) {
    return field("ssh-rsa") + field("\3") + field(std::string(bytes, '\x7f'));
  };
  CHECK(refusal(rsa(129)) == "accepted");
  CHECK(refusal(rsa(128)) == "an RSA key of 1023 bits is too short");
}

TEST_CASE("fingerprint: an ECDSA key names its own curve and has an uncompressed point", "[ssh]") {
  std::string blob = sample::decoded(sample::ecdsa256_text);
  blob.replace(blob.find("nistp256", 20), 8, "nistp384");
  CHECK(refusal(blob) == "malformed ECDSA key");
  blob = sample::decoded(sample::ecdsa256_text);
  blob[blob.size() - 65] = 2;
  CHECK(refusal(blob) == "malformed ECDSA key");
}

TEST_CASE("fingerprint: more than 16 KiB is no key", "[ssh]") {
  const std::string head = sample::field("x@example.com");
  CHECK(refusal(head + std::string(max_key_blob_bytes - head.size(), 'x')) == "accepted");
  CHECK(refusal(head + std::string(max_key_blob_bytes - head.size() + 1, 'x')) ==
        "a key of 16385 bytes is too long");
}

TEST_CASE("fingerprint: a length that points past the end is not followed", "[ssh]") {
  CHECK_FALSE(
      key_type(std::string("\xff\xff\xff\xff"
                           "abc",
                           7)));
  CHECK_FALSE(key_type(std::string("\0\0\0", 3)));
  CHECK(key_type(std::string("\0\0\0\0", 4)) == "");
}

TEST_CASE("fingerprint: a type name that a server made up is never shown", "[ssh]") {
  const std::string blob = sample::field("\x1b[2Jfine") + "x";
  CHECK(refusal(blob) == "malformed key");
  CHECK(describe_key(blob)->starts_with("unknown type SHA256:"));
  CHECK(describe_key("")->starts_with("unknown type SHA256:"));
  CHECK_FALSE(check_key_blob(sample::field("a,b") + "x"));
  CHECK_FALSE(check_key_blob(sample::field("") + "x"));
  CHECK_FALSE(check_key_blob(sample::field(std::string(65, 'a'))));
}

}  // namespace fanout::ssh
