#include <functional>

#include <catch2/catch_test_macros.hpp>

#include "fanout/wire/codec.hpp"
#include "fixtures.hpp"
#include "keys/policy.hpp"

using namespace fanout::keys;
using fanout::core::ErrorKind;
using fanout::core::fail;
using fanout::core::HostKeyProof;
using fanout::core::Result;
using fanout::wire::Encoder;

namespace {

PublicKey key(const std::string &name) {
  return parse_public_key_file(fixture(name + ".pub")).value();
}

// A login request as it ought to be; each case changes one thing.
struct Request {
  std::string session_id = std::string(32, 'h');
  std::uint8_t message = 50;
  std::string user = "alice";
  std::string service = "ssh-connection";
  std::string method = "publickey";
  std::uint8_t flag = 1;
  std::string algorithm = "ssh-ed25519";
  std::string blob = key("ed25519").blob;
  std::string behind;

  [[nodiscard]] std::string bytes() const {
    return Encoder()
        .string(session_id)
        .byte(message)
        .string(user)
        .string(service)
        .string(method)
        .byte(flag)
        .string(algorithm)
        .string(blob)
        .raw(behind)
        .take();
  }
};

// Signatures of these tests are words: "KEY signs DATA".
Result<bool> verify_words(const HostKeyProof &proof, std::string_view session_id) {
  if (proof.signature == "sha1")
    return fail(ErrorKind::protocol, "a signature of algorithm 'ssh-rsa'");
  if (proof.host_key == "short key") return fail(ErrorKind::auth, "host key: too short");
  return proof.signature == proof.host_key + " signs " + std::string(session_id);
}

HostKeyProof proof_of(const std::string &session_id, const std::string &host_key = "host key") {
  return {host_key, host_key + " signs " + session_id, "exchange"};
}

const HostKeyProof good_proof = proof_of(std::string(32, 'h'));

Policy alices() {
  Policy policy("alice", {key("ed25519"), key("rsa2048"), key("rsa2048-cert")}, verify_words);
  CHECK(policy.accept_host_key("host key"));
  return policy;
}

std::string refusal(const Request &request, const std::string &sign_with,
                    const HostKeyProof &proof) {
  Policy policy = alices();
  const auto permitted = policy.permit(sign_with, request.bytes(), proof);
  if (permitted) return "permitted";
  CHECK(permitted.error().kind == ErrorKind::protocol);
  return permitted.error().message;
}

std::string refusal(const Request &request, const std::string &sign_with = key("ed25519").blob) {
  return refusal(request, sign_with, proof_of(request.session_id));
}

std::string refusal_if(const std::function<void(Request &)> &change) {
  Request request;
  change(request);
  return refusal(request);
}

}  // namespace

TEST_CASE("policy: a login request of the slot's user with the slot's key is permitted", "[keys]") {
  Policy policy = alices();
  const auto permitted = policy.permit(key("ed25519").blob, Request{}.bytes(), good_proof);
  REQUIRE(permitted);
  CHECK(permitted->key == 0);
  CHECK(permitted->algorithm == "ssh-ed25519");
}

TEST_CASE("policy: every length that a session identifier with a proof has is permitted",
          "[keys]") {
  for (const std::size_t size : {32U, 48U, 64U})
    CHECK(refusal_if([&](Request &request) { request.session_id.assign(size, 'h'); }) ==
          "permitted");
}

TEST_CASE("policy: RSA is permitted with SHA-2, for keys and for certificates", "[keys]") {
  for (const auto &[name, algorithm, signature] :
       {std::tuple{"rsa2048", "rsa-sha2-256", "rsa-sha2-256"},
        {"rsa2048", "rsa-sha2-512", "rsa-sha2-512"},
        {"rsa2048-cert", "rsa-sha2-512-cert-v01@openssh.com", "rsa-sha2-512"}}) {
    Request request;
    request.algorithm = algorithm;
    request.blob = key(name).blob;
    Policy policy = alices();
    const auto permitted = policy.permit(request.blob, request.bytes(), good_proof);
    REQUIRE(permitted);
    CHECK(permitted->algorithm == signature);
    CHECK(policy.keys()[permitted->key].blob == request.blob);
  }
}

