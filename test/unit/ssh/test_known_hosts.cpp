#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "fanout/ssh/known_hosts.hpp"
#include "sample_keys.hpp"

namespace fanout::ssh {

namespace {

std::string key_text(std::size_t seed) {
  return "ssh-ed25519 " + core::encode_base64(sample::ed25519(seed));
}

// The numbers of the lines that name the host, with the marker's first letter: "2 R5 C7".
std::string lines(const KnownHosts &file, const std::string &name, std::uint16_t port = 22) {
  KnownKeys keys;
  REQUIRE(file.find(known_hosts_name({name, port}), keys));
  std::vector<std::string> found;
  for (const KnownKey &key : keys.accepted) found.push_back(std::to_string(key.line));
  for (const KnownKey &key : keys.revoked) found.push_back("R" + std::to_string(key.line));
  for (const KnownKey &key : keys.authorities) found.push_back("C" + std::to_string(key.line));
  return fmt::format("{}", fmt::join(found, " "));
}

// Each of `names` on a line of its own with a key.
KnownHosts file_of(const std::vector<std::string> &names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) text += names[i] + ' ' + key_text(i) + '\n';
  return KnownHosts("known_hosts", text);
}

}  // namespace

TEST_CASE("known_hosts: a name is found on every line that has it, with file, line and key",
          "[ssh]") {
  const KnownHosts file = file_of({"web01", "web02", "web01,web03", "web011"});
  CHECK(lines(file, "web01") == "1 3");
  CHECK(lines(file, "web03") == "3");
  CHECK(lines(file, "web0") == "");
  KnownKeys keys;
  REQUIRE(file.find("web02", keys));
  REQUIRE(keys.accepted.size() == 1);
  CHECK(keys.accepted[0].file == "known_hosts");
  CHECK(keys.accepted[0].line == 2);
  CHECK(keys.accepted[0].blob == sample::ed25519(1));
}

TEST_CASE("known_hosts: a name that is twice on a line counts once", "[ssh]") {
  CHECK(lines(file_of({"web01,web01,web*"}), "web01") == "1");
  CHECK(lines(file_of({"web01,web01"}), "web01") == "1");
}

TEST_CASE("known_hosts: comments, blank and bad lines are skipped and do not stop the reading",
          "[ssh]") {
  const std::string good = "web01 " + key_text(1);
  const std::string text =
      "# web01 " + key_text(2) + "\n\n \t \nweb01\nweb01 ssh-ed25519\nweb01 ssh-ed25519 AAAA\n" +
      "web01 ssh-ed25519 !!!!\nweb01 ssh-rsa " + core::encode_base64(sample::ed25519(3)) +
      "\nweb01 1024 35 12345678901234567890\n@what " + good + "\n@revoked @cert-authority " + good +
      "\n|1|bad|bad " + key_text(1) + "\n" + good + "\n";
  CHECK(lines(KnownHosts("f", text), "web01") == "13");
}

TEST_CASE("known_hosts: CRLF, tabs, leading blanks, comments and a missing last newline are read",
          "[ssh]") {
  const std::string key = core::encode_base64(sample::ed25519(1));
  CHECK(lines(KnownHosts(
                  "f", "web01 ssh-ed25519 " + key + "\r\nweb01 ssh-ed25519 " + key + " c\r\n\r\n"),
              "web01") == "1 2");
  CHECK(lines(KnownHosts("f", "\t web01\tssh-ed25519 \t" + key + "\tcomment # web02"), "web01") ==
        "1");
}

TEST_CASE("known_hosts: white space inside a key is stepped over, also in a revoked one", "[ssh]") {
  const std::string key = core::encode_base64(sample::ed25519(1));
  for (const std::string space : {"\f", "\v", "\r", "\f\v"}) {
    const std::string torn = key.substr(0, 20) + space + key.substr(20) + space;
    KnownKeys keys;
    REQUIRE(
        KnownHosts("f", "web01 ssh-ed25519 " + torn + "\n@revoked web01 ssh-ed25519 " + torn + "\n")
            .find("web01", keys));
    REQUIRE(keys.accepted.size() == 1);
    CHECK(keys.accepted[0].blob == sample::ed25519(1));
    REQUIRE(keys.revoked.size() == 1);
    CHECK(keys.revoked[0].blob == sample::ed25519(1));
  }
}

