// The expected values were made with the bcrypt package of PyPI, which is another implementation.
#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include "keys/bcrypt_pbkdf.hpp"
#include "keys/blowfish.hpp"

using fanout::keys::bcrypt_pbkdf;
using fanout::keys::Blowfish;

namespace {

std::string derive(std::string_view passphrase, std::string_view salt, std::uint32_t rounds,
                   std::size_t size) {
  const auto key = bcrypt_pbkdf(passphrase, salt, rounds, size);
  if (!key) return key.error().message;
  std::string hex;
  for (const char c : key->reveal()) hex += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return hex;
}

}  // namespace

TEST_CASE("blowfish: the tables are the hexadecimal digits of pi", "[keys]") {
  const Blowfish initial;
  CHECK(initial.subkeys()[0] == 0x243F6A88);
  CHECK(initial.subkeys()[17] == 0x8979FB1B);
  CHECK(initial.boxes()[0][0] == 0xD1310BA6);
  CHECK(initial.boxes()[3][255] == 0x3AC372E6);
}

TEST_CASE("blowfish: a block encrypted with the zero key is the published one", "[keys]") {
  Blowfish state;
  state.expand(std::string_view("\0\0\0\0\0\0\0\0", 8));
  std::uint32_t left = 0;
  std::uint32_t right = 0;
  state.encrypt(left, right);
  CHECK(left == 0x4EF99745);
  CHECK(right == 0x6198DD78);
}

TEST_CASE("bcrypt_pbkdf: one round and one block", "[keys]") {
  CHECK(derive("secret", "0123456789abcdef", 1, 32) ==
        "38f9d7193cf9b2834d3fcda2d91bbe32494abb87d3768bb9fe5dd082dc15d173");
}

TEST_CASE("bcrypt_pbkdf: rounds are chained", "[keys]") {
  CHECK(derive("secret", "0123456789abcdef", 4, 48) ==
        "2d20603a21aff30feae3089654012c63062775ff7308207c5e0f6d4ad1e62435306de227039bde098abda4631a"
        "b5287d");
}

TEST_CASE("bcrypt_pbkdf: the bytes of several blocks are interleaved", "[keys]") {
  CHECK(derive("secret", "0123456789abcdef", 8, 100) ==
        "04693d99fbf4edaecd48a487101c86c9afb008d9001ea16f711067c62cc188d67ff847a94231bbd14ff285e09f"
        "6154f29fb4b72ef6"
        "00cab97d326357a790afac4c319fdf03e58234c096276c5a32b040069f6543f37f6bd88dcc22c35df1f6db9a93"
        "9e94");
  CHECK(derive("secret", "0123456789abcdef", 3, 33) ==
        "121c272fc3e412b0dcc2124c97e069e7f1a7fc6077ac9507d4aa625051bc887379");
}

TEST_CASE("bcrypt_pbkdf: parameters that a hostile file could hold are refused", "[keys]") {
  CHECK(derive("", "salt", 1, 32) == "the passphrase is empty");
  CHECK(derive("secret", "", 1, 32) == "malformed key derivation parameters");
  CHECK(derive("secret", "salt", 1, 0) == "malformed key derivation parameters");
  CHECK(derive("secret", "salt", 1, 1025) == "malformed key derivation parameters");
  CHECK(derive("secret", "salt", 0, 32) == "0 rounds of key derivation; 1 to 16384 are accepted");
  CHECK(derive("secret", "salt", 4'000'000'000, 32) ==
        "4000000000 rounds of key derivation; 1 to 16384 are accepted");
}
