#include <catch2/catch_test_macros.hpp>

#include "fanout/keys/public_key.hpp"
#include "fixtures.hpp"
#include "host_key.hpp"
#include "keys/host_signature.hpp"

using namespace fanout::keys;
using fanout::core::ErrorKind;
using fanout::wire::Encoder;

namespace {

const std::string session_id(32, 's');
const char *const types[] = {"ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384",
                             "ecdsa-sha2-nistp521", "ssh-rsa"};

std::string refusal(const std::string &blob, const std::string &signature) {
  const auto valid = verify_host_signature(blob, signature, session_id);
  if (valid) return *valid ? "valid" : "invalid";
  CHECK(valid.error().kind == ErrorKind::protocol);
  return valid.error().message;
}

}  // namespace

TEST_CASE("host signature: each type of key proves a session, and no other session", "[keys]") {
  for (const char *type : types) {
    INFO(type);
    const HostKey key(type);
    for (const std::size_t size : {32U, 48U, 64U}) {
      const std::string id(size, 's');
      CHECK(verify_host_signature(key.blob(), key.sign(id), id) == true);
      CHECK(verify_host_signature(key.blob(), key.sign(id), id + "s") == false);
      CHECK(verify_host_signature(key.blob(), key.sign(id), "") == false);
    }
  }
}

TEST_CASE("host signature: RSA proves with both hashes of SHA-2 and not with SHA-1", "[keys]") {
  const HostKey key("ssh-rsa");
  CHECK(refusal(key.blob(), key.sign(session_id, "rsa-sha2-256")) == "valid");
  CHECK(refusal(key.blob(), key.sign(session_id, "rsa-sha2-512")) == "valid");
  CHECK(refusal(key.blob(), key.sign(session_id, "ssh-rsa")) ==
        "a signature of algorithm 'ssh-rsa' by a key of type ssh-rsa");
  // A name that does not go with the hash.
  CHECK(refusal(key.blob(), key.sign(session_id, "ssh-rsa", "rsa-sha2-256")) == "invalid");
  CHECK(refusal(key.blob(), key.sign(session_id, "rsa-sha2-256", "rsa-sha2-512")) == "invalid");
}

TEST_CASE("host signature: another key of the same type has not signed", "[keys]") {
  for (const char *type : types) {
    INFO(type);
    CHECK(refusal(HostKey(type).blob(), HostKey(type).sign(session_id)) == "invalid");
  }
}

TEST_CASE("host signature: an algorithm for another type of key is refused", "[keys]") {
  for (const char *type : types)
    for (const char *other : {"ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384",
                              "ecdsa-sha2-nistp521", "rsa-sha2-256", "", "none", "ssh-dss"}) {
      if (other == std::string(type) ||
          (type == std::string("ssh-rsa") && other == std::string("rsa-sha2-256")))
        continue;
      INFO(type << " " << other);
      const HostKey key(type);
      const std::string structure = Encoder().string(other).string(std::string(64, 'x')).take();
      CHECK(refusal(key.blob(), structure).starts_with("a signature of algorithm '"));
    }
}

TEST_CASE("host signature: no changed bit of a signature passes", "[keys]") {
  for (const char *type : types) {
    INFO(type);
    const HostKey key(type);
    const std::string good = key.sign(session_id);
    REQUIRE(refusal(key.blob(), good) == "valid");
    for (std::size_t at = 0; at < good.size(); ++at) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ 1);
      REQUIRE(refusal(key.blob(), bad) != "valid");
    }
    for (std::size_t size = 0; size < good.size(); ++size)
      REQUIRE(refusal(key.blob(), good.substr(0, size)) != "valid");
    CHECK(refusal(key.blob(), good + "x") != "valid");
  }
}

TEST_CASE("host signature: host keys that we do not take prove nothing, which is no attack",
          "[keys]") {
  const auto kind = [](const std::string &blob) {
    const auto valid = verify_host_signature(blob, HostKey("ssh-rsa").sign(session_id), session_id);
    return valid ? static_cast<ErrorKind>(99) : valid.error().kind;
  };
  CHECK(kind(HostKey("ssh-rsa", 768).blob()) == ErrorKind::auth);
  CHECK(kind("") == ErrorKind::auth);
  CHECK(kind("garbage") == ErrorKind::auth);
  CHECK(kind(parse_public_key_file(fixture("ed25519-cert.pub")).value().blob) == ErrorKind::auth);
  // A point that is not on the curve.
  CHECK(verify_host_signature(Encoder()
                                  .string("ecdsa-sha2-nistp256")
                                  .string("nistp256")
                                  .string("\4" + std::string(64, '\1'))
                                  .take(),
                              HostKey("ecdsa-sha2-nistp256").sign(session_id), session_id)
            .error()
            .kind == ErrorKind::auth);
}

