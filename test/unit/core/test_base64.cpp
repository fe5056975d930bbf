#include <random>

#include <catch2/catch_test_macros.hpp>

#include "fanout/core/base64.hpp"

using namespace fanout::core;

TEST_CASE("base64: the vectors of RFC 4648 section 10", "[core]") {
  const std::pair<const char *, const char *> vectors[] = {
      {"", ""},
      {"f", "Zg=="},
      {"fo", "Zm8="},
      {"foo", "Zm9v"},
      {"foob", "Zm9vYg=="},
      {"fooba", "Zm9vYmE="},
      {"foobar", "Zm9vYmFy"},
  };
  for (const auto &[bytes, text] : vectors) {
    CHECK(encode_base64(bytes) == text);
    CHECK(decode_base64(text) == bytes);
  }
}

TEST_CASE("base64: what is encoded is decoded, whatever the bytes", "[core]") {
  std::mt19937 random(1);
  for (int round = 0; round < 500; ++round) {
    std::string bytes(random() % 100, '\0');
    for (char &c : bytes) c = static_cast<char>(random());
    CHECK(decode_base64(encode_base64(bytes)) == bytes);
  }
}

TEST_CASE("base64: anything not canonical is refused", "[core]") {
  for (const char *text : {"Z", "Zg", "Zg=", "Z===", "Zg==Zg==", "Zm9v ", "Zm 9v", "Zm9-",
                           "Zh==", "Zm9=", "====", "=Zg="})
    CHECK_FALSE(decode_base64(text));
}
