#include <string>

#include <catch2/catch_test_macros.hpp>

#include "fanout/files/sha256.hpp"

using namespace fanout::files;

namespace {

std::string digest_of(std::string_view text) {
  Sha256 sum;
  sum.add(text);
  return hexadecimal(sum.finish());
}

}  // namespace

TEST_CASE("sha256: the examples of the standard come out", "[files]") {
  CHECK(digest_of("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(digest_of("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(digest_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  CHECK(digest_of(std::string(1'000'000, 'a')) ==
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("sha256: pieces of any size are one text", "[files]") {
  const std::string text(100'000, 'x');
  Sha256 sum;
  std::string_view rest = text;
  for (std::size_t size = 0; !rest.empty(); ++size) {
    sum.add(rest.substr(0, size));
    rest.remove_prefix(std::min(size, rest.size()));
  }
  CHECK(hexadecimal(sum.finish()) == digest_of(text));
}

TEST_CASE("sha256: zeros that nobody wrote count as if somebody had", "[files]") {
  for (const std::size_t count : {0U, 1U, 16'383U, 16'384U, 16'385U, 100'000U}) {
    Sha256 sum;
    sum.add("before");
    sum.add_zeros(count);
    sum.add("after");
    CHECK(hexadecimal(sum.finish()) == digest_of("before" + std::string(count, '\0') + "after"));
  }
}

TEST_CASE("sha256: a computation that has ended gives no second digest", "[files]") {
  Sha256 sum;
  sum.add("abc");
  CHECK(sum.finish().size() == 32);
  CHECK(sum.finish().empty());
}

TEST_CASE("sha256: a computation can be moved while it goes on", "[files]") {
  Sha256 sum;
  sum.add("ab");
  Sha256 other = std::move(sum);
  other.add("c");
  CHECK(hexadecimal(other.finish()) == digest_of("abc"));
}

TEST_CASE("hexadecimal: two lower-case digits a byte", "[files]") {
  CHECK(hexadecimal(std::string_view("\x00\x0f\xa0\xff", 4)) == "000fa0ff");
}
