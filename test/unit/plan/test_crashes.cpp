#include <csignal>

#include <catch2/catch_test_macros.hpp>

#include "fanout/plan/crashes.hpp"

using namespace fanout;

namespace {

core::Event death(int signal) { return core::Ended{0, {}, signal}; }

}  // namespace

TEST_CASE("crashes: the fifth worker that dies of a memory fault ends the run", "[plan]") {
  plan::Crashes crashes;
  for (const int signal : {SIGSEGV, SIGBUS, SIGILL, SIGABRT})
    CHECK_FALSE(crashes.observe(death(signal)));
  const auto why = crashes.observe(death(SIGSYS));
  REQUIRE(why);
  CHECK(why->find("5 workers have crashed") != std::string::npos);
  CHECK_FALSE(crashes.observe(death(SIGSEGV)));
}

TEST_CASE("crashes: workers that are killed, or end by themselves, are not counted", "[plan]") {
  plan::Crashes crashes;
  for (int i = 0; i < 20; ++i) {
    CHECK_FALSE(crashes.observe(death(SIGKILL)));
    CHECK_FALSE(crashes.observe(death(SIGTERM)));
    CHECK_FALSE(crashes.observe(death(0)));
    CHECK_FALSE(crashes.observe(core::Started{0}));
  }
}
