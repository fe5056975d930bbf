#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "fanout/files/sha256.hpp"
#include "report/comparison.hpp"
#include "report/identity.hpp"

using namespace fanout;
using core::HostIndex;
using core::Status;
using report::Comparison;
using report::Identities;
using report::Printed;
using report::Reference;
using report::Spill;
using Hosts = std::vector<HostIndex>;

namespace {

core::Outcome ended(Status status, core::RemoteEnd end = core::RemoteEnd::exited) {
  core::Outcome outcome;
  outcome.status = status;
  outcome.remote_end = end;
  return outcome;
}

std::string sha256(std::string_view bytes) {
  files::Sha256 hash;
  hash.add(bytes);
  return hash.finish();
}

// What hosts print, and their ends.
class Hall {
public:
  explicit Hall(core::Masking masking = {}, std::optional<Reference> reference = std::nullopt)
      : identities_(masking, reference), comparison_(identities_, reference) {}

  void end(HostIndex index, std::string_view out, std::string_view err = {},
           const core::Outcome &outcome = ended(Status::ok)) {
    core::Host host;
    host.name = "web" + std::to_string(index);
    host.address = host.name;
    Printed printed(spill_);
    REQUIRE(printed.out.text.append(out));
    REQUIRE(printed.err.text.append(err));
    printed.out.sha256 = sha256(out);
    printed.err.sha256 = sha256(err);
    REQUIRE(comparison_.add(host, index, outcome, printed));
  }

  [[nodiscard]] Comparison::Verdict verdict() const { return comparison_.verdict(); }

private:
  Spill spill_;
  Identities identities_;
  Comparison comparison_;
};

Reference host_to_compare(HostIndex host) { return {"web" + std::to_string(host), host, {}}; }
Reference file_to_compare(std::string text) {
  return {"expected.txt", std::nullopt, std::move(text)};
}

}  // namespace

TEST_CASE("compare: nobody, one host, and hosts that print the same do not differ", "[report]") {
  Hall hall;
  CHECK_FALSE(hall.verdict().differ());
  hall.end(0, "a\n", "warning\n");
  CHECK_FALSE(hall.verdict().differ());
  hall.end(1, "a\n", "warning\n");
  CHECK_FALSE(hall.verdict().differ());
  CHECK(hall.verdict().same == Hosts{0, 1});
}

TEST_CASE("compare: outliers are grouped, the largest group first, with the stream that differs",
          "[report]") {
  Hall hall;
  hall.end(5, "b\n");
  hall.end(2, "a\n");
  hall.end(1, "a\n");
  hall.end(0, "a\n");
  hall.end(4, "a\n", "warning\n");
  hall.end(3, "b\n");
  hall.end(6, "", "warning\n");
  const auto verdict = hall.verdict();
  CHECK(verdict.differ());
  CHECK(verdict.same == Hosts{0, 1, 2});
  REQUIRE(verdict.outliers.size() == 3);
  CHECK(verdict.outliers[0].hosts == Hosts{3, 5});
  CHECK(verdict.outliers[0].out_differs);
  CHECK_FALSE(verdict.outliers[0].err_differs);
  CHECK(verdict.outliers[1].hosts == Hosts{4});
  CHECK_FALSE(verdict.outliers[1].out_differs);
  CHECK(verdict.outliers[1].err_differs);
  CHECK(verdict.outliers[2].hosts == Hosts{6});
  CHECK(verdict.outliers[2].out_differs);
  CHECK(verdict.outliers[2].err_differs);
}

TEST_CASE("compare: of two groups that are as large the one of the first host is the reference",
          "[report]") {
  Hall hall;
  hall.end(1, "b\n");
  hall.end(0, "a\n");
  CHECK(hall.verdict().same == Hosts{0});
}

TEST_CASE("compare: a command that failed counts, one that was stopped does not", "[report]") {
  Hall hall;
  hall.end(0, "a\n");
  hall.end(1, "a", {}, ended(Status::timeout, core::RemoteEnd::killed));
  hall.end(2, "", {}, ended(Status::unreachable, core::RemoteEnd::none));
  hall.end(3, "", {}, ended(Status::failed, core::RemoteEnd::unknown));
  CHECK_FALSE(hall.verdict().differ());
  hall.end(4, "", {}, ended(Status::failed));
  CHECK(hall.verdict().differ());
}

TEST_CASE("compare: what is masked does not count", "[report]") {
  Hall plain;
  plain.end(0, "I am web0\n");
  plain.end(1, "I am web1\n");
  CHECK(plain.verdict().differ());
  Hall masked({true, false, false});
  masked.end(0, "I am web0\n");
  masked.end(1, "I am web1\n");
  CHECK_FALSE(masked.verdict().differ());
  masked.end(2, "I am web1\n");
  CHECK(masked.verdict().differ());
}

