#include <string>

#include <catch2/catch_test_macros.hpp>

#include "fanout/ssh/client_words.hpp"
#include "fanout/wire/codec.hpp"

using fanout::ssh::ClientWords;
using fanout::wire::Encoder;

namespace {

std::string packet(const std::string &payload) {
  return Encoder()
      .uint32(static_cast<std::uint32_t>(1 + payload.size() + 6))
      .byte(6)
      .raw(payload)
      .raw(std::string(6, '\7'))
      .take();
}

const std::string kexinit = "\24 what we take";
const std::string all = "SSH-2.0-us\r\n" + packet(kexinit) +
                        packet(Encoder().byte(30).string("ephemeral").take()) + packet("\25") +
                        "encrypted";

}  // namespace

TEST_CASE("client words: what the session identifier is made of is found, however it is sent",
          "[ssh]") {
  for (std::size_t size = 1; size <= all.size(); ++size) {
    ClientWords words;
    for (std::size_t at = 0; at < all.size(); at += size) words.feed(all.substr(at, size));
    REQUIRE(words.finished());
    REQUIRE(words.identification() == "SSH-2.0-us");
    REQUIRE(words.kexinit() == kexinit);
    REQUIRE(words.public_key() == "ephemeral");
  }
}

TEST_CASE("client words: nothing behind NEWKEYS is looked at", "[ssh]") {
  ClientWords words;
  words.feed("SSH-2.0-us\r\n" + packet("\25") + packet(kexinit));
  CHECK(words.finished());
  CHECK(words.kexinit().empty());
}
