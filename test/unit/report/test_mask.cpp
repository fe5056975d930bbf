#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "report/mask.hpp"

using namespace fanout;
using core::Host;
using core::Masking;
using report::Masker;

namespace {

constexpr Masking all{true, true, true};
constexpr Masking host_only{true, false, false};
constexpr Masking ip_only{false, true, false};
constexpr Masking number_only{false, false, true};

Host host_of(std::string name, std::string address) {
  Host host;
  host.name = std::move(name);
  host.address = std::move(address);
  return host;
}

const Host web01 = host_of("web01.example.com", "10.0.0.7");

std::string mask_host(std::string_view text, const Host &host = web01) {
  return report::mask(host_only, host, text);
}
std::string mask_ip(std::string_view text) { return report::mask(ip_only, web01, text); }
std::string mask_number(std::string_view text) { return report::mask(number_only, web01, text); }

}  // namespace

TEST_CASE("mask: {host} is the name, its first label and the address", "[report]") {
  CHECK(mask_host("web01.example.com") == "{host}");
  CHECK(mask_host("I am web01 at 10.0.0.7\n") == "I am {host} at {host}\n");
  CHECK(mask_host("web02.example.com 10.0.0.8") == "web02.example.com 10.0.0.8");
  CHECK(mask_host("/srv/web01/data root@web01:~# a=web01,b") ==
        "/srv/{host}/data root@{host}:~# a={host},b");
}

TEST_CASE("mask: {host} stands for whole words alone", "[report]") {
  const std::string text = "web011 xweb01 web01-a web01_a my.web01 10.0.0.71 110.0.0.7 web01.other";
  CHECK(mask_host(text) == text);
}

TEST_CASE("mask: {host} is also the name with a domain behind it", "[report]") {
  const Host host = host_of("web01", "web01.lan");
  CHECK(mask_host("web01.example.com web01.lan web01 web011.lan", host) ==
        "{host} {host} {host} web011.lan");
  const Host numeric = host_of("10.0.0.7", "10.0.0.7");
  CHECK(mask_host("10.0.0.7 10.0.0.7.5 10", numeric) == "{host} 10.0.0.7.5 10");
}

TEST_CASE("mask: {host} does not mind case, and punctuation stays", "[report]") {
  CHECK(mask_host("WEB01: Web01. web01... (web01) web01.: \"web01\"") ==
        "{host}: {host}. {host}... ({host}) {host}.: \"{host}\"");
  CHECK(mask_host("\xe2\x80\x98web01\xe2\x80\x99") == "\xe2\x80\x98{host}\xe2\x80\x99");
}

TEST_CASE("mask: {host} of a host with an IPv6 address, however it is written", "[report]") {
  const Host host = host_of("[2001:db8::1]:22", "2001:db8::1");
  CHECK(mask_host("2001:db8::1 [2001:db8::1]:22 2001:DB8:0:0::1 2001:db8::2", host) ==
        "{host} [{host}]:22 {host} 2001:db8::2");
  const Host scoped = host_of("fe80::7%eth0", "fe80::7%eth0");
  CHECK(mask_host("fe80::7%eth0, fe80::7: up", scoped) == "{host}%eth0, {host}: up");
}

TEST_CASE("mask: {host} of a name with a port is the name", "[report]") {
  CHECK(mask_host("web01 web01:2222 2222", host_of("web01:2222", "")) == "{host} {host}:2222 2222");
}

TEST_CASE("mask: a host without a name masks nothing", "[report]") {
  CHECK(mask_host(". a .b : 1.", Host()) == ". a .b : 1.");
}

TEST_CASE("mask: {ip} is any IPv4 address that is a word", "[report]") {
  CHECK(mask_ip("192.0.2.1 0.0.0.0/0 192.0.2.1:22 (192.0.2.1) 192.0.2.1.") ==
        "{ip} {ip}/0 {ip}:22 ({ip}) {ip}.");
  const std::string others = "1.2.3 1.2.3.4.5 256.1.1.1 01.2.3.4 v1.2.3.4 1.2.3.4-1";
  CHECK(mask_ip(others) == others);
}

