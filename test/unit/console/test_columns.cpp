#include <catch2/catch_test_macros.hpp>

#include "fanout/console/columns.hpp"

using fanout::console::columns;
using fanout::console::first_columns;

TEST_CASE("columns: a character of ASCII or Latin is one column wide", "[console]") {
  CHECK(columns("") == 0);
  CHECK(columns("web01") == 5);
  CHECK(columns("größe") == 5);
}

TEST_CASE("columns: Chinese and emoji are two columns wide, combining marks none", "[console]") {
  CHECK(columns("漢字") == 4);
  CHECK(columns("🙂") == 2);
  CHECK(columns("e\u0301") == 1);
}

TEST_CASE("columns: bytes that are not UTF-8 count one each", "[console]") {
  CHECK(columns("\xff\xe6\xbc") == 3);
  CHECK(columns("\xe6"
                "ab") == 3);
}

TEST_CASE("columns: a beginning ends between two characters", "[console]") {
  CHECK(first_columns("web01", 3) == "web");
  CHECK(first_columns("web01", 9) == "web01");
  CHECK(first_columns("漢字", 3) == "漢");
  CHECK(first_columns("漢字", 1).empty());
  // A mark belongs to the character before it.
  CHECK(first_columns("e\u0301x", 1) == "e\u0301");
}
