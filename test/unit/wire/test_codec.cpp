#include <catch2/catch_test_macros.hpp>

#include "fanout/wire/codec.hpp"

using namespace fanout::wire;
using namespace std::string_literals;
using namespace std::string_view_literals;

TEST_CASE("codec: the byte layout is that of RFC 4251 section 5", "[wire]") {
  Encoder encoder;
  encoder.byte(7).boolean(true).uint32(0x29b7f4aa).uint64(0x0102030405060708).string("testing");
  CHECK(encoder.bytes() ==
        "\x07\x01\x29\xb7\xf4\xaa\x01\x02\x03\x04\x05\x06\x07\x08\x00\x00\x00\x07testing"s);
}

TEST_CASE("codec: values come back in their order and nothing is left", "[wire]") {
  Encoder encoder;
  encoder.byte(255)
      .boolean(false)
      .uint32(0xffffffff)
      .uint64(0xffffffffffffffff)
      .string("")
      .string("a\0b"s);
  Decoder decoder(encoder.bytes());
  CHECK(decoder.byte() == 255);
  CHECK_FALSE(decoder.boolean());
  CHECK(decoder.uint32() == 0xffffffff);
  CHECK(decoder.uint64() == 0xffffffffffffffff);
  CHECK(decoder.string().empty());
  CHECK(decoder.string() == "a\0b"s);
  CHECK(decoder.finished());
}

TEST_CASE("codec: a structure cut at any byte is not ok", "[wire]") {
  Encoder encoder;
  encoder.uint32(1).string("abc").uint64(2).byte(3);
  const std::string whole = encoder.take();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    Decoder decoder(std::string_view(whole).substr(0, size));
    decoder.uint32();
    decoder.string();
    decoder.uint64();
    decoder.byte();
    CHECK_FALSE(decoder.ok());
  }
}

TEST_CASE("codec: after the first fault everything is zero and empty", "[wire]") {
  Decoder decoder("\xff\xff\xff\xff rest"sv);
  CHECK(decoder.string().empty());
  CHECK_FALSE(decoder.ok());
  CHECK(decoder.uint32() == 0);
  CHECK(decoder.string().empty());
  CHECK_FALSE(decoder.finished());
}

TEST_CASE("codec: bytes left over are noticed, and a boolean is 0 or 1", "[wire]") {
  Decoder left("\x01\x01"sv);
  left.boolean();
  CHECK(left.ok());
  CHECK_FALSE(left.finished());
  Decoder strange("\x02"sv);
  strange.boolean();
  CHECK_FALSE(strange.ok());
}
