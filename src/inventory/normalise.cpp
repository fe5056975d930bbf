#include "normalise.hpp"

#include <unordered_map>

#include <fmt/format.h>

#include "keys.hpp"
#include "name_table.hpp"
#include "names.hpp"

namespace fanout::inventory {

namespace {

using core::Result;

constexpr std::size_t longest_line_bytes = 1 << 20;
constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

std::string_view without_comment(std::string_view line) {
  bool after_blank = true;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (after_blank && (c == ';' || c == '#')) return line.substr(0, i);
    after_blank = c == ' ' || c == '\t';
  }
  return line;
}

bool is_comment(std::string_view text) {
  return text.empty() || text.front() == ';' || text.front() == '#';
}

class Normaliser {
public:
  explicit Normaliser(const Draft &draft) : draft_(draft) {}

  Result<Normalised> run(std::string_view text) {
    if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff"))
      return fail_at(draft_, 1, "the file is UTF-16; it must be UTF-8");
    if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
    while (!text.empty()) {
      ++line_;
      const std::size_t end = text.find('\n');
      std::string_view line = text.substr(0, end);
      text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
      if (line.size() > longest_line_bytes)
        return fail_at(draft_, line_,
                       fmt::format("the line is longer than {} bytes", longest_line_bytes));
      if (line.ends_with('\r')) line.remove_suffix(1);
      if (line.find('\0') != std::string_view::npos)
        return fail_at(draft_, line_, "a NUL byte; the file must be UTF-8 text");
      if (line.find('\r') != std::string_view::npos)
        return fail_at(draft_, line_,
                       "a carriage return inside the line; lines end with LF or CRLF");
      TRY(take_line(line));
    }
    return std::move(result_);
  }

private:
  Result<void> take_line(std::string_view line) {
    // The whole line for a section, because [db]; is one too.
    if (const std::string_view whole = trimmed(line); whole.starts_with('[')) {
      const std::size_t end = whole.find(']');
      if (end == std::string_view::npos)
        return fail_at(draft_, line_, fmt::format("{}: a [ without its ]", in_quotes(whole)));
      const std::string_view behind = whole.substr(end + 1);
      if (is_comment(trimmed(behind))) return take_section(trimmed(whole.substr(1, end - 1)));
      // [::1]:22 and [1-3].example.org are members.
      if (behind.front() == ' ' || behind.front() == '\t')
        return fail_at(draft_, line_,
                       fmt::format("{}: text after the name of a section", in_quotes(whole)));
    }
    const std::string_view entry = trimmed(without_comment(line));
    if (entry.empty()) return {};
    return take_entry(entry);
  }

  Result<void> take_section(std::string_view name) {
    if (name.empty()) return fail_at(draft_, line_, "a section without a name");
    const auto [first, added] = section_lines_.try_emplace(std::string(name), line_);
    if (!added)
      return fail_at(
          draft_, line_,
          fmt::format("section [{}] is there twice, first on line {}", name, first->second));
    result_.sections.push_back({std::string(name), line_, {}, {}});
    keys_ = {};
    key_lines_.clear();
    result_.text.append("[").append(name).append("]\n");
    return {};
  }

  Result<void> take_entry(std::string_view entry) {
    const std::size_t equals = entry.find('=');
    const bool bare = equals == std::string_view::npos;
    const std::string_view key = trimmed(entry.substr(0, equals));
    const std::string_view value = bare ? key : trimmed(entry.substr(equals + 1));
    if (key.empty()) return fail_at(draft_, line_, "a key is missing before the =");
    if (result_.sections.empty())
      return fail_at(draft_, line_,
                     fmt::format("{} stands before the first section", in_quotes(key)));
    const auto [id, added] = keys_.intern(key);
    if (!added)
      return fail_at(
          draft_, line_,
          fmt::format("{} is there twice, first on line {}", in_quotes(key), key_lines_[id]));
    key_lines_.push_back(line_);

    Normalised::Lines &lines = result_.sections.back();
    if (bare && is_known_key(key))
      return fail_at(draft_, line_, fmt::format("{} has no value", key));
    if (key == "hosts" && value.empty()) return fail_at(draft_, line_, "hosts has no value");
    if (key == "hosts" || (key == value && !is_known_key(key))) {
      lines.members.push_back({Member::Kind::pattern, std::string(value), line_});
      return {};
    }
    lines.settings.push_back(line_);
    // read_ini() would take such a key for a section. It is unknown in any case.
    if (key.starts_with('[')) result_.text += '.';
    result_.text.append(key).append("=");
    if (is_password_key(key))
      result_.passwords.emplace(line_, core::Secret(std::string(value)));
    else
      result_.text.append(value);
    result_.text += '\n';
    return {};
  }

  const Draft &draft_;
  int line_ = 0;
  Normalised result_;
  std::unordered_map<std::string, int> section_lines_;
  NameTable keys_;  // of the current section
  std::vector<int> key_lines_;
};

}  // namespace

Result<Normalised> normalise(const Draft &draft, std::string_view text) {
  return Normaliser(draft).run(text);
}

}  // namespace fanout::inventory
