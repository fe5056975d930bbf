// What is made of the keys that the connections to a host have shown.
#include <catch2/catch_test_macros.hpp>

#include "fanout/ssh/fingerprint.hpp"
#include "fanout/ssh/host_keys.hpp"
#include "sample_keys.hpp"

namespace fanout::ssh {

namespace {

using Standing = ScannedKey::Standing;
using Standings = std::vector<Standing>;

const std::string a = sample::ed25519(1);
const std::string b = sample::ed25519(2);
const std::string rsa = sample::decoded(sample::rsa2048_text);
const std::string ecdsa = sample::decoded(sample::ecdsa256_text);

KnownKeys known(const std::vector<std::string> &accepted,
                const std::vector<std::string> &revoked = {},
                const std::vector<std::string> &authorities = {}) {
  KnownKeys keys;
  std::size_t number = 0;
  for (const std::string &blob : accepted) keys.accepted.push_back({blob, "known_hosts", ++number});
  for (const std::string &blob : revoked) keys.revoked.push_back({blob, "known_hosts", ++number});
  for (const std::string &blob : authorities)
    keys.authorities.push_back({blob, "known_hosts", ++number});
  return keys;
}

std::vector<ScannedKey> weighed(const KnownKeys &keys, const std::vector<std::string> &proven) {
  auto result = weigh("web03", keys, proven).value();
  REQUIRE(result.size() == proven.size());
  for (std::size_t i = 0; i < proven.size(); ++i) {
    CHECK(result[i].blob == proven[i]);
    const bool refused = result[i].standing == Standing::refused;
    CHECK(refused == (result[i].refusal != Refusal::none));
    CHECK(refused != result[i].cause.empty());
  }
  return result;
}

Standings standings(const KnownKeys &keys, const std::vector<std::string> &proven) {
  Standings result;
  for (const ScannedKey &key : weighed(keys, proven)) result.push_back(key.standing);
  return result;
}

}  // namespace

TEST_CASE("scanned keys: of an unknown host every type is a first key", "[ssh]") {
  CHECK(standings(known({}), {a, ecdsa, rsa}) == Standings(3, Standing::first));
}

TEST_CASE("scanned keys: what is known is known", "[ssh]") {
  CHECK(standings(known({rsa, a}), {a, rsa}) == Standings(2, Standing::known));
}

// Which is never recorded: see the test of a run against somebody on the way, test_trust.py.
TEST_CASE("scanned keys: another type beside a known key is a further one, never a first",
          "[ssh]") {
  CHECK(standings(known({a}), {a, ecdsa, rsa}) ==
        Standings{Standing::known, Standing::further, Standing::further});
  CHECK(standings(known({a}), {rsa, a}) == Standings{Standing::further, Standing::known});
}

TEST_CASE("scanned keys: a key that was shown twice counts once", "[ssh]") {
  const auto once = [](const KnownKeys &keys, const std::vector<std::string> &proven) {
    std::vector<std::string> blobs;
    const auto weighed_keys = weigh("web03", keys, proven).value();
    for (const ScannedKey &key : weighed_keys) blobs.push_back(key.blob);
    return blobs;
  };
  CHECK(once(known({}), {rsa, a, rsa, a, a}) == std::vector<std::string>{rsa, a});
  CHECK(once(known({a}), {a, rsa, a, rsa}) == std::vector<std::string>{a, rsa});
  CHECK(once(known({a}), {b, b}) == std::vector<std::string>{b});
}

TEST_CASE("scanned keys: a host that proves none of its known keys has changed", "[ssh]") {
  const auto keys = weighed(known({a}), {b, rsa});
  CHECK(keys[0].refusal == Refusal::changed);
  CHECK(keys[1].refusal == Refusal::changed);
  CHECK(keys[0].cause == "host key of web03 has changed: known_hosts:1 has " +
                             describe_key(a).value() + ", the server shows " +
                             describe_key(b).value());
  CHECK(standings(known({a}), {rsa, ecdsa}) == Standings(2, Standing::refused));
}

TEST_CASE("scanned keys: a known key does not vouch for another one of a known type", "[ssh]") {
  const auto keys = weighed(known({rsa, a}), {rsa, b});
  CHECK(keys[0].standing == Standing::known);
  CHECK(keys[1].refusal == Refusal::changed);
  CHECK(keys[1].cause.find("known_hosts:2 has ED25519") != std::string::npos);
}

TEST_CASE("scanned keys: a revoked key is refused and vouches for nothing", "[ssh]") {
  const auto keys = weighed(known({a}, {a}), {a, rsa});
  CHECK(keys[0].refusal == Refusal::revoked);
  CHECK(keys[1].refusal == Refusal::changed);
  CHECK(weighed(known({}, {a}), {a, rsa})[0].refusal == Refusal::revoked);
}

TEST_CASE("scanned keys: a host that a certificate authority vouches for is not recorded",
          "[ssh]") {
  CHECK(weighed(known({}, {}, {b}), {a})[0].refusal == Refusal::certificate);
}

TEST_CASE("scanned keys: what is no key, or was not asked for, is refused beside a known one too",
          "[ssh]") {
  const auto keys = weighed(known({a}), {a, "", sample::field("ssh-dss") + "x"});
  CHECK(keys[0].standing == Standing::known);
  CHECK(keys[1].refusal == Refusal::malformed);
  CHECK(keys[2].standing == Standing::refused);
}

}  // namespace fanout::ssh
