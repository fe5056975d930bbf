#include <functional>

#include <catch2/catch_test_macros.hpp>

#include "fanout/wire/codec.hpp"
#include "fixtures.hpp"
#include "keys/policy.hpp"

using namespace fanout::keys;
using fanout::core::ErrorKind;
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

Policy alices() { return {"alice", {key("ed25519"), key("rsa2048"), key("rsa2048-cert")}}; }

std::string refusal(const Request &request, const std::string &sign_with = key("ed25519").blob) {
  Policy policy = alices();
  const auto permitted = policy.permit(sign_with, request.bytes());
  if (permitted) return "permitted";
  CHECK(permitted.error().kind == ErrorKind::protocol);
  return permitted.error().message;
}

std::string refusal_if(const std::function<void(Request &)> &change) {
  Request request;
  change(request);
  return refusal(request);
}

}  // namespace

TEST_CASE("policy: a login request of the slot's user with the slot's key is permitted", "[keys]") {
  Policy policy = alices();
  const auto permitted = policy.permit(key("ed25519").blob, Request{}.bytes());
  REQUIRE(permitted);
  CHECK(permitted->key == 0);
  CHECK(permitted->algorithm == "ssh-ed25519");
}

TEST_CASE("policy: every length of a session identifier that SSH has is permitted", "[keys]") {
  for (const std::size_t size : {20U, 32U, 48U, 64U})
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
    const auto permitted = policy.permit(request.blob, request.bytes());
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
  const auto permitted = policy.permit(request.blob, request.bytes());
  REQUIRE_FALSE(permitted);
  CHECK(permitted.error().kind == ErrorKind::auth);
  CHECK(permitted.error().message ==
        "refused: the server takes RSA signatures with SHA-1 only, which are not made");
}

TEST_CASE("policy: another user is refused and both are named", "[keys]") {
  CHECK(refusal_if([](Request &request) { request.user = "root"; }) ==
        "refused: request is for user 'root', this slot is for 'alice'");
  CHECK(refusal_if([](Request &request) { request.user = "alice\x1b[2J"; }) ==
        "refused: request is for user 'alice\\x1b[2J', this slot is for 'alice'");
  CHECK(refusal_if([](Request &request) { request.user = std::string("alice\0", 6); }) !=
        "permitted");
  CHECK(refusal_if([](Request &request) { request.user = ""; }) != "permitted");
}

TEST_CASE("policy: another service, method, message type or flag is refused", "[keys]") {
  CHECK(refusal_if([](Request &request) { request.service = "ssh-userauth"; }) ==
        "refused: request is for service 'ssh-userauth'");
  CHECK(refusal_if([](Request &request) { request.method = "hostbased"; }) ==
        "refused: request is for method 'hostbased'");
  CHECK(refusal_if([](Request &request) { request.message = 80; }) ==
        "refused: the bytes to sign are a message of type 80, not a login request");
  CHECK(refusal_if([](Request &request) { request.flag = 0; }) ==
        "refused: request says that it has no signature");
  CHECK(refusal_if([](Request &request) { request.flag = 2; }) ==
        "refused: request says that it has no signature");
}

TEST_CASE("policy: a key that is not the slot's is refused, wherever it is named", "[keys]") {
  Request request;
  CHECK(refusal(request, key("ecdsa256").blob) == "refused: the key is not one of this slot's");
  CHECK(refusal(request, "") == "refused: the key is not one of this slot's");
  request.blob = key("ecdsa256").blob;
  CHECK(refusal(request) == "refused: request is for another key than the one to sign with");
  request.blob = key("rsa2048").blob;
  CHECK(refusal(request) == "refused: request is for another key than the one to sign with");
}

TEST_CASE("policy: an algorithm that does not fit the key is refused", "[keys]") {
  CHECK(refusal_if([](Request &request) { request.algorithm = "rsa-sha2-512"; }) ==
        "refused: algorithm 'rsa-sha2-512' does not fit a key of type ssh-ed25519");
}

TEST_CASE("policy: arbitrary bytes, bytes left over and bytes missing are refused", "[keys]") {
  const std::string malformed = "refused: the bytes to sign are not a login request";
  CHECK(refusal_if([](Request &request) { request.behind = std::string(1, '\0'); }) == malformed);
  CHECK(refusal_if([](Request &request) { request.session_id.assign(19, 'h'); }) == malformed);
  CHECK(refusal_if([](Request &request) { request.session_id.assign(65, 'h'); }) == malformed);
  Policy policy = alices();
  const std::string blob = key("ed25519").blob;
  CHECK(policy.permit(blob, "").error().message == malformed);
  CHECK(policy.permit(blob, std::string(5000, '\xff')).error().message == malformed);
  // An SSHSIG file signature (PROTOCOL.sshsig of OpenSSH), which would be good for other things than a login.
  CHECK(policy
            .permit(blob, Encoder()
                              .raw("SSHSIG")
                              .string("git")
                              .string("")
                              .string("sha512")
                              .string(std::string(64, 'h'))
                              .take())
            .error()
            .message == malformed);
  const std::string good = Request{}.bytes();
  for (std::size_t size = 0; size < good.size(); ++size)
    REQUIRE_FALSE(policy.permit(blob, good.substr(0, size)));
}

TEST_CASE("policy: a key signs twice for a slot, and no more", "[keys]") {
  Policy policy = alices();
  const Request request;
  CHECK(policy.permit(request.blob, request.bytes()));
  CHECK(policy.permit(request.blob, request.bytes()));
  const auto third = policy.permit(request.blob, request.bytes());
  REQUIRE_FALSE(third);
  CHECK(third.error().kind == ErrorKind::protocol);
  CHECK(third.error().message == "refused: this key has signed 2 times for this slot");

  Request other;
  other.algorithm = "rsa-sha2-256";
  other.blob = key("rsa2048").blob;
  CHECK(policy.permit(other.blob, other.bytes()));
}

TEST_CASE("policy: refusals do not use up signatures", "[keys]") {
  Policy policy = alices();
  Request wrong;
  wrong.user = "root";
  const Request good;
  for (int i = 0; i < 5; ++i) CHECK_FALSE(policy.permit(wrong.blob, wrong.bytes()));
  CHECK(policy.permit(good.blob, good.bytes()));
}
