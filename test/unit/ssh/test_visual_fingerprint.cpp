#include <catch2/catch_test_macros.hpp>
#include <fmt/ranges.h>

#include "fanout/ssh/fingerprint.hpp"
#include "fanout/ssh/visual_fingerprint.hpp"
#include "sample_keys.hpp"

namespace fanout::ssh {

namespace {

std::string picture(std::string_view text) {
  return fmt::format("\n{}\n", fmt::join(visual_fingerprint(sample::decoded(text)).value(), "\n"));
}

}  // namespace

TEST_CASE("visual fingerprint: is the picture that ssh-keygen -lv prints", "[ssh]") {
  CHECK(picture(sample::ed25519_text) == R"(
+--[ED25519 256]--+
|     ..oo+@#=.   |
|      oo.OO++    |
|    ..o.++=+     |
|     *E.+ +.     |
|    ..**So .     |
|     .+oo .      |
|     . = .       |
|      o o        |
|                 |
+----[SHA256]-----+
)");
  CHECK(picture(sample::ecdsa256_text) == R"(
+---[ECDSA 256]---+
|        o.o . .  |
|         + + o ..|
|        . = =Eo.o|
|         B o =oO+|
|        S = =.*.B|
|         o o o Xo|
|            . X =|
|             o *.|
|             .*+=|
+----[SHA256]-----+
)");
  CHECK(picture(sample::ecdsa384_text) == R"(
+---[ECDSA 384]---+
|       .o.o.+.   |
|      .. + = .   |
|     .  = = = .  |
|      oo = * o   |
|     o  S X o    |
|    .  + o ^     |
|     .* . E *    |
|    .o + + + +   |
|   .. .   o o .  |
+----[SHA256]-----+
)");
  CHECK(picture(sample::ecdsa521_text) == R"(
+---[ECDSA 521]---+
|..  =B=.o+       |
|*.o..*+oO        |
|+B.oo..o.*       |
|=.ooo. .. .      |
|o.+.... S        |
|o+ .. o.         |
|o.   o +E        |
|.   . o o.       |
|     . . ..      |
+----[SHA256]-----+
)");
  CHECK(picture(sample::rsa2048_text) == R"(
+---[RSA 2048]----+
|      .+*o+.=.   |
|       . o.Bo .  |
|   + .  +..= . . |
|  o + .+..o .   E|
|   . =..S  .     |
|    = *.. ..     |
|     = = o. o    |
|      . . oo +   |
|         .+*B+o  |
+----[SHA256]-----+
)");
}

TEST_CASE("visual fingerprint: the title fits whatever the key is, and shows nothing of it",
          "[ssh]") {
  for (const std::string &blob :
       {std::string(), sample::field("\x1b[2J") + "x", sample::field("ssh-dss") + "x",
        sample::field("sk-ecdsa-sha2-nistp256-cert-v01@openssh.com") + "x"}) {
    const auto lines = visual_fingerprint(blob);
    REQUIRE(lines);
    CHECK(lines->size() == 11);
    for (const std::string &line : *lines) {
      CHECK(line.size() == 19);
      CHECK(line.find('\x1b') == std::string::npos);
    }
  }
  CHECK(visual_fingerprint("")->front() == "+-[unknown type]--+");
}

TEST_CASE("visual fingerprint: the sizes of keys are those of ssh-keygen", "[ssh]") {
  CHECK(key_bits(sample::decoded(sample::ed25519_text)) == 256);
  CHECK(key_bits(sample::decoded(sample::ecdsa256_text)) == 256);
  CHECK(key_bits(sample::decoded(sample::ecdsa384_text)) == 384);
  CHECK(key_bits(sample::decoded(sample::ecdsa521_text)) == 521);
  CHECK(key_bits(sample::decoded(sample::rsa2048_text)) == 2048);
  CHECK(key_bits("") == 0);
  CHECK(key_bits(sample::field("ssh-rsa") + "x") == 0);
}

}  // namespace fanout::ssh
