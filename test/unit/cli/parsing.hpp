// What the tests of the command line begin with.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "fanout/cli/parse.hpp"

namespace fanout::test {

using Words = std::vector<std::string>;

// `words` are those after the program's name.
inline core::Result<cli::Parsed> parse(const Words &words) {
  std::vector<const char *> argv{"fanout"};
  for (const std::string &word : words) argv.push_back(word.c_str());
  argv.push_back(nullptr);
  return cli::parse(static_cast<int>(argv.size()) - 1, argv.data());
}

inline cli::Options options_of(const Words &words) {
  auto parsed = parse(words);
  if (!parsed) FAIL(parsed.error().message);
  REQUIRE(std::holds_alternative<cli::Options>(*parsed));
  return std::get<cli::Options>(std::move(*parsed));
}

inline std::string help_of(const Words &words) {
  auto parsed = parse(words);
  if (!parsed) FAIL(parsed.error().message);
  REQUIRE(std::holds_alternative<cli::Help>(*parsed));
  return std::get<cli::Help>(*parsed).text;
}

inline std::string error_of(const Words &words) {
  const auto parsed = parse(words);
  if (parsed) return "(no error)";
  CHECK(parsed.error().kind == core::ErrorKind::usage);
  return parsed.error().message;
}

}  // namespace fanout::test
