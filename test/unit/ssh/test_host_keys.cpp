#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include "fanout/ssh/fingerprint.hpp"
#include "fanout/ssh/host_keys.hpp"
#include "sample_keys.hpp"

namespace fanout::ssh {

namespace {

using core::HostKeyPolicy;
using Decision = Verdict::Decision;

const std::string all_algorithms =
    "ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,rsa-sha2-512,rsa-sha2-"
    "256";

HostKeys with(const std::string &text, const std::string &system_text = "") {
  std::vector<KnownHostsFile> files;
  files.emplace_back(KnownHosts("known_hosts", text));
  files.emplace_back(KnownHosts("system", system_text));
  return HostKeys(std::move(files), "");
}

std::string line(const std::string &names, const std::string &blob) {
  return format_known_hosts_line(names, blob) + "\n";
}

// What each policy says: strict, accept-new, off.
struct Row {
  Refusal strict;
  Refusal accept_new;
  Refusal off;
  bool operator==(const Row &) const = default;
};

Row refusals(HostKeys keys, const std::string &blob, std::uint16_t port = 22) {
  const auto ask = [&](HostKeyPolicy policy) {
    const Verdict verdict = keys.check({"web03", port}, policy, blob);
    CHECK(verdict.refused() == (verdict.refusal != Refusal::none));
    CHECK(verdict.refused() != verdict.cause.empty());
    CHECK(verdict.cause.find('\n') == std::string::npos);
    return verdict.refusal;
  };
  return {ask(HostKeyPolicy::strict), ask(HostKeyPolicy::accept_new), ask(HostKeyPolicy::off)};
}

constexpr Row all_accept{Refusal::none, Refusal::none, Refusal::none};

const std::string a = sample::ed25519(1);
const std::string b = sample::ed25519(2);
const std::string rsa = sample::decoded(sample::rsa2048_text);
const std::string ecdsa = sample::decoded(sample::ecdsa256_text);
std::string shown(const std::string &blob) { return describe_key(blob).value(); }

}  // namespace

TEST_CASE("host keys: a known key is accepted under every policy", "[ssh]") {
  CHECK(refusals(with(line("web03", a)), a) == all_accept);
  CHECK(refusals(with("", line("web03", a)), a) == all_accept);
  CHECK(refusals(with(line("web03", b), line("web0?", a)), a) == all_accept);
  CHECK(refusals(with(line("[web03]:2201", a)), a, 2201) == all_accept);
  CHECK(with(line("web03", a)).check({"web03", 22}, HostKeyPolicy::accept_new, a).decision ==
        Decision::accepted);
}

TEST_CASE("host keys: an unknown host is refused by strict, new for accept-new, accepted by off",
          "[ssh]") {
  HostKeys keys = with(line("web04", a));
  const Verdict strict = keys.check({"web03", 22}, HostKeyPolicy::strict, a);
  CHECK(strict.refusal == Refusal::unknown);
  CHECK(strict.cause ==
        "unknown host key " + shown(a) + " of web03; verify it and record it with fanout trust");
  CHECK(strict.line + "\n" == line("web03", a));
  CHECK(strict.error().kind == core::ErrorKind::host_key);
  CHECK(keys.check({"web03", 22}, HostKeyPolicy::accept_new, a).decision == Decision::accepted_new);
  CHECK(keys.check({"web03", 22}, HostKeyPolicy::off, a).decision == Decision::accepted);
}

TEST_CASE("host keys: known on port 22 is not known on another port", "[ssh]") {
  CHECK(refusals(with(line("web03", a)), a, 2201) ==
        Row{Refusal::unknown, Refusal::none, Refusal::none});
  CHECK(refusals(with(line("[web03]:2201", b) + line("web03", a)), a, 2201) ==
        Row{Refusal::changed, Refusal::changed, Refusal::none});
}

TEST_CASE("host keys: a changed key is refused with the old line and both fingerprints", "[ssh]") {
  HostKeys keys = with("# comment\n" + line("web03", rsa) + line("web03", a));
  CHECK(refusals(with(line("web03", a)), b) ==
        Row{Refusal::changed, Refusal::changed, Refusal::none});
  CHECK(keys.check({"Web03", 22}, HostKeyPolicy::strict, b).cause ==
        "host key of web03 has changed: known_hosts:3 has " + shown(a) + ", the server shows " +
            shown(b));
}

TEST_CASE("host keys: a host known by another type of key has changed", "[ssh]") {
  HostKeys keys = with(line("web03", a));
  const Row changed{Refusal::changed, Refusal::changed, Refusal::none};
  CHECK(refusals(with(line("web03", a)), rsa) == changed);
  CHECK(refusals(with(line("*", a)), ecdsa) == changed);
  CHECK(keys.check({"web03", 22}, HostKeyPolicy::accept_new, rsa).cause ==
        "host key of web03 has changed: known_hosts:1 has " + shown(a) + ", the server shows " +
            shown(rsa));
}

TEST_CASE("host keys: revoked wins over every other line, every policy and every order", "[ssh]") {
  const Row revoked{Refusal::revoked, Refusal::revoked, Refusal::revoked};
  CHECK(refusals(with("@revoked * " + line("", a).substr(1) + line("web03", a)), a) == revoked);
  CHECK(refusals(with(line("web03", a), "@revoked web03 " + line("", a).substr(1)), a) == revoked);
  CHECK(refusals(with("@revoked * " + line("", a).substr(1)), a) == revoked);
  HostKeys keys = with(line("web03", a) + "@revoked * " + line("", a).substr(1));
  CHECK(keys.check({"web03", 22}, HostKeyPolicy::off, a).cause ==
        "host key of web03 is revoked: " + shown(a) + " in known_hosts:2");
}

TEST_CASE("host keys: revoking one key neither makes another one known nor the host new", "[ssh]") {
  const std::string revoke_a = "@revoked * " + line("", a).substr(1);
  CHECK(refusals(with(revoke_a), b) == Row{Refusal::unknown, Refusal::none, Refusal::none});
  CHECK(refusals(with(revoke_a + line("web03", a)), b) ==
        Row{Refusal::changed, Refusal::changed, Refusal::none});
}

TEST_CASE("host keys: a host known by a certificate authority alone cannot be verified", "[ssh]") {
  const std::string authority = "@cert-authority *03 " + line("", b).substr(1);
  const Row refused{Refusal::certificate, Refusal::certificate, Refusal::none};
  CHECK(refusals(with(authority), a) == refused);
  CHECK(refusals(with(authority), b) == refused);
  CHECK(refusals(with(authority + line("web03", a)), a) == all_accept);
  CHECK(with(authority).check({"web03", 22}, HostKeyPolicy::accept_new, a).cause ==
        "web03 is known only by the certificate authority in known_hosts:1, and host certificates "
        "are not supported; "
        "the server shows " +
            shown(a));
}

TEST_CASE(
    "host keys: a host certificate is refused under every policy, even if it stands in the file",
    "[ssh]") {
  const std::string certificate = sample::field("ssh-ed25519-cert-v01@openssh.com") + "rest";
  const Row refused{Refusal::certificate, Refusal::certificate, Refusal::certificate};
  CHECK(refusals(with(""), certificate) == refused);
  CHECK(refusals(with(line("web03", certificate)), certificate) == refused);
}

TEST_CASE("host keys: what is not a key is refused under every policy", "[ssh]") {
  const Row refused{Refusal::malformed, Refusal::malformed, Refusal::malformed};
  CHECK(refusals(with("* ssh-ed25519 AAAA\n"), "") == refused);
  CHECK(refusals(with(""), a.substr(0, 20)) == refused);
  CHECK(refusals(with(""), a + "x") == refused);
  CHECK(refusals(with(""), sample::field("ssh-ed25519") + std::string(20'000, 'x')) == refused);
}

TEST_CASE("host keys: a type that is not asked for is never learned, and its name never shown",
          "[ssh]") {
  const std::string strange = sample::field("ssh-\x24(reboot)@example.com") + "x";
  CHECK(refusals(with(""), strange) == Row{Refusal::malformed, Refusal::malformed, Refusal::none});
  const std::string cause = with("").check({"web03", 22}, HostKeyPolicy::accept_new, strange).cause;
  CHECK(cause.starts_with(
      "host key of web03 is of a type that was not asked for: unknown type SHA256:"));
  CHECK(cause.find("reboot") == std::string::npos);
  CHECK(refusals(with(line("web03", strange)), strange) == all_accept);
}

TEST_CASE("host keys: a verdict is a refusal until something else is said", "[ssh]") {
  const Verdict verdict;
  CHECK(verdict.refused());
  CHECK(verdict.error().kind == core::ErrorKind::internal);
}

TEST_CASE("host keys: names do not trust each other's keys", "[ssh]") {
  HostKeys keys = with(line("web04", a) + line("10.0.0.13", a));
  CHECK(keys.check({"web03", 22}, HostKeyPolicy::strict, a).refusal == Refusal::unknown);
  CHECK(keys.check({"10.0.0.13", 22}, HostKeyPolicy::strict, a).refusal == Refusal::none);
}

TEST_CASE("host keys: known types are asked for first, then the others", "[ssh]") {
  CHECK(with("").offered_algorithms({"web03", 22}) == all_algorithms);
  CHECK(with(line("web03", a)).offered_algorithms({"web03", 22}) == all_algorithms);
  CHECK(with(line("web03", rsa)).offered_algorithms({"web03", 22}) ==
        "rsa-sha2-512,rsa-sha2-256,ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-"
        "nistp521");
  CHECK(with(line("web03", rsa) + line("web03", ecdsa)).offered_algorithms({"web03", 22}) ==
        "ecdsa-sha2-nistp256,rsa-sha2-512,rsa-sha2-256,ssh-ed25519,ecdsa-sha2-nistp384,ecdsa-sha2-"
        "nistp521");
  CHECK(with(line("web03", rsa)).offered_algorithms({"web03", 2201}) == all_algorithms);
}

TEST_CASE(
    "host keys: a type is not preferred for the sake of revoked keys, authorities or odd types",
    "[ssh]") {
  CHECK(with(line("web03", rsa) + "@revoked * " + line("", rsa).substr(1))
            .offered_algorithms({"web03", 22}) == all_algorithms);
  CHECK(with("@cert-authority * " + line("", rsa).substr(1)).offered_algorithms({"web03", 22}) ==
        all_algorithms);
  CHECK(with(line("web03", sample::field("ssh-dss") + "x")).offered_algorithms({"web03", 22}) ==
        all_algorithms);
}

}  // namespace fanout::ssh
