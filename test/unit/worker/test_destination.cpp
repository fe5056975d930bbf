#include <array>
#include <string>

#include <catch2/catch_test_macros.hpp>

#include "worker/destination.hpp"

using namespace fanout;
using namespace fanout::worker;
using files::Kind;

namespace {

constexpr std::array all_standings{Standing::nothing,           Standing::file,
                                   Standing::directory,         Standing::link_to_file,
                                   Standing::link_to_directory, Standing::other};

std::string error_of(const core::Result<void> &result) {
  return result ? std::string() : result.error().message;
}

}  // namespace

TEST_CASE("destination: REMOTE loses its slashes at the end and the sign of the home", "[worker]") {
  struct Row {
    const char *remote;
    const char *path;
  };
  for (const Row &row :
       {Row{"/tmp/", "/tmp"}, Row{"/tmp", "/tmp"}, Row{"/", "/"}, Row{"///", "/"}, Row{"a", "a"},
        Row{"a//", "a"}, Row{"~/a", "a"}, Row{"~/", "."}, Row{"~", "."}, Row{"~//a/b/", "a/b"},
        Row{".", "."}, Row{"a/~b", "a/~b"}, Row{"-x", "-x"}, Row{" ", " "}}) {
    CAPTURE(row.remote);
    const auto path = path_of_remote(row.remote);
    REQUIRE(path);
    CHECK(*path == row.path);
  }
  for (const std::string &bad :
       {std::string(), std::string("~root"), std::string("~root/x"), std::string("a\0b", 3)}) {
    const auto path = path_of_remote(bad);
    REQUIRE_FALSE(path);
    CHECK(path.error().kind == core::ErrorKind::usage);
  }
}

TEST_CASE("destination: a name is added only to a folder that LOCALs go into", "[worker]") {
  CHECK(destination_of("/srv", true, "app.tar") == "/srv/app.tar");
  CHECK(destination_of("/srv", false, "app.tar") == "/srv");
  CHECK(destination_of("/srv", true, "tree/a/b") == "/srv/tree/a/b");
  CHECK(destination_of("/srv", false, "tree/a/b") == "/srv/a/b");
  CHECK(destination_of("/srv", false, "tree") == "/srv");
  CHECK(destination_of("/", true, "x") == "/x");
  CHECK(destination_of(".", true, "x") == "./x");
}

TEST_CASE("destination: every source on everything that can stand there", "[worker]") {
  struct Row {
    Kind kind;
    Standing standing;
    const char *error;
  };
  constexpr const char *into = "/t: is a directory; write /t/ to copy into it";
  constexpr const char *into_link =
      "/t: is a symbolic link to a directory; write /t/ to copy into it";
  constexpr const char *special = "/t: is neither a file nor a directory";
  const std::array rows{
      Row{Kind::file, Standing::nothing, ""},
      Row{Kind::file, Standing::file, ""},
      Row{Kind::file, Standing::directory, into},
      Row{Kind::file, Standing::link_to_file, ""},
      Row{Kind::file, Standing::link_to_directory, into_link},
      Row{Kind::file, Standing::other, special},
      Row{Kind::directory, Standing::nothing, ""},
      Row{Kind::directory, Standing::file, "/t: is a file, which a directory does not replace"},
      Row{Kind::directory, Standing::directory, ""},
      Row{Kind::directory, Standing::link_to_file,
          "/t: is a symbolic link, which a directory does not replace"},
      Row{Kind::directory, Standing::link_to_directory, into_link},
      Row{Kind::directory, Standing::other, special},
  };
  REQUIRE(rows.size() == 2 * all_standings.size());
  for (const Row &row : rows) {
    CAPTURE(static_cast<int>(row.kind), static_cast<int>(row.standing));
    const auto may = may_put(row.kind, row.standing, "/t");
    CHECK(error_of(may) == row.error);
    if (!may) CHECK(may.error().kind == core::ErrorKind::remote);
  }
  for (const Standing standing : all_standings) {
    const bool is_folder =
        standing == Standing::directory || standing == Standing::link_to_directory;
    CHECK(may_put_into(standing, "/t").has_value() == is_folder);
  }
  CHECK(error_of(may_put_into(Standing::nothing, "/t")) == "/t: no such directory");
  CHECK(error_of(may_put_into(Standing::link_to_file, "/t")) == "/t: is not a directory");
}

TEST_CASE("destination: a temporary name stands beside its file and fits", "[worker]") {
  const std::string token = "0123456789abcdef";
  CHECK(temporary_beside("/srv/app", token) == "/srv/.app.fanout-" + token);
  CHECK(temporary_beside("app", token) == ".app.fanout-" + token);
  CHECK(temporary_beside("/app", token) == "/.app.fanout-" + token);
  const std::string longest(255, 'x');
  const std::string name = temporary_beside(longest, token);
  CHECK(name.size() == 255);
  CHECK(name.ends_with("x.fanout-" + token));
  // Two bytes each, at both parities: no character is cut in two.
  for (const std::string &before : {std::string(), std::string("y")}) {
    std::string two = before;
    while (two.size() < 254) two += "\xc3\xa9";
    const std::string cut = temporary_beside(two, token);
    CHECK(cut.size() <= 255);
    const std::string_view kept =
        std::string_view(cut).substr(1, cut.size() - 1 - token.size() - 8);
    CHECK((kept.size() - before.size()) % 2 == 0);
  }
}

TEST_CASE("destination: the folder of a path and the staging folder in it", "[worker]") {
  CHECK(folder_of("a").empty());
  CHECK(folder_of("/a") == "/");
  CHECK(folder_of("a/b") == "a");
  CHECK(folder_of("/a//b") == "/a");
  CHECK(staging_folder("", "T") == ".fanout-T");
  CHECK(staging_folder("/", "T") == "/.fanout-T");
  CHECK(staging_folder("/a", "T") == "/a/.fanout-T");
}