TEST_CASE("policy: SHA-1 is refused, as a thing that an honest worker can meet", "[keys]") {
  Request request;
  request.algorithm = "ssh-rsa";
  request.blob = key("rsa2048").blob;
  Policy policy = alices();
  const auto permitted = policy.permit(request.blob, request.bytes(), good_proof);
  REQUIRE_FALSE(permitted);
  CHECK(permitted.error().kind == ErrorKind::auth);
  CHECK(permitted.error().message ==
        "the server takes RSA signatures with SHA-1 only, which are not made");
}

TEST_CASE("policy: another user is refused and both are named", "[keys]") {
  CHECK(refusal_if([](Request &request) { request.user = "root"; }) ==
        "asked as user 'root', its slot is for 'alice'");
  CHECK(refusal_if([](Request &request) { request.user = "alice\x1b[2J"; }) ==
        "asked as user 'alice\\x1b[2J', its slot is for 'alice'");
  CHECK(refusal_if([](Request &request) { request.user = std::string("alice\0", 6); }) !=
        "permitted");
  CHECK(refusal_if([](Request &request) { request.user = ""; }) != "permitted");
}

TEST_CASE("policy: another service, method, message type or flag is refused", "[keys]") {
  CHECK(refusal_if([](Request &request) { request.service = "ssh-userauth"; }) ==
        "asked for the service 'ssh-userauth'");
  CHECK(refusal_if([](Request &request) { request.method = "hostbased"; }) ==
        "asked for the method 'hostbased'");
  CHECK(refusal_if([](Request &request) { request.message = 80; }) ==
        "asked to sign a message of type 80, not a login request");
  CHECK(refusal_if([](Request &request) { request.flag = 0; }) ==
        "asked to sign a request that says it has no signature");
  CHECK(refusal_if([](Request &request) { request.flag = 2; }) ==
        "asked to sign a request that says it has no signature");
}

TEST_CASE("policy: a key that is not the slot's is refused, wherever it is named", "[keys]") {
  Request request;
  CHECK(refusal(request, key("ecdsa256").blob) ==
        "asked for a signature with a key that is not its slot's");
  CHECK(refusal(request, "") == "asked for a signature with a key that is not its slot's");
  request.blob = key("ecdsa256").blob;
  CHECK(refusal(request) == "asked to sign a request for another key");
  request.blob = key("rsa2048").blob;
  CHECK(refusal(request) == "asked to sign a request for another key");
}

TEST_CASE("policy: an algorithm that does not fit the key is refused", "[keys]") {
  CHECK(refusal_if([](Request &request) { request.algorithm = "rsa-sha2-512"; }) ==
        "asked for a signature that does not exist: algorithm 'rsa-sha2-512' does not fit a key of "
        "type ssh-ed25519");
}

TEST_CASE("policy: arbitrary bytes, bytes left over and bytes missing are refused", "[keys]") {
  const std::string malformed = "asked to sign what is no login request";
  CHECK(refusal_if([](Request &request) { request.behind = std::string(1, '\0'); }) == malformed);
  CHECK(refusal_if([](Request &request) { request.session_id.assign(31, 'h'); }) == malformed);
  CHECK(refusal_if([](Request &request) { request.session_id.assign(65, 'h'); }) == malformed);
  CHECK(refusal_if([](Request &request) { request.session_id.assign(20, 'h'); }) == malformed);
  CHECK(refusal_if([](Request &request) { request.session_id.clear(); }) == malformed);
  Policy policy = alices();
  const std::string blob = key("ed25519").blob;
  CHECK(policy.permit(blob, "", good_proof).error().message == malformed);
  CHECK(policy.permit(blob, std::string(5000, '\xff'), good_proof).error().message == malformed);
  // An SSHSIG file signature (PROTOCOL.sshsig of OpenSSH), which would be good for other things than a login.
  CHECK(policy
            .permit(blob,
                    Encoder()
                        .raw("SSHSIG")
                        .string("git")
                        .string("")
                        .string("sha512")
                        .string(std::string(64, 'h'))
                        .take(),
                    good_proof)
            .error()
            .message == malformed);
  const std::string good = Request{}.bytes();
  for (std::size_t size = 0; size < good.size(); ++size)
    REQUIRE_FALSE(policy.permit(blob, good.substr(0, size), good_proof));
}

