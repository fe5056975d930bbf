#include <catch2/catch_test_macros.hpp>

#include "fanout/wire/codec.hpp"
#include "fixtures.hpp"
#include "keys/signature.hpp"

using namespace fanout::keys;
using fanout::core::ErrorKind;
using fanout::wire::Encoder;

namespace {

PublicKey key(const std::string &name) {
  return parse_public_key_file(fixture(name + ".pub")).value();
}

std::string unwrap(const std::string &structure, std::string_view algorithm,
                   const std::string &name) {
  const auto signature = unwrap_signature(structure, algorithm, key(name));
  return signature ? *signature : signature.error().message;
}

}  // namespace

TEST_CASE("signature: the algorithm of a request gives the algorithm of the signature", "[keys]") {
  CHECK(signature_algorithm("ssh-ed25519", key("ed25519")) == "ssh-ed25519");
  CHECK(signature_algorithm("ecdsa-sha2-nistp521", key("ecdsa521")) == "ecdsa-sha2-nistp521");
  CHECK(signature_algorithm("rsa-sha2-256", key("rsa2048")) == "rsa-sha2-256");
  CHECK(signature_algorithm("rsa-sha2-512", key("rsa2048")) == "rsa-sha2-512");
  CHECK(signature_algorithm("ssh-ed25519-cert-v01@openssh.com", key("ed25519-cert")) ==
        "ssh-ed25519");
  CHECK(signature_algorithm("rsa-sha2-512-cert-v01@openssh.com", key("rsa2048-cert")) ==
        "rsa-sha2-512");
}

TEST_CASE("signature: ssh-rsa, which is SHA-1, is refused for keys and for certificates",
          "[keys]") {
  for (const auto &[algorithm, name] :
       {std::pair{"ssh-rsa", "rsa2048"}, {"ssh-rsa-cert-v01@openssh.com", "rsa2048-cert"}}) {
    const auto refused = signature_algorithm(algorithm, key(name));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind == ErrorKind::auth);
    CHECK(refused.error().message ==
          "the server takes RSA signatures with SHA-1 only, which are not made");
  }
}

TEST_CASE(
    "signature: an algorithm of another type, or of a certificate for a plain key, is refused",
    "[keys]") {
  for (const auto &[algorithm, name] : {std::pair{"ssh-rsa", "ed25519"},
                                        {"rsa-sha2-512", "ed25519"},
                                        {"ssh-ed25519", "rsa2048"},
                                        {"ecdsa-sha2-nistp256", "ecdsa384"},
                                        {"ssh-ed25519-cert-v01@openssh.com", "ed25519"},
                                        {"ssh-ed25519", "ed25519-cert"},
                                        {"rsa-sha2-512", "rsa2048-cert"},
                                        {"rsa-sha2-384", "rsa2048"},
                                        {"", "ed25519"}}) {
    INFO(algorithm << " with " << name);
    const auto refused = signature_algorithm(algorithm, key(name));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind == ErrorKind::protocol);
  }
}

TEST_CASE("signature: the inner part of a structure is handed out", "[keys]") {
  const std::string raw(64, 's');
  CHECK(unwrap(Encoder().string("ssh-ed25519").string(raw).take(), "ssh-ed25519", "ed25519") ==
        raw);
  const std::string numbers = Encoder().string("\1\2").string("\3\4").take();
  CHECK(unwrap(Encoder().string("ecdsa-sha2-nistp256").string(numbers).take(),
               "ecdsa-sha2-nistp256", "ecdsa256") == numbers);
}

TEST_CASE("signature: an RSA signature that lost its leading zeros gets them back", "[keys]") {
  const std::string structure =
      Encoder().string("rsa-sha2-512").string(std::string(254, 's')).take();
  CHECK(unwrap(structure, "rsa-sha2-512", "rsa2048") ==
        std::string(2, '\0') + std::string(254, 's'));
}

TEST_CASE("signature: another algorithm than the one asked for is refused", "[keys]") {
  CHECK(unwrap(Encoder().string("ssh-rsa").string(std::string(256, 's')).take(), "rsa-sha2-512",
               "rsa2048") == "a signature of algorithm 'ssh-rsa' instead of rsa-sha2-512");
}

TEST_CASE("signature: wrong sizes and trailing bytes are refused", "[keys]") {
  const auto wrap = [](const char *algorithm, const std::string &bytes) {
    return Encoder().string(algorithm).string(bytes).take();
  };
  CHECK(unwrap(wrap("ssh-ed25519", std::string(63, 's')), "ssh-ed25519", "ed25519") ==
        "malformed ssh-ed25519 signature");
  CHECK(unwrap(wrap("rsa-sha2-512", std::string(257, 's')), "rsa-sha2-512", "rsa2048") ==
        "malformed rsa-sha2-512 signature");
  CHECK(unwrap(wrap("rsa-sha2-512", ""), "rsa-sha2-512", "rsa2048") ==
        "malformed rsa-sha2-512 signature");
  const std::string malformed = "malformed ecdsa-sha2-nistp256 signature";
  for (const std::string &numbers :
       {Encoder().string("\1").take(), Encoder().string("\1").string("").take(),
        Encoder().string("\x80").string("\1").take(),
        Encoder().string("\1").string("\1").byte(0).take()})
    CHECK(unwrap(wrap("ecdsa-sha2-nistp256", numbers), "ecdsa-sha2-nistp256", "ecdsa256") ==
          malformed);
  CHECK(unwrap(wrap("ssh-ed25519", std::string(64, 's')) + "x", "ssh-ed25519", "ed25519") ==
        "malformed signature");
}
