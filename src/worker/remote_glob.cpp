// A pattern is taken apart at its slashes. What a component without pattern means is only asked at the end; each one with
// a pattern costs the reading of the directories that were found so far. A bracket cannot hold a slash, as in any shell.
#include "remote_glob.hpp"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "listing_check.hpp"

namespace fanout::worker {

using core::Error;
using core::ErrorKind;
using core::fail;
using core::Result;

namespace {

// Of all paths found at any step: what fits into the memory of a worker.
constexpr std::size_t max_match_bytes = 32 << 20;
constexpr std::size_t asked_at_once = 64;

// [:alpha:] and its like for ASCII, which is all that the locale "C" knows.
bool is_of_class(std::string_view name, unsigned char c) {
  const bool upper = c >= 'A' && c <= 'Z';
  const bool lower = c >= 'a' && c <= 'z';
  const bool digit = c >= '0' && c <= '9';
  const bool graph = c > ' ' && c < 0x7f;
  const bool blank = c == ' ' || c == '\t';
  if (name == "alpha") return upper || lower;
  if (name == "upper") return upper;
  if (name == "lower") return lower;
  if (name == "digit") return digit;
  if (name == "alnum") return upper || lower || digit;
  if (name == "xdigit") return digit || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f');
  if (name == "graph") return graph;
  if (name == "print") return graph || c == ' ';
  if (name == "punct") return graph && !upper && !lower && !digit;
  if (name == "blank") return blank;
  if (name == "space") return blank || (c >= '\n' && c <= '\r');
  if (name == "cntrl") return c < ' ' || c == 0x7f;
  return false;
}

// [...] with its exact meaning (POSIX, XBD 9.3.5), from behind the opening bracket.
class Bracket {
public:
  Bracket(std::string_view pattern, std::size_t begin) : pattern_(pattern), at_(begin) {}

  // Whether `c` is in it; nullopt when the bracket is never closed, and so is a character like any other.
  std::optional<bool> holds(unsigned char c);
  [[nodiscard]] std::size_t end() const { return at_; }

private:
  // One character, written as itself, quoted, or as [.x.] or [=x=].
  std::optional<unsigned char> character();
  [[nodiscard]] bool at_end() const { return at_ >= pattern_.size(); }
  // The inside of [:alpha:], [.x.] or [=x=] that begins here, and steps behind it; empty when none does.
  std::string_view named(char mark);

  std::string_view pattern_;
  std::size_t at_;
};

std::string_view Bracket::named(char mark) {
  if (pattern_.substr(at_, 2) != std::string{'[', mark}) return {};
  const std::size_t end = pattern_.find(std::string{mark, ']'}, at_ + 2);
  if (end == std::string_view::npos || end == at_ + 2) return {};
  const std::string_view inside = pattern_.substr(at_ + 2, end - at_ - 2);
  at_ = end + 2;
  return inside;
}

std::optional<unsigned char> Bracket::character() {
  for (const char mark : {'.', '='})
    if (const std::string_view inside = named(mark); !inside.empty())
      return static_cast<unsigned char>(inside.front());
  if (pattern_[at_] == '\\') ++at_;
  if (at_end()) return {};
  return static_cast<unsigned char>(pattern_[at_++]);
}

std::optional<bool> Bracket::holds(unsigned char c) {
  const bool negated = !at_end() && (pattern_[at_] == '!' || pattern_[at_] == '^');
  if (negated) ++at_;
  bool found = false;
  for (bool first = true;; first = false) {
    if (at_end()) return {};
    if (pattern_[at_] == ']' && !first) {
      ++at_;
      return found != negated;
    }
    if (const std::string_view name = named(':'); !name.empty()) {
      found = found || is_of_class(name, c);
      continue;
    }
    const auto low = character();
    if (!low) return {};
    auto high = low;
    if (at_ + 1 < pattern_.size() && pattern_[at_] == '-' && pattern_[at_ + 1] != ']') {
      ++at_;
      high = character();
      if (!high) return {};
    }
    found = found || (*low <= c && c <= *high);
  }
}

// Whether the part of the pattern at `at`, which is no star, means `c`; then `at` is behind it.
bool step(std::string_view pattern, std::size_t &at, char c) {
  std::size_t end = at + 1;
  bool same = pattern[at] == c;
  if (pattern[at] == '?') {
    same = true;
  } else if (pattern[at] == '\\') {
    if (end == pattern.size()) return false;
    same = pattern[end++] == c;
  } else if (pattern[at] == '[') {
    Bracket bracket(pattern, end);
    if (const auto held = bracket.holds(static_cast<unsigned char>(c))) {
      same = *held;
      end = bracket.end();
    }
  }
  if (same) at = end;
  return same;
}

std::string joined(std::string_view directory, std::string_view name) {
  if (directory.empty() || directory.ends_with('/')) return std::string(directory).append(name);
  return fmt::format("{}/{}", directory, name);
}

// The pattern's way through the folders of the host.
class Search {
public:
  Search(ssh::Sftp &sftp, std::string pattern) : sftp_(sftp), pattern_(std::move(pattern)) {}

  ssh::Task<Result<Matches>> run();

private:
  ssh::Task<Result<void>> read(std::string directory, std::string component);
  ssh::Task<Result<void>> keep_what_exists();
  Result<void> add(std::string path);
  // A folder on the way that cannot be read is the reason only if nothing is found elsewhere.
  Result<void> passed_over(const ssh::FileError &error);

