#include <set>
#include <string>

#include <catch2/catch_test_macros.hpp>

#include "fanout/core/status.hpp"

using namespace fanout::core;

TEST_CASE("status: the words are those that scripts know", "[core]") {
  const char *const words[] = {"ok",          "failed",      "timeout", "resolve",
                               "unreachable", "host_key",    "auth",    "protocol",
                               "skipped",     "interrupted", "internal"};
  for (int i = 0; i < status_count; ++i) CHECK(to_string(static_cast<Status>(i)) == words[i]);
}

TEST_CASE("status: every phase has its own word and its own sentence", "[core]") {
  std::set<std::string_view> words;
  std::set<std::string_view> sentences;
  for (int i = 0; i < phase_count; ++i) {
    words.insert(to_string(static_cast<Phase>(i)));
    sentences.insert(describe(static_cast<Phase>(i)));
  }
  CHECK(words.size() == phase_count);
  CHECK(sentences.size() == phase_count);
}

TEST_CASE("status: a number from another process is checked before it becomes a value", "[core]") {
  CHECK(status_from_wire(0) == Status::ok);
  CHECK_FALSE(status_from_wire(status_count));
  CHECK(phase_from_wire(8) == Phase::done);
  CHECK_FALSE(phase_from_wire(phase_count));
  CHECK(remote_end_from_wire(3) == RemoteEnd::unknown);
  CHECK_FALSE(remote_end_from_wire(4));
  CHECK(stop_method_from_wire(2) == StopMethod::kill_command);
  CHECK_FALSE(stop_method_from_wire(3));
}

TEST_CASE("status: how a command was stopped has a word, and none when it was not", "[core]") {
  CHECK(to_string(StopMethod::none).empty());
  CHECK(to_string(StopMethod::channel_signal) == "signal");
  CHECK(to_string(StopMethod::kill_command) == "kill");
}

TEST_CASE("status: an error decides its host's word", "[core]") {
  CHECK(status_of(ErrorKind::timeout) == Status::timeout);
  CHECK(status_of(ErrorKind::host_key) == Status::host_key);
  CHECK(status_of(ErrorKind::local) == Status::internal);
  CHECK(status_of(ErrorKind::interrupted) == Status::interrupted);
}

TEST_CASE("status: a host that is skipped or interrupted has not failed", "[core]") {
  std::set<Status> no_failures;
  for (int value = 0; value < status_count; ++value)
    if (const auto status = static_cast<Status>(value); !is_failure(status))
      no_failures.insert(status);
  CHECK(no_failures == std::set{Status::ok, Status::skipped, Status::interrupted});
}
