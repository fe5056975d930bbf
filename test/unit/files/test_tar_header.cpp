#include <string>

#include <catch2/catch_test_macros.hpp>

#include "fanout/files/catalogue.hpp"
#include "files/tar_header.hpp"

using namespace fanout::files;

TEST_CASE("tar: the fields of a header stand where ustar has them", "[files]") {
  const std::string header =
      format_tar_header({.number = 4711, .mode = 0750, .size = 65'536, .mtime = 1'700'000'000});
  REQUIRE(header.size() == tar_header_bytes);
  CHECK(header.substr(0, 5) == std::string("4711\0", 5));
  CHECK(header.substr(100, 8) == std::string("0000750\0", 8));
  CHECK(header.substr(108, 8) == std::string("0000000\0", 8));
  CHECK(header.substr(116, 8) == std::string("0000000\0", 8));
  CHECK(header.substr(124, 12) == std::string("00000200000\0", 12));
  CHECK(header.substr(136, 12) == std::string("14524770400\0", 12));
  CHECK(header[156] == '0');
  CHECK(header.substr(257, 8) == std::string("ustar\0"
                                             "00",
                                             8));

  unsigned sum = 8 * ' ';
  for (std::size_t i = 0; i < header.size(); ++i)
    if (i < 148 || i >= 156) sum += static_cast<unsigned char>(header[i]);
  CHECK(std::stoul(header.substr(148, 6), nullptr, 8) == sum);
  CHECK(header.substr(154, 2) == std::string("\0 ", 2));
}

TEST_CASE("tar: what eleven octal digits cannot say does not fit", "[files]") {
  CHECK(fits_tar_header(0, 0));
  CHECK(fits_tar_header(077'777'777'777, 077'777'777'777));
  CHECK_FALSE(fits_tar_header(0100'000'000'000, 0));
  CHECK_FALSE(fits_tar_header(0, 0100'000'000'000));
  CHECK_FALSE(fits_tar_header(0, -1));
  CHECK(format_tar_header({.size = 077'777'777'777}).substr(124, 12) ==
        std::string("77777777777\0", 12));
}

TEST_CASE("tar: content is filled up to a whole block", "[files]") {
  CHECK(tar_padding(0) == 0);
  CHECK(tar_padding(1) == 511);
  CHECK(tar_padding(511) == 1);
  CHECK(tar_padding(512) == 0);
  CHECK(tar_padding(513) == 511);
}
