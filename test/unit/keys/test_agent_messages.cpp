#include <catch2/catch_test_macros.hpp>

#include "fanout/wire/codec.hpp"
#include "fixtures.hpp"
#include "keys/agent.hpp"

using namespace fanout::keys;
using fanout::core::ErrorKind;
using fanout::wire::Decoder;
using fanout::wire::Encoder;

namespace {

PublicKey key(const std::string &name) {
  return parse_public_key_file(fixture(name + ".pub")).value();
}

}  // namespace

TEST_CASE("agent: the keys that it lists are taken in order, those of unknown types are left out",
          "[keys]") {
  const std::string reply = Encoder()
                                .byte(12)
                                .uint32(3)
                                .string(key("rsa2048").blob)
                                .string("one")
                                .string(Encoder().string("sk-ssh-ed25519@openssh.com").take())
                                .string("two")
                                .string(key("ed25519-cert").blob)
                                .string("three")
                                .take();
  const auto keys = parse_agent_identities(reply);
  REQUIRE(keys);
  REQUIRE(keys->size() == 2);
  CHECK((*keys)[0].comment == "one");
  CHECK((*keys)[1].type == "ssh-ed25519-cert-v01@openssh.com");
  CHECK((*keys)[1].comment == "three");
}

TEST_CASE("agent: an empty list is no failure", "[keys]") {
  CHECK(parse_agent_identities(Encoder().byte(12).uint32(0).take()).value().empty());
}

TEST_CASE("agent: lists that are cut, go on, or claim more than they have are refused", "[keys]") {
  const std::string good =
      Encoder().byte(12).uint32(1).string(key("ed25519").blob).string("c").take();
  REQUIRE(parse_agent_identities(good));
  for (std::size_t size = 0; size < good.size(); ++size)
    REQUIRE_FALSE(parse_agent_identities(good.substr(0, size)));
  CHECK_FALSE(parse_agent_identities(good + "x"));
  CHECK_FALSE(parse_agent_identities(Encoder().byte(12).uint32(0xffffffff).take()));
  CHECK_FALSE(parse_agent_identities(Encoder().byte(14).uint32(0).take()));
  CHECK(parse_agent_identities(Encoder().byte(5).take()).error().message ==
        "it refuses to list its keys");
}

TEST_CASE("agent: the flags of a sign request ask for SHA-2", "[keys]") {
  for (const auto &[algorithm, flags] :
       {std::pair{"rsa-sha2-256", 2U}, {"rsa-sha2-512", 4U}, {"ssh-ed25519", 0U}}) {
    const std::string request = format_agent_sign_request("blob", algorithm, "data");
    Decoder fields(request);
    CHECK(fields.byte() == 13);
    CHECK(fields.string() == "blob");
    CHECK(fields.string() == "data");
    CHECK(fields.uint32() == flags);
    CHECK(fields.finished());
  }
}

TEST_CASE("agent: a session is bound with the server's key and signature, not as forwarded",
          "[keys]") {
  const std::string request = format_agent_session_bind({"session", {"key", "signature"}});
  Decoder fields(request);
  CHECK(fields.byte() == 27);
  CHECK(fields.string() == "session-bind@openssh.com");
  CHECK(fields.string() == "key");
  CHECK(fields.string() == "session");
  CHECK(fields.string() == "signature");
  CHECK(fields.byte() == 0);
  CHECK(fields.finished());
}

TEST_CASE("agent: a signature is unpacked, a refusal is one of login", "[keys]") {
  CHECK(parse_agent_signature(Encoder().byte(14).string("structure").take()) == "structure");
  const auto refused = parse_agent_signature(Encoder().byte(5).take());
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorKind::auth);
  CHECK_FALSE(parse_agent_signature(Encoder().byte(14).string("structure").byte(0).take()));
  CHECK_FALSE(parse_agent_signature(""));
}
