#include "expected.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string_view>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include "fanout/files/sha256.hpp"

namespace fs = std::filesystem;

namespace fanout::golden {

namespace {

constexpr std::size_t largest_kept_bytes = 8'192;
constexpr std::size_t shown_lines = 8;
constexpr std::size_t shown_of_a_line = 160;

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size() - 1);
    lines.push_back(text.substr(0, end + 1));
    text.remove_prefix(end + 1);
  }
  return lines;
}

std::string shortened(std::string_view line) {
  const bool ends = !line.empty() && line.back() == '\n';
  if (ends) line.remove_suffix(1);
  if (line.size() <= shown_of_a_line)
    return fmt::format("{}{}\n", line, ends ? "" : " [no newline]");
  const std::size_t half = shown_of_a_line / 2;
  return fmt::format("{} [{} bytes] {}{}\n", line.substr(0, half), line.size() - 2 * half,
                     line.substr(line.size() - half), ends ? "" : " [no newline]");
}

std::string digest(const std::string &text) {
  files::Sha256 hash;
  hash.add(text);
  const std::vector<std::string_view> lines = lines_of(text);
  std::string described = fmt::format("bytes {}\nlines {}\nsha256 {}\n", text.size(), lines.size(),
                                      files::hexadecimal(hash.finish()));
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const bool is_shown = i < shown_lines || i + shown_lines >= lines.size();
    if (is_shown) described += shortened(lines[i]);
    if (!is_shown && i == shown_lines)
      described += fmt::format("[{} lines]\n", lines.size() - 2 * shown_lines);
  }
  return described;
}

}  // namespace

std::string read_file(const fs::path &path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::string compare(const std::string &actual, fs::path path) {
  const bool is_large = actual.size() > largest_kept_bytes;
  const std::string wanted = is_large ? digest(actual) : actual;
  if (is_large) path += ".digest";
  if (std::getenv("FANOUT_WRITE_GOLDEN") != nullptr) {
    fs::remove(path);
    if (!wanted.empty()) std::ofstream(path, std::ios::binary) << wanted;
    return path.filename();
  }
  INFO(path);
  if (!wanted.empty()) CHECK(fs::exists(path));
  CHECK(wanted == read_file(path));
  return path.filename();
}

}  // namespace fanout::golden