TEST_CASE("known_hosts: a line ends at its first NUL", "[ssh]") {
  const std::string nul(1, '\0');
  const KnownHosts file("f", "web01 " + key_text(1) + nul + "garbage\nweb0" + nul + "2 " +
                                 key_text(2) + "\nweb03 " + key_text(3) + "\n");
  CHECK(lines(file, "web01") == "1");
  CHECK(lines(file, "web0") == "");
  CHECK(lines(file, "web03") == "3");
  CHECK(lines(file, "web01" + nul + "x") == "");
}

TEST_CASE("known_hosts: lines of any length are read, a pattern of 1,023 characters is not matched",
          "[ssh]") {
  const std::string long_name(1022, 'a');
  CHECK(lines(file_of({long_name, long_name + 'a', "b," + long_name + "a"}), long_name) == "1");
  CHECK(lines(file_of({"b," + long_name + "a"}), "b") == "");
  CHECK(lines(KnownHosts("f", "web01 " + key_text(1) + ' ' + std::string(100'000, 'c')), "web01") ==
        "1");
}

TEST_CASE("known_hosts: case of names does not matter, on either side", "[ssh]") {
  CHECK(lines(file_of({"Web01.Example.COM"}), "wEB01.example.com") == "1");
  CHECK(lines(file_of({"*.Example.COM"}), "WEB.example.com") == "1");
}

TEST_CASE("known_hosts: star is any characters, question mark is one", "[ssh]") {
  const KnownHosts file = file_of({"*.example.com", "web?", "*", "w*b*1", "?*"});
  CHECK(lines(file, "a.example.com") == "1 3 5");
  CHECK(lines(file, ".example.com") == "1 3 5");
  CHECK(lines(file, "example.com") == "3 5");
  CHECK(lines(file, "web1") == "2 3 4 5");
  CHECK(lines(file, "webweb1") == "3 4 5");
  CHECK(lines(file, "web") == "3 5");
}

TEST_CASE("known_hosts: many stars take no more time than few", "[ssh]") {
  std::string stars;
  for (int i = 0; i < 200; ++i) stars += "*a";
  CHECK(lines(file_of({stars + "b"}), std::string(900, 'a')) == "");
}

TEST_CASE("known_hosts: a negated name takes the host off that line alone, wherever it stands",
          "[ssh]") {
  const KnownHosts file = file_of({"web*,!web07", "!web07,web*", "!web07", "web07", "!*7,web07"});
  CHECK(lines(file, "web01") == "1 2");
  CHECK(lines(file, "web07") == "4");
}

TEST_CASE(
    "known_hosts: another port than 22 is another name, and there is no way back to the plain one",
    "[ssh]") {
  const KnownHosts file =
      file_of({"web01", "[web01]:2201", "[web01]:22", "[web*]:2202", "web01:2203"});
  CHECK(lines(file, "web01") == "1");
  CHECK(lines(file, "web01", 2201) == "2");
  CHECK(lines(file, "web01", 2202) == "4");
  CHECK(lines(file, "web01", 2203) == "");
}

TEST_CASE("known_hosts: addresses have the name that ssh gives them", "[ssh]") {
  CHECK(known_hosts_name({"2001:DB8:0:0::1", 22}) == "2001:db8::1");
  CHECK(known_hosts_name({"2001:db8::1", 2201}) == "[2001:db8::1]:2201");
  CHECK(known_hosts_name({"::ffff:10.0.0.1", 22}) == "::ffff:10.0.0.1");
  CHECK(known_hosts_name({"127.1", 22}) == "127.0.0.1");
  CHECK(known_hosts_name({"10.0.0.13", 22}) == "10.0.0.13");
  CHECK(known_hosts_name({"10.0.0.13.example.com", 22}) == "10.0.0.13.example.com");
  CHECK(known_hosts_name({"Web03", 2201}) == "[web03]:2201");
  CHECK(known_hosts_name({"", 22}) == "");
}

TEST_CASE("known_hosts: hashed names are found by those who know them", "[ssh]") {
  const KnownHosts file(
      "f", "|1|UOVfzXRm/KygJDnLbBrf0qjV2Xo=|jL1WMH/PptjKDV1x3Vu8dfFp9KE= " + key_text(1) +
               "\n|1|0GpzQrbU/2Tcbf9ze75z2Y3rs70=|5N9ZRZjgRNed8n3Tyx8ANJj9/aA= " + key_text(2) +
               "\nweb04 " + key_text(3) + "\n");
  CHECK(lines(file, "web03") == "1");
  CHECK(lines(file, "WEB03") == "1");
  CHECK(lines(file, "web03", 2201) == "2");
  CHECK(lines(file, "web04") == "3");
  CHECK(lines(file, "web05") == "");
  CHECK(file.has_hashed_names());
  CHECK_FALSE(file_of({"web01"}).has_hashed_names());
}

TEST_CASE("known_hosts: a hashed name stands alone on its line", "[ssh]") {
  CHECK(
      lines(KnownHosts("f", "|1|UOVfzXRm/KygJDnLbBrf0qjV2Xo=|jL1WMH/PptjKDV1x3Vu8dfFp9KE=,web04 " +
                                key_text(1) + "\n"),
            "web03") == "");
  CHECK(
      lines(KnownHosts("f", "|1|UOVfzXRm/KygJDnLbBrf0qjV2Xo=|jL1WMH/PptjKDV1x3Vu8dfFp9KE=,web04 " +
                                key_text(1) + "\n"),
            "web04") == "");
}

TEST_CASE("known_hosts: hashing a name and reading it back agree", "[ssh]") {
  std::array<unsigned char, 20> salt{};
  for (std::size_t i = 0; i < salt.size(); ++i) salt[i] = static_cast<unsigned char>(i * 7);
  const auto hashed = format_hashed_name("[web03]:2201", salt);
  REQUIRE(hashed);
  const KnownHosts file("f", format_known_hosts_line(*hashed, sample::ed25519(1)) + "\n");
  CHECK(lines(file, "web03", 2201) == "1");
  CHECK(lines(file, "web03") == "");
}

TEST_CASE("known_hosts: markers sort keys into three lists", "[ssh]") {
  const KnownHosts file("f", "@revoked * " + key_text(1) + "\n@cert-authority *.example.com " +
                                 key_text(2) + "\na.example.com " + key_text(3) +
                                 "\n@revoked\ta.example.com\t" + key_text(4) +
                                 "\n  @revoked   a.example.com " + key_text(5) + "\n");
  CHECK(lines(file, "a.example.com") == "3 R1 R4 R5 C2");
  CHECK(lines(file, "b") == "R1");
}

TEST_CASE("known_hosts: a line with two markers, or a marker that is none, says nothing", "[ssh]") {
  const KnownHosts file(
      "f", "@revoked @x " + key_text(1) + "\n@Revoked web01 " + key_text(2) + "\n@revoked\n");
  CHECK(lines(file, "@x") == "");
  CHECK(lines(file, "web01") == "");
}

TEST_CASE("known_hosts: keys of types that nobody knows are kept as bytes", "[ssh]") {
  const std::string blob = sample::field("new@example.com") + "anything";
  KnownKeys keys;
  REQUIRE(
      KnownHosts("f", "web01 new@example.com " + core::encode_base64(blob)).find("web01", keys));
  REQUIRE(keys.accepted.size() == 1);
  CHECK(keys.accepted[0].blob == blob);
}

TEST_CASE("known_hosts: appended lines count on from those before", "[ssh]") {
  KnownHosts file("f", "web01 " + key_text(1) + "\n# comment without newline");
  file.append("web02 " + key_text(2) + "\n");
  CHECK(lines(file, "web02") == "3");
  CHECK(lines(file, "web01") == "1");
  KnownHosts empty("f");
  empty.append("web02 " + key_text(2) + "\n");
  const KnownHosts moved = std::move(empty);
  CHECK(lines(moved, "web02") == "1");
}

TEST_CASE("known_hosts: a line reads as ssh writes it", "[ssh]") {
  CHECK(format_known_hosts_line(known_hosts_name({"127.0.0.1", 2201}),
                                sample::decoded(sample::ed25519_text)) ==
        "[127.0.0.1]:2201 ssh-ed25519 " + std::string(sample::ed25519_text));
}

TEST_CASE("known_hosts: only a name that reads back as itself can be kept", "[ssh]") {
  CHECK(can_be_known_by("web01"));
  CHECK(can_be_known_by("[fe80::1%eth0]:2201"));
  CHECK(can_be_known_by(std::string(1022, 'a')));
  for (const std::string bad :
       {"", "a b", "a\tb", "a\nb", "a,b", "a*", "?", "!a", "|1|a", "#a", "@revoked", "a\x7f"})
    CHECK_FALSE(can_be_known_by(bad));
  CHECK_FALSE(can_be_known_by(std::string("a\0b", 3)));
  CHECK_FALSE(can_be_known_by(std::string(1023, 'a')));
}

TEST_CASE("known_hosts: the files are those of ssh, in its order", "[ssh]") {
  CHECK(default_known_hosts_files("/home/u") ==
        std::vector<std::string>{"/home/u/.ssh/known_hosts", "/home/u/.ssh/known_hosts2",
                                 "/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"});
}

}  // namespace fanout::ssh
