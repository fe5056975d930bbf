// OpenSSH's picture, square by square the same, because it is compared with one that ssh-keygen has printed elsewhere.
//
// A bishop starts in the middle of the board and makes one diagonal step for every two bits of the hash, the low bits of
// a byte first; a wall is slid along. The more often a square was visited, the darker its sign. (Loss, Limmer, von
// Gernler: The drunken bishop, 2009.)
#include "fanout/ssh/visual_fingerprint.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "fanout/ssh/fingerprint.hpp"

namespace fanout::ssh {

namespace {

using core::Result;

constexpr int width = 17;
constexpr int height = 9;
constexpr std::string_view signs = " .o+=*BOX@%&#/^";
constexpr char start_sign = 'S';
constexpr char end_sign = 'E';

using Board = std::array<std::array<std::size_t, width>, height>;

std::string border(std::string_view title) {
  const std::size_t left = (width - title.size()) / 2;
  return fmt::format("+{:-<{}}{:-<{}}+", "", left, title, width - left);
}

std::string title_of(std::string_view blob) {
  const std::string_view type = describe_key_type(key_type(blob).value_or(std::string_view()));
  const std::size_t bits = key_bits(blob);
  const std::string title =
      bits == 0 ? fmt::format("[{}]", type) : fmt::format("[{} {}]", type, bits);
  return title.substr(0, width);
}

}  // namespace

Result<std::vector<std::string>> visual_fingerprint(std::string_view blob) {
  TRY_ASSIGN(const KeyDigest digest, key_digest(blob));
  Board visits{};
  int x = width / 2;
  int y = height / 2;
  for (unsigned byte : digest)
    for (int step = 0; step < 4; ++step, byte >>= 2) {
      x = std::clamp(x + ((byte & 1) != 0 ? 1 : -1), 0, width - 1);
      y = std::clamp(y + ((byte & 2) != 0 ? 1 : -1), 0, height - 1);
      std::size_t &visited = visits[static_cast<std::size_t>(y)][static_cast<std::size_t>(x)];
      visited = std::min(visited + 1, signs.size() - 1);
    }

  std::vector<std::string> lines{border(title_of(blob))};
  for (int row = 0; row < height; ++row) {
    std::string &line = lines.emplace_back("|");
    for (int column = 0; column < width; ++column) {
      // The end wins where both are: as in OpenSSH.
      if (row == y && column == x)
        line += end_sign;
      else if (row == height / 2 && column == width / 2)
        line += start_sign;
      else
        line += signs[visits[static_cast<std::size_t>(row)][static_cast<std::size_t>(column)]];
    }
    line += '|';
  }
  lines.push_back(border("[SHA256]"));
  return lines;
}

}  // namespace fanout::ssh