  ssh::Sftp &sftp_;
  std::string pattern_;
  std::vector<std::string> found_;
  std::size_t found_bytes_ = 0;
  std::optional<Error> fault_;
  std::optional<Error> refused_;
};

Result<void> Search::add(std::string path) {
  found_bytes_ += path.size() + sizeof(std::string);
  if (found_bytes_ > max_match_bytes)
    return fail(ErrorKind::remote, fmt::format("{}: matches too many files", pattern_));
  found_.push_back(std::move(path));
  return {};
}

Result<void> Search::passed_over(const ssh::FileError &error) {
  if (error.status == ssh::FileStatus::none) return fail(error.error);
  if (error.status == ssh::FileStatus::permission_denied && !refused_) refused_ = error.error;
  return {};
}

ssh::Task<Result<void>> Search::read(std::string directory, std::string component) {
  const std::string shown = directory.empty() ? "." : directory;
  auto handle = co_await sftp_.open_directory(shown);
  if (!handle) co_return passed_over(handle.error());
  ListingCheck check;
  Result<void> result;
  while (result) {
    auto part = co_await sftp_.read_directory(*handle, shown);
    if (!part) {
      result = passed_over(part.error());
      break;
    }
    if (!part->has_value()) break;
    result = check.part(shown, (*part)->size());
    for (const ssh::DirectoryEntry &entry : **part) {
      if (!result) break;
      if (auto fault = check.fault_of(shown, entry.name)) {
        if (!fault_) fault_ = std::move(fault);
        continue;
      }
      if (matches(component, entry.name)) result = add(joined(directory, entry.name));
    }
  }
  auto closed = co_await sftp_.close(*handle, shown);
  if (!closed && closed.error().status == ssh::FileStatus::none)
    co_return fail(closed.error().error);
  co_return result;
}

ssh::Task<Result<void>> Search::keep_what_exists() {
  std::vector<std::string> asked = std::exchange(found_, {});
  found_bytes_ = 0;
  std::deque<ssh::Pending<ssh::Attributes>> answers;
  std::size_t next = 0;
  for (std::string &path : asked) {
    for (; next < asked.size() && answers.size() < asked_at_once; ++next)
      answers.push_back(sftp_.lstat(asked[next]));
    auto answer = std::move(answers.front());
    answers.pop_front();
    auto attributes = co_await answer;
    Result<void> result = attributes ? add(std::move(path)) : passed_over(attributes.error());
    if (!result) co_return result;
  }
  co_return Result<void>{};
}

ssh::Task<Result<Matches>> Search::run() {
  const bool absolute = pattern_.starts_with('/');
  found_ = {absolute ? "/" : ""};
  bool any_pattern = false;
  bool certain = false;  // what was found was seen in a listing
  std::string_view rest = pattern_;
  while (!rest.empty()) {
    const std::size_t length = std::min(rest.find('/'), rest.size());
    const std::string component(rest.substr(0, length));
    rest.remove_prefix(std::min(length + 1, rest.size()));
    if (component.empty()) continue;
    certain = is_pattern(component);
    if (!certain) {
      for (std::string &path : found_) path = joined(path, unquoted(component));
      continue;
    }
    any_pattern = true;
    const std::vector<std::string> directories = std::exchange(found_, {});
    found_bytes_ = 0;
    for (const std::string &directory : directories) {
      auto done = co_await read(directory, component);
      if (!done) co_return fail(done.error());
    }
  }
  if (any_pattern && !certain) {
    auto done = co_await keep_what_exists();
    if (!done) co_return fail(done.error());
  }
  if (found_.empty()) {
    // A fault may have hidden the match, so it is the better reason.
    if (fault_) co_return fail(*fault_);
    if (refused_) co_return fail(*refused_);
    co_return fail(ErrorKind::remote, "no such file: " + pattern_);
  }
  std::sort(found_.begin(), found_.end());
  Matches result{std::move(found_), std::move(fault_)};
  co_return result;
}

}  // namespace

bool is_pattern(std::string_view component) {
  for (std::size_t at = 0; at < component.size(); ++at) {
    if (component[at] == '\\')
      ++at;
    else if (component[at] == '*' || component[at] == '?' || component[at] == '[')
      return true;
  }
  return false;
}

std::string unquoted(std::string_view component) {
  std::string text;
  for (std::size_t at = 0; at < component.size(); ++at) {
    if (component[at] == '\\' && at + 1 < component.size()) ++at;
    text += component[at];
  }
  return text;
}

bool matches(std::string_view pattern, std::string_view name) {
  if (name.starts_with('.') && !pattern.starts_with('.') && !pattern.starts_with("\\."))
    return false;
  // Only the last star is ever gone back to: what an earlier one could take, it could take as well.
  std::size_t at = 0;
  std::size_t taken = 0;
  std::optional<std::size_t> behind_star;
  std::size_t star_takes = 0;
  while (taken < name.size()) {
    if (at < pattern.size() && pattern[at] == '*') {
      behind_star = ++at;
      star_takes = taken;
    } else if (at < pattern.size() && step(pattern, at, name[taken])) {
      ++taken;
    } else if (behind_star) {
      at = *behind_star;
      taken = ++star_takes;
    } else {
      return false;
    }
  }
  while (at < pattern.size() && pattern[at] == '*') ++at;
  return at == pattern.size();
}

ssh::Task<Result<Matches>> find_matches(ssh::Sftp &sftp, std::string pattern) {
  Search search(sftp, std::move(pattern));
  auto result = co_await search.run();
  co_return result;
}

}  // namespace fanout::worker
