// What sha256sum, shasum, openssl and sha256 print, and which file each line is about. Pure; the host may say anything.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "fanout/core/result.hpp"

namespace fanout::worker {

class HashOutput {
public:
  // The names that were asked for, as they were given to the tool.
  explicit HashOutput(const std::vector<std::string> &names);

  // Any pieces. ErrorKind::protocol for a line that is longer than one about a path can be.
  core::Result<void> add(std::string_view bytes);

  // The tool that the script has found; empty while it has not said so.
  [[nodiscard]] const std::string &tool() const { return tool_; }
  // 32 raw bytes for each name; nullopt for what was not said, or was said in two ways.
  [[nodiscard]] std::vector<std::optional<std::string>> take() { return std::move(hashes_); }

  // Before the name of the tool. What comes before it are greetings of the host, and nothing of ours.
  static constexpr std::string_view mark = "fanout: ";

private:
  void take_line(std::string_view line);
  bool take_hash(std::string_view line);

  std::unordered_map<std::string, std::vector<std::size_t>> places_;
  std::vector<std::optional<std::string>> hashes_;
  std::vector<bool> contradicted_;
  std::string tool_;
  std::string line_;   // not yet whole
  std::string begun_;  // what may be the beginning of a name with a newline in it
  bool any_newline_ = false;
};

}  // namespace fanout::worker
