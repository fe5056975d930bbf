#include <catch2/catch_test_macros.hpp>

#include "fanout/report/reason.hpp"

using namespace fanout::report;
using fanout::core::Host;
using fanout::core::Outcome;
using fanout::core::Phase;
using fanout::core::Status;

namespace {

Outcome ended(Status status, std::string cause = {}) {
  Outcome outcome;
  outcome.status = status;
  outcome.cause = std::move(cause);
  return outcome;
}

std::string general(std::string cause, std::string name, std::string address,
                    std::string peer = {}) {
  Outcome outcome = ended(Status::unreachable, std::move(cause));
  outcome.peer_address = std::move(peer);
  Host host;
  host.name = std::move(name);
  host.address = std::move(address);
  return general_reason(outcome, host);
}

}  // namespace

TEST_CASE("reason: a command says how it ended", "[report]") {
  CHECK(reason(ended(Status::ok)).empty());
  Outcome exited = ended(Status::failed);
  exited.exit_status = 3;
  CHECK(reason(exited) == "exit 3");
  CHECK(describe_end(exited) == "failed, exit 3");
  Outcome killed = ended(Status::failed);
  killed.signal = "KILL";
  CHECK(reason(killed) == "killed by signal KILL");
  CHECK(reason(ended(Status::failed)) == "no exit status from the server");
  CHECK(describe_end(ended(Status::ok)) == "ok");
}

TEST_CASE("reason: a cause is added to the exit status if it says more", "[report]") {
  Outcome outcome = ended(Status::failed, "exited with status 3");
  outcome.exit_status = 3;
  CHECK(reason(outcome) == "exit 3");
  outcome.cause = "sudo asked for a password";
  CHECK(reason(outcome) == "exit 3, sudo asked for a password");
  outcome.exit_status.reset();
  CHECK(reason(outcome) == "sudo asked for a password");
}

TEST_CASE("reason: without a cause it is what was going on", "[report]") {
  Outcome outcome = ended(Status::timeout);
  outcome.phase = Phase::connect;
  CHECK(reason(outcome) == "while connecting");
  CHECK(reason(ended(Status::skipped)) == "never started");
}

TEST_CASE("general reason: names and addresses of the host are replaced", "[report]") {
  CHECK(general("connect 10.0.0.7:22: refused", "web07", "10.0.0.7") ==
        "connect {address}:22: refused");
  CHECK(general("connect [2001:db8::7]:22: refused", "web07", "2001:db8::7") ==
        "connect [{address}]:22: refused");
  CHECK(general("lookup web07: no such name", "web07", "web07.example.com") ==
        "lookup {host}: no such name");
  CHECK(general("lookup web07.example.com: no such name", "web07", "web07.example.com") ==
        "lookup {address}: no such name");
  CHECK(general("connect 10.9.9.9:22: refused", "web07", "web07.lan", "10.9.9.9") ==
        "connect {address}:22: refused");
}

TEST_CASE("general reason: what only contains a name is left alone", "[report]") {
  CHECK(general("connect 10.0.0.12:22", "a", "10.0.0.1") == "connect 10.0.0.12:22");
  CHECK(general("connect 110.0.0.1:22", "a", "10.0.0.1") == "connect 110.0.0.1:22");
  CHECK(general("at web07-b and web07.example.com", "web07", "x") ==
        "at web07-b and web07.example.com");
  CHECK(general("lookup db.web07: none", "web07", "x") == "lookup db.web07: none");
  CHECK(general("a sentence about web07.", "web07", "x") == "a sentence about {host}.");
  CHECK(general("no change", "", "") == "no change");
}

TEST_CASE("general reason: fingerprints of keys are replaced", "[report]") {
  const std::string fingerprint = "SHA256:" + std::string(40, 'a') + "+/9";
  CHECK(general("changed to " + fingerprint + ", refused", "a", "b") ==
        "changed to SHA256:..., refused");
  CHECK(general("SHA256:short", "x", "y") == "SHA256:short");
}

TEST_CASE("phases: only those that took time are told, in their order", "[report]") {
  Outcome outcome;
  CHECK(describe_phases(outcome).empty());
  const auto set = [&](Phase phase, long long microseconds) {
    outcome.phases[static_cast<std::size_t>(phase)] = std::chrono::microseconds(microseconds);
  };
  set(Phase::run, 1'840'000);
  set(Phase::connect, 12'400);
  set(Phase::auth, 300);
  set(Phase::start, 5'000);
  CHECK(describe_phases(outcome) == "connect 12 ms, auth <1 ms, run 1.8 s");
}

TEST_CASE("end in full: the time stands before the reason", "[report]") {
  Outcome outcome = ended(Status::failed);
  outcome.exit_status = 3;
  outcome.elapsed = std::chrono::milliseconds(2500);
  CHECK(describe_end_in_full(outcome) == "failed in 2.5 s: exit 3");
  outcome.phases[static_cast<std::size_t>(Phase::run)] = std::chrono::milliseconds(2400);
  CHECK(describe_end_in_full(outcome) == "failed in 2.5 s (run 2.4 s): exit 3");
  CHECK(describe_end_in_full(ended(Status::ok)) == "ok in 0.0 s");
}
