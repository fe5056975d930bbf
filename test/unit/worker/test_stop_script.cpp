#include <string>

#include <catch2/catch_test_macros.hpp>

#include "worker/stop_script.hpp"

using namespace fanout;
using namespace fanout::worker;

TEST_CASE("stop script: signals are enough where they reach the whole group", "[worker]") {
  for (const char *const server : {"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3", "SSH-2.0-OpenSSH_7.9",
                                   "SSH-2.0-OpenSSH_10.0", "SSH-2.0-OpenSSH_8.0p1-hpn14v15"})
    CHECK(stop_way(server) == StopWay::signals);
}

TEST_CASE("stop script: older servers and dropbear need it", "[worker]") {
  for (const char *const server :
       {"SSH-2.0-dropbear_2022.83", "SSH-2.0-dropbear", "SSH-2.0-OpenSSH_7.8",
        "SSH-2.0-OpenSSH_6.6.1p1 Ubuntu", "SSH-1.99-OpenSSH_3.9p1"})
    CHECK(stop_way(server) == StopWay::script_then_signals);
}

TEST_CASE("stop script: it is not for servers that may have one process for all", "[worker]") {
  for (const char *const server :
       {"SSH-2.0-paramiko_2.12.0", "SSH-2.0-Go", "SSH-2.0-AsyncSSH_2.13.2",
        "SSH-2.0-OpenSSH_for_Windows_8.1", "SSH-2.0-OpenSSH_", "SSH-2.0-OpenSSH_7",
        "SSH-2.0-OpenSSH_7.", "SSH-2.0-Cisco-1.25", ""})
    CHECK(stop_way(server) == StopWay::signals);
}

TEST_CASE("stop script: every login shell takes it as one command", "[worker]") {
  const std::string command = stop_command(core::Milliseconds{5'000});
  CHECK(command.starts_with("exec sh -c '"));
  CHECK(command.ends_with("' sh '50'"));
  for (const char c : command) CHECK((c >= ' ' && c <= '~'));
  CHECK(command.find('!') == std::string::npos);
  CHECK(command.find("\\\\") == std::string::npos);
  // dropbear has taken no more for a long time.
  CHECK(command.size() < 9000);
  CHECK(stop_command(core::Milliseconds{-1}).ends_with("'0'"));
}

TEST_CASE("stop script: only whole lines of its own count", "[worker]") {
  CHECK_FALSE(read_stop_answer("fanout-stop begun").begun);
  CHECK(read_stop_answer("Welcome\nfanout-stop begun\n").begun);
  CHECK_FALSE(read_stop_answer("Welcome fanout-stop begun\n").begun);
  const StopAnswer answer = read_stop_answer(
      "hello\n\nfanout-stop begun\n\nfanout-stop found=12\n\nfanout-stop left=0\n");
  CHECK(answer.begun);
  CHECK(answer.found == 12);
  CHECK(answer.left == 0);
  for (const char *const odd :
       {"fanout-stop left=\n", "fanout-stop left=-1\n", "fanout-stop left=1x\n",
        "fanout-stop left=99999999999\n", "fanout-stop left=0"})
    CHECK_FALSE(read_stop_answer(odd).left);
}
