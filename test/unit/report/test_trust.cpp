#include <algorithm>

#include <catch2/catch_test_macros.hpp>

#include "fanout/report/trust.hpp"

using namespace fanout::report;

namespace {

HostToTrust host(const std::string &name, const std::string &recorded_as) {
  return {name,
          recorded_as,
          {{"ED25519", "SHA256:abc", {"+--+", "|S |", "+--+"}},
           {"RSA", "SHA256:def", {"+--+", "| E|", "+--+"}}}};
}

}  // namespace

TEST_CASE("trust: each host is listed with its keys, and with the name they are recorded under",
          "[report]") {
  const HostToTrust hosts[] = {host("web01", "web01"), host("web02", "[10.0.0.7]:2201")};
  CHECK(format_keys(hosts, false) ==
        "web01\n"
        "  ED25519  SHA256:abc\n"
        "  RSA      SHA256:def\n"
        "web02, recorded as [10.0.0.7]:2201\n"
        "  ED25519  SHA256:abc\n"
        "  RSA      SHA256:def\n");
}

TEST_CASE("trust: a key that is not recorded has a line that says why", "[report]") {
  const KeyNotRecorded keys[] = {{"web01", "RSA", "SHA256:def"},
                                 {"web\x1b[2J", "ECDSA", "SHA256:x"}};
  const std::string text = format_keys_not_recorded(keys);
  CHECK(text.starts_with(
      "web01: RSA SHA256:def: the host is known already by a key of another type; this one is not "
      "recorded, since nothing ties it to that one\n"));
  CHECK(std::count(text.begin(), text.end(), '\n') == 2);
  CHECK(text.find('\x1b') == std::string::npos);
  CHECK(format_keys_not_recorded({}).empty());
}

TEST_CASE("trust: pictures stand side by side, with an empty line below", "[report]") {
  const HostToTrust hosts[] = {host("web01", "web01")};
  CHECK(format_keys(hosts, true) ==
        "web01\n"
        "  ED25519  SHA256:abc\n"
        "  RSA      SHA256:def\n"
        "  +--+  +--+\n"
        "  |S |  | E|\n"
        "  +--+  +--+\n"
        "\n");
}

TEST_CASE("trust: names of hosts and files cannot control the terminal", "[report]") {
  const HostToTrust hosts[] = {host("web\x1b[2J", "a\nb")};
  const std::string text = format_keys(hosts, false) + format_question({1, 1}, "\x1b[2J") +
                           format_trust_end({1, 1}, 0, "\x1b[2J");
  CHECK(text.find('\x1b') == std::string::npos);
  CHECK(format_keys(hosts, false).find("a\nb") == std::string::npos);
}

TEST_CASE("trust: the question counts keys and hosts", "[report]") {
  CHECK(format_question({12, 4}, "/home/u/.ssh/known_hosts") ==
        "Record 12 keys of 4 hosts in /home/u/.ssh/known_hosts? [y/N] ");
  CHECK(format_question({1, 1}, "f") == "Record 1 key of 1 host in f? [y/N] ");
}

TEST_CASE("trust: the end tells what was recorded and what was known", "[report]") {
  CHECK(format_trust_end({}, 0, "f").empty());
  CHECK(format_trust_end({}, 1, "f") == "fanout: 1 host is known already\n");
  CHECK(format_trust_end({3, 1}, 2, "f") ==
        "fanout: 2 hosts are known already\nfanout: recorded 3 keys of 1 host in f\n");
}