TEST_CASE("host signature: RSA keys are taken from 1,024 bits on", "[keys]") {
  const HostKey key("ssh-rsa", 1024);
  CHECK(refusal(key.blob(), key.sign(session_id)) == "valid");
}

TEST_CASE("host signature: numbers of an ECDSA signature that are none are refused", "[keys]") {
  const HostKey key("ecdsa-sha2-nistp256");
  const auto with = [&](const std::string &r, const std::string &s) {
    return refusal(key.blob(), Encoder()
                                   .string("ecdsa-sha2-nistp256")
                                   .string(Encoder().string(r).string(s).take())
                                   .take());
  };
  const std::string one("\1");
  CHECK(with(std::string(1, '\0'), one) == "invalid");
  CHECK(with(one, std::string(1, '\0')) == "invalid");
  CHECK(with(one, one) == "invalid");
  CHECK(with(std::string(67, '\x7f'), one) == "invalid");
  CHECK(with(std::string(68, '\x7f'), one) == "malformed ecdsa-sha2-nistp256 signature");
  CHECK(with("", one) == "malformed ecdsa-sha2-nistp256 signature");
  CHECK(with("\xff", one) == "malformed ecdsa-sha2-nistp256 signature");
}

TEST_CASE("host signature: warming up leaves the answers as they are", "[keys]") {
  warm_host_signatures();
  for (const char *type : types) {
    const HostKey key(type);
    CHECK(refusal(key.blob(), key.sign(session_id)) == "valid");
  }
}

TEST_CASE("host key proof: a session is shown by all that its identifier is the hash of",
          "[keys]") {
  for (const char *type : {"ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa"}) {
    const HostKey host(type);
    for (const EVP_MD *digest : {EVP_sha256(), EVP_sha384(), EVP_sha512()}) {
      const std::string session = host.session(0, digest);
      const fanout::core::HostKeyProof proof{host.blob(), host.sign(session), host.exchange()};
      CHECK(fanout::keys::verify_host_key_proof(proof, session).value());
    }
  }
}

TEST_CASE("host key proof: a key that signs another server's session has not shown it as its own",
          "[keys]") {
  const HostKey evil("ssh-ed25519");
  const HostKey victim("ssh-ed25519");
  const std::string session = victim.session();
  const auto claims = [&](const std::string &exchange) {
    const auto answer =
        fanout::keys::verify_host_key_proof({evil.blob(), evil.sign(session), exchange}, session);
    return answer && *answer;
  };
  CHECK_FALSE(claims(victim.exchange()));
  CHECK_FALSE(claims(evil.exchange()));
  // The victim's, with the key of the other in its place.
  std::string forged = victim.exchange();
  forged.replace(forged.find(victim.blob()), victim.blob().size(), evil.blob());
  CHECK_FALSE(claims(forged));
  CHECK_FALSE(claims(victim.exchange() + evil.exchange()));
}

TEST_CASE("host key proof: what is cut, empty or of another hash proves nothing", "[keys]") {
  const HostKey host("ssh-ed25519");
  const std::string exchange = host.exchange();
  const auto proves = [&](const std::string &text, const std::string &session) {
    const auto answer =
        fanout::keys::verify_host_key_proof({host.blob(), host.sign(session), text}, session);
    return answer && *answer;
  };
  CHECK(proves(exchange, host.session()));
  for (std::size_t size = 0; size < exchange.size(); ++size)
    REQUIRE_FALSE(proves(exchange.substr(0, size), host.session()));
  CHECK_FALSE(proves(exchange + "x", host.session()));
  CHECK_FALSE(proves(exchange, host.session().substr(0, 20)));
  CHECK_FALSE(proves(exchange, host.session() + host.session()));
  CHECK_FALSE(proves(exchange, ""));
}
