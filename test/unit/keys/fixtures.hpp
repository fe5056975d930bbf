// Key files of the tests, see data/README.md.
#pragma once

#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

extern const char *const fixture_folder;

inline std::string fixture(const std::string &name) {
  std::ifstream file(std::string(fixture_folder) + "/" + name);
  if (!file) throw std::runtime_error("no fixture " + name);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline constexpr const char *fixture_passphrase = "correct horse";
