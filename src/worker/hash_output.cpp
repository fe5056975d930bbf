// Lines are taken by the name in them, never by their order. GNU's tools, when a name has a newline or a backslash in it,
// begin the line with a backslash and write "\n" and "\\" in the name; the others write names as they are, and then one with
// a newline is put together again from its lines.
#include "hash_output.hpp"

#include <utility>

#include "fanout/core/transfer.hpp"

namespace fanout::worker {

using core::ErrorKind;
using core::fail;
using core::Result;

namespace {

constexpr std::size_t hash_bytes = 32;
constexpr std::size_t digits = 2 * hash_bytes;
constexpr std::size_t max_line_bytes = 2 * core::max_path_bytes + digits + 16;

std::optional<unsigned> value_of(char digit) {
  if (digit >= '0' && digit <= '9') return static_cast<unsigned>(digit - '0');
  if (digit >= 'a' && digit <= 'f') return static_cast<unsigned>(digit - 'a' + 10);
  if (digit >= 'A' && digit <= 'F') return static_cast<unsigned>(digit - 'A' + 10);
  return std::nullopt;
}

std::optional<std::string> parse_hash(std::string_view text) {
  std::string hash;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    const auto high = value_of(text[i]);
    const auto low = value_of(text[i + 1]);
    if (!high || !low) return std::nullopt;
    hash += static_cast<char>(*high << 4U | *low);
  }
  return hash;
}

bool is_hash_line(std::string_view line) {
  return line.size() >= digits + 2 && line[digits] == ' ' && parse_hash(line.substr(0, digits));
}

std::string without_escapes(std::string_view name) {
  std::string text;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name[i] != '\\' || i + 1 == name.size()) {
      text += name[i];
      continue;
    }
    const char next = name[++i];
    if (next == 'n')
      text += '\n';
    else if (next == 'r')
      text += '\r';
    else if (next == '\\')
      text += '\\';
    else
      (text += '\\') += next;
  }
  return text;
}

}  // namespace

HashOutput::HashOutput(const std::vector<std::string> &names)
    : hashes_(names.size()), contradicted_(names.size()) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    places_[names[i]].push_back(i);
    any_newline_ = any_newline_ || names[i].find('\n') != std::string::npos;
  }
}

Result<void> HashOutput::add(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    const std::string_view piece = bytes.substr(0, end);
    if (line_.size() + piece.size() > max_line_bytes)
      return fail(ErrorKind::protocol, "the host sent an endless line instead of a hash");
    line_ += piece;
    if (end == std::string_view::npos) break;
    take_line(line_);
    line_.clear();
    bytes.remove_prefix(end + 1);
  }
  return {};
}

void HashOutput::take_line(std::string_view line) {
  if (tool_.empty()) {
    if (line.starts_with(mark)) tool_ = line.substr(mark.size());
    return;
  }
  if (take_hash(line)) {
    begun_.clear();
  } else if (any_newline_) {
    if (!begun_.empty() && !is_hash_line(line)) {
      begun_ += '\n';
      begun_ += line;
    } else {
      begun_ = line;
    }
    if (begun_.size() > max_line_bytes || take_hash(begun_)) begun_.clear();
  }
}

bool HashOutput::take_hash(std::string_view line) {
  const bool escaped = line.starts_with('\\');
  if (escaped) line.remove_prefix(1);
  // A blank or a star behind the blank is how the file was read, not part of its name; `sha256 -r` has the blank alone.
  if (!is_hash_line(line)) return false;
  const auto hash = parse_hash(line.substr(0, digits));
  const auto find = [&](std::string_view name) {
    return places_.find(escaped ? without_escapes(name) : std::string(name));
  };
  const std::string_view rest = line.substr(digits + 1);
  auto found = places_.end();
  if (rest.front() == ' ' || rest.front() == '*') found = find(rest.substr(1));
  if (found == places_.end()) found = find(rest);
  if (found == places_.end()) return false;
  for (const std::size_t place : found->second) {
    if (hashes_[place] && *hashes_[place] != *hash) contradicted_[place] = true;
    hashes_[place] = contradicted_[place] ? std::nullopt : hash;
  }
  return true;
}

}  // namespace fanout::worker
