#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "worker/hash_output.hpp"

using namespace fanout;
using namespace fanout::worker;

namespace {

const std::string ones(64, '1');
const std::string twos(64, '2');
const std::string raw_ones(32, '\x11');
const std::string raw_twos(32, '\x22');

using Hashes = std::vector<std::optional<std::string>>;

Hashes read(const std::vector<std::string> &names, std::string_view text,
            std::size_t piece = 1'000'000) {
  HashOutput output(names);
  std::string all = "\nfanout: sha256sum\n" + std::string(text);
  for (std::string_view rest = all; !rest.empty();) {
    const std::size_t size = std::min(piece, rest.size());
    REQUIRE(output.add(rest.substr(0, size)));
    rest.remove_prefix(size);
  }
  CHECK(output.tool() == "sha256sum");
  return output.take();
}

}  // namespace

TEST_CASE("hash output: each tool's form is read, however it is cut", "[worker]") {
  const std::string text = ones + "  ./a\n" + twos + " */b c\n" + ones + " ./d\n";
  for (const std::size_t piece : {1U, 7U, 1000U}) {
    const auto hashes = read({"./a", "/b c", "./d", "./missing"}, text, piece);
    CHECK(hashes == Hashes{raw_ones, raw_twos, raw_ones, std::nullopt});
  }
}

TEST_CASE("hash output: GNU's escapes stand for newline and backslash", "[worker]") {
  CHECK(read({"./a\nb", "./c\\d"}, '\\' + ones + "  ./a\\nb\n\\" + twos + "  ./c\\\\d\n") ==
        Hashes{raw_ones, raw_twos});
  // Without the sign at the beginning, a backslash is one.
  CHECK(read({"./a\\nb"}, ones + "  ./a\\nb\n") == Hashes{raw_ones});
}

TEST_CASE("hash output: what was not asked, or is no hash, is no file's", "[worker]") {
  CHECK(read({"./a"}, ones + "  ./b\n") == Hashes{std::nullopt});
  CHECK(read({"./a"}, ones.substr(1) + "g  ./a\n") == Hashes{std::nullopt});
  CHECK(read({"./a"}, ones.substr(1) + "  ./a\n") == Hashes{std::nullopt});
  CHECK(read({"./a"}, ones + "./a\n") == Hashes{std::nullopt});
  CHECK(read({"./a"}, "\n \n" + ones + " \n" + ones + "\n") == Hashes{std::nullopt});
}

TEST_CASE("hash output: a name asked for twice is answered twice, two answers are none",
          "[worker]") {
  CHECK(read({"./a", "./a"}, ones + "  ./a\n") == Hashes{raw_ones, raw_ones});
  CHECK(read({"./a"}, ones + "  ./a\n" + ones + "  ./a\n") == Hashes{raw_ones});
  CHECK(read({"./a"}, ones + "  ./a\n" + twos + "  ./a\n" + ones + "  ./a\n") ==
        Hashes{std::nullopt});
}

TEST_CASE("hash output: lines before the tool is named count for nothing", "[worker]") {
  HashOutput output({"./a"});
  REQUIRE(output.add("Welcome!\n" + ones + "  ./a\n"));
  CHECK(output.tool().empty());
  CHECK(output.take() == Hashes{std::nullopt});
}

TEST_CASE("hash output: an endless line ends the reading", "[worker]") {
  HashOutput output({"./a"});
  const std::string piece(1000, 'x');
  core::Result<void> added;
  for (int i = 0; i < 20 && added; ++i) added = output.add(piece);
  REQUIRE_FALSE(added);
  CHECK(added.error().kind == core::ErrorKind::protocol);
}
