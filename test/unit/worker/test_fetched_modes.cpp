#include <catch2/catch_test_macros.hpp>

#include "worker/fetched_modes.hpp"

using namespace fanout;
using worker::mode_of_fetched_file;
using worker::mode_of_fetched_folder;
using worker::time_of_fetched;

TEST_CASE("modes: a new file gets that of the host less the umask", "[worker]") {
  const core::TransferOptions plain;
  CHECK(mode_of_fetched_file(plain, 0100664, false, 022) == 0644);
  CHECK(mode_of_fetched_file(plain, 0106755, false, 077) == 0700);
  CHECK_FALSE(mode_of_fetched_file(plain, std::nullopt, false, 022));
}

TEST_CASE("modes: a file that is replaced keeps its own", "[worker]") {
  CHECK_FALSE(mode_of_fetched_file({}, 0100600, true, 022));
}

TEST_CASE("modes: with -p it is exact, but for special bits", "[worker]") {
  core::TransferOptions exact;
  exact.preserve = true;
  CHECK(mode_of_fetched_file(exact, 0106777, true, 077) == 0777);
  CHECK(mode_of_fetched_folder(exact, 0043000, false, 022) == 0);
}

TEST_CASE("modes: a folder that was there keeps its own", "[worker]") {
  CHECK_FALSE(mode_of_fetched_folder({}, 040700, false, 022));
  CHECK(mode_of_fetched_folder({}, 040770, true, 022) == 0750);
}

TEST_CASE("modes: times are set with -p and --update alone, far ones too", "[worker]") {
  core::TransferOptions options;
  CHECK_FALSE(time_of_fetched(options, 5));
  options.update = true;
  CHECK(time_of_fetched(options, 0xffff'ffff) == 4'294'967'295);
  CHECK_FALSE(time_of_fetched(options, std::nullopt));
}