TEST_CASE("compare: with a host, not with the largest group", "[report]") {
  Hall hall({}, host_to_compare(2));
  hall.end(0, "a\n");
  hall.end(1, "a\n");
  hall.end(2, "b\n");
  const auto verdict = hall.verdict();
  CHECK(verdict.same == Hosts{2});
  REQUIRE(verdict.outliers.size() == 1);
  CHECK(verdict.outliers[0].hosts == Hosts{0, 1});
  CHECK_FALSE(verdict.reference_is_missing);
}

TEST_CASE("compare: with a host that was not reached it is the largest group, and said",
          "[report]") {
  Hall hall({}, host_to_compare(2));
  hall.end(0, "a\n");
  hall.end(1, "a\n");
  hall.end(2, "", {}, ended(Status::unreachable, core::RemoteEnd::none));
  const auto verdict = hall.verdict();
  CHECK(verdict.reference_is_missing);
  CHECK(verdict.same == Hosts{0, 1});
  CHECK_FALSE(verdict.differ());
}

TEST_CASE("compare: with a file it is stdout that counts", "[report]") {
  Hall hall({}, file_to_compare("a\n"));
  hall.end(0, "a\n", "warning\n");
  hall.end(1, "a\n");
  CHECK_FALSE(hall.verdict().differ());
  hall.end(2, "b\n");
  hall.end(3, "b\n", "warning\n");
  const auto verdict = hall.verdict();
  CHECK(verdict.same == Hosts{0, 1});
  REQUIRE(verdict.outliers.size() == 1);
  CHECK(verdict.outliers[0].hosts == Hosts{2, 3});

  Hall all_differ({}, file_to_compare("c\n"));
  all_differ.end(0, "a\n");
  CHECK(all_differ.verdict().differ());
  CHECK(all_differ.verdict().same.empty());

  Hall empty({}, file_to_compare(""));
  empty.end(0, "");
  CHECK_FALSE(empty.verdict().differ());
}

TEST_CASE("compare: a file may hold what masks leave", "[report]") {
  Hall hall({true, false, true}, file_to_compare("{host}: 7 of 8\n"));
  hall.end(0, "web0: 1 of 2\n");
  hall.end(1, "web1: 30 of 400\n");
  CHECK_FALSE(hall.verdict().differ());
}

TEST_CASE("compare: bytes that were not kept count, with masks too", "[report]") {
  Spill spill;
  core::Host host;
  host.name = "web1";
  const auto identity = [&](std::string_view kept, std::string_view all, core::Masking masking) {
    Printed printed(spill);
    REQUIRE(printed.out.text.append(kept));
    printed.out.missing_bytes = all.size() - kept.size();
    printed.out.sha256 = sha256(all);
    Identities identities(masking, std::nullopt);
    const auto result = identities.of(printed.out, host);
    REQUIRE(result);
    return std::string(*result);
  };
  for (const core::Masking masking : {core::Masking{}, core::Masking{true, true, true}}) {
    CHECK(identity("abc", "abcd", masking) != identity("abc", "abce", masking));
    CHECK(identity("abc", "abcd", masking) == identity("abc", "abcd", masking));
    CHECK(identity("abc", "abcd", masking) != identity("abc", "abc", masking));
  }
}

TEST_CASE("compare: a host that prints the name of another one differs", "[report]") {
  Hall hall({true, false, false});
  hall.end(0, "I am web0\n");
  hall.end(1, "I am web1\n");
  hall.end(2, "I am web1\n");
  const auto verdict = hall.verdict();
  REQUIRE(verdict.outliers.size() == 1);
  CHECK(verdict.outliers[0].hosts == Hosts{2});
}

TEST_CASE("compare: where they were cut does not make outputs different", "[report]") {
  Spill spill;
  Identities identities({false, false, true}, std::nullopt);
  core::Host host;
  const std::string all = "1 2 3\n";
  const auto identity = [&](std::size_t kept) {
    Printed printed(spill);
    REQUIRE(printed.out.text.append(all.substr(0, kept)));
    printed.out.missing_bytes = all.size() - kept;
    printed.out.sha256 = sha256(all);
    const auto result = identities.of(printed.out, host);
    REQUIRE(result);
    return std::string(*result);
  };
  CHECK(identity(2) == identity(4));
}

TEST_CASE("compare: an output of which the hash is not known equals no other", "[report]") {
  Spill spill;
  const auto identity = [&](const std::string &name) {
    core::Host host;
    host.name = name;
    Printed printed(spill);
    REQUIRE(printed.out.text.append("abc"));
    printed.out.missing_bytes = 1;
    Identities identities({}, std::nullopt);
    const auto result = identities.of(printed.out, host);
    REQUIRE(result);
    return std::string(*result);
  };
  CHECK(identity("web1") != identity("web2"));
}