TEST_CASE("policy: a key signs twice for a slot, and no more", "[keys]") {
  Policy policy = alices();
  const Request request;
  CHECK(policy.permit(request.blob, request.bytes(), good_proof));
  CHECK(policy.permit(request.blob, request.bytes(), good_proof));
  const auto third = policy.permit(request.blob, request.bytes(), good_proof);
  REQUIRE_FALSE(third);
  CHECK(third.error().kind == ErrorKind::protocol);
  CHECK(third.error().message == "asked for more than 2 signatures with one key");

  Request other;
  other.algorithm = "rsa-sha2-256";
  other.blob = key("rsa2048").blob;
  CHECK(policy.permit(other.blob, other.bytes(), good_proof));
}

TEST_CASE("policy: refusals do not use up signatures", "[keys]") {
  Policy policy = alices();
  Request wrong;
  wrong.user = "root";
  const Request good;
  for (int i = 0; i < 5; ++i) CHECK_FALSE(policy.permit(wrong.blob, wrong.bytes(), good_proof));
  CHECK(policy.permit(good.blob, good.bytes(), good_proof));
}

TEST_CASE("policy: nothing is signed before the host key was accepted, which it is once",
          "[keys]") {
  Policy policy("alice", {key("ed25519")}, verify_words);
  const Request request;
  const auto early = policy.permit(request.blob, request.bytes(), good_proof);
  REQUIRE_FALSE(early);
  CHECK(early.error().kind == ErrorKind::protocol);
  CHECK(early.error().message == "asked for a signature before its host key was accepted");
  CHECK_FALSE(policy.has_host_key());
  CHECK(policy.accept_host_key("host key"));
  CHECK(policy.has_host_key());
  CHECK_FALSE(policy.accept_host_key("other key"));
  CHECK(policy.permit(request.blob, request.bytes(), good_proof));
}

TEST_CASE("policy: a session is signed for with proof by the accepted key alone", "[keys]") {
  const Request request;
  const std::string id = request.session_id;
  const auto with = [&](const HostKeyProof &proof) {
    return refusal(request, request.blob, proof);
  };
  CHECK(with(good_proof) == "permitted");
  CHECK(with({}) == "asked for a signature without proof of its session");
  CHECK(with({"host key", "", "exchange"}) == "asked for a signature without proof of its session");
  CHECK(with({"", good_proof.signature, "exchange"}) ==
        "asked for a signature without proof of its session");
  CHECK(with({"host key", good_proof.signature, ""}) ==
        "asked for a signature without proof of its session");
  CHECK(with(proof_of(id, "other key")) ==
        "asked for a signature over a session with another host key");
  CHECK(with({"host key", "other key signs " + id, "exchange"}) ==
        "asked for a signature over another session");
  CHECK(with(proof_of(std::string(32, 'i'))) == "asked for a signature over another session");
  CHECK(with({"host key", "sha1", "exchange"}) ==
        "gave a useless proof of its session: a signature of algorithm 'ssh-rsa'");
}

TEST_CASE("policy: a host key that can prove nothing costs a login and is no attack", "[keys]") {
  Policy policy("alice", {key("ed25519")}, verify_words);
  REQUIRE(policy.accept_host_key("short key"));
  const Request request;
  const auto refused =
      policy.permit(request.blob, request.bytes(), proof_of(request.session_id, "short key"));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorKind::auth);
  CHECK(refused.error().message == "no proof of the session: host key: too short");
}

TEST_CASE("policy: a slot is bound to the session of its first signature", "[keys]") {
  Policy policy = alices();
  Request first;
  Request second;
  second.session_id = std::string(32, 'i');
  first.user = "root";
  CHECK_FALSE(policy.permit(first.blob, first.bytes(), proof_of(first.session_id)));
  // A refusal binds nothing.
  REQUIRE(policy.permit(second.blob, second.bytes(), proof_of(second.session_id)));
  first.user = "alice";
  const auto refused = policy.permit(first.blob, first.bytes(), proof_of(first.session_id));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message == "asked for signatures over two sessions");
  CHECK(policy.permit(second.blob, second.bytes(), proof_of(second.session_id)));
}

TEST_CASE("policy: the session is looked at before what is said in it", "[keys]") {
  Request request;
  request.user = "root";
  request.service = "ssh-userauth";
  CHECK(refusal(request, "", proof_of(std::string(32, 'i'))) ==
        "asked for a signature over another session");
}
