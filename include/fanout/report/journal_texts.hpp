// The texts of journals: what hosts have printed, each text once, by its SHA-256.
//
// Lives in the parent. As much of it as does not fit in memory waits in a temporary file (spill.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "fanout/core/result.hpp"
#include "fanout/report/spill.hpp"

namespace fanout::report {

// What a journal keeps of one text, and of all texts of a run: whoever prints gigabytes fills no disk with them.
inline constexpr std::size_t longest_journaled_text = std::size_t{64} << 10;
inline constexpr std::size_t most_journaled_text = std::size_t{64} << 20;

class JournalTexts {
public:
  struct Text {
    HeldText beginning;       // at most longest_journaled_text
    std::uint64_t bytes = 0;  // of all that was printed
  };

  explicit JournalTexts(SpillLimits limits = {}) : spill_(limits) {}

  // `sha256`: 64 hexadecimal digits. Of two beginnings of one text the longer one is kept.
  core::Result<void> add(const std::string &sha256, std::uint64_t bytes,
                         std::string_view beginning);
  [[nodiscard]] const Text *find(const std::string &sha256) const;

private:
  Spill spill_;
  std::unordered_map<std::string, Text> texts_;
};

}  // namespace fanout::report