TEST_CASE("mask: {ip} is any IPv6 address; zone, prefix and port stay", "[report]") {
  CHECK(mask_ip("::1 fe80::1%eth0 2001:db8::/32 [2001:db8::1]:22 ::ffff:192.0.2.1") ==
        "{ip} {ip}%eth0 {ip}/32 [{ip}]:22 {ip}");
  CHECK(mask_ip("to fe80::: to ::1: to ::1.") == "to {ip}: to {ip}: to {ip}.");
  const std::string others = "12:34:56 std::string aa:bb:cc:dd:ee:ff 1::2::3 12345::1 a:b %: :";
  CHECK(mask_ip(others) == others);
}

TEST_CASE("mask: {number} is each run of digits, also within words", "[report]") {
  CHECK(mask_number("eth0 12 of 345, -1.5 0x1f 12:34:56") ==
        "eth{number} {number} of {number}, -{number}.{number} {number}x{number}f "
        "{number}:{number}:{number}");
  CHECK(mask_number(std::string(1000, '7') + "a") == "{number}a");
}

TEST_CASE("mask: host comes before ip, and ip before number", "[report]") {
  CHECK(report::mask(all, web01, "web01 10.0.0.7 10.0.0.8 10.0.0 2") ==
        "{host} {host} {ip} {number}.{number}.{number} {number}");
  CHECK(report::mask(all, web01, "[10.0.0.7]:22 fe80::1%eth0/64") ==
        "[{host}]:{number} {ip}%eth{number}/{number}");
}

TEST_CASE("mask: a word of 256 bytes is looked at, a longer one is not", "[report]") {
  const std::string name = "web01.example.com";
  const std::string longest = name + std::string(256 - name.size(), '.');
  CHECK(mask_host(longest) == "{host}" + longest.substr(name.size()));
  CHECK(mask_host(longest + ".") == longest + ".");
  CHECK(mask_host(longest + ". web01") == longest + ". {host}");
  CHECK(report::mask(all, web01, std::string(300, 'x') + "12") ==
        std::string(300, 'x') + "{number}");
}

TEST_CASE("mask: nothing to mask leaves every byte as it is", "[report]") {
  const std::string text("web01\0\xff 10.0.0.7\r\n", 18);
  CHECK(report::mask(Masking{}, web01, text) == text);
}

TEST_CASE("mask: where a text is cut makes no difference", "[report]") {
  const std::string text =
      "web01: [fe80::1%eth0]:22 WEB01.example.com. 10.0.0.7/24 10.0.0.70 12:34:56 x" +
      std::string(260, '3') + "y ::1: web01.";
  const std::string expected = report::mask(all, web01, text);
  for (std::size_t first = 0; first <= text.size(); ++first) {
    for (std::size_t second = first; second <= text.size(); second += 7) {
      std::string masked;
      Masker masker(all, web01);
      masker.feed(std::string_view(text).substr(0, first), masked);
      masker.feed(std::string_view(text).substr(first, second - first), masked);
      masker.feed(std::string_view(text).substr(second), masked);
      masker.finish(masked);
      REQUIRE(masked == expected);
    }
  }
}

TEST_CASE("mask: random texts, a byte at a time, and a masker that is used again", "[report]") {
  std::mt19937 random(20);
  const std::vector<std::string> parts = {
      "web01", "10.0.0.7", "::1",  ":", ".",  "%", " ",
      "7",     "fe80::",   "eth0", "-", "\n", "/", "[2001:db8::1]"};
  Masker masker(all, web01);
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (int part = 0; part < 12; ++part) text += parts[random() % parts.size()];
    std::string masked;
    for (const char c : text) masker.feed({&c, 1}, masked);
    masker.finish(masked);
    REQUIRE(masked == report::mask(all, web01, text));
  }
}
