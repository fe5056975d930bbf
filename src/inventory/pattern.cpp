// Cuts an expression into words at its operators, and says what kind of word each is. What a word stands for is
// decided by evaluate.cpp, against an inventory.
#include "fanout/inventory/pattern.hpp"

#include <fmt/format.h>

#include "evaluate.hpp"
#include "names.hpp"

namespace fanout::inventory {

namespace {

using core::ErrorKind;
using core::fail;
using core::Result;

constexpr std::uint64_t most_globs = 1000;
constexpr std::string_view blanks = " \t";
constexpr std::string_view operators = ",!&^";
constexpr std::string_view word_ends = " \t,!&^";

// The length of the word that `text` begins with.
std::size_t plain_word_length(std::string_view text) {
  bool in_bracket = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '[') in_bracket = true;
    if (text[i] == ']') in_bracket = false;
    if (!in_bracket && word_ends.find(text[i]) != std::string_view::npos) return i;
  }
  return text.size();
}

// Of a regular expression, after its ~.
std::size_t regex_length(std::string_view text) {
  int depth = 0;
  bool in_class = false;
  bool anchor = true;  // a ^ here is one
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool at_anchor = std::exchange(anchor, false);
    if (c == '\\') {
      ++i;
    } else if (in_class) {
      in_class = c != ']';
    } else if (c == '[') {
      in_class = true;
    } else if (c == '(' || c == '{') {
      ++depth;
    } else if (c == ')' || c == '}') {
      --depth;
    } else if (depth <= 0 && c == '|') {
      anchor = true;
    } else if (depth <= 0 && word_ends.find(c) != std::string_view::npos &&
               !(c == '^' && at_anchor)) {
      return i;
    }
  }
  return text.size();
}

bool has_wildcard(std::string_view word) {
  return word.find_first_of("*?") != std::string_view::npos;
}

Result<Pattern::Term> parse_word(std::string_view word, Pattern::Words words) {
  Pattern::Term term;
  term.written = word;
  bool group = words == Pattern::Words::groups;
  if (word.front() == '@') {
    group = true;
    word.remove_prefix(1);
    if (word.empty()) return fail(ErrorKind::usage, "'@': the name of a group is missing");
  }
  if (word.front() == '~') {
    term.kind = group ? Pattern::Kind::group_regex : Pattern::Kind::regex;
    term.regex = word.substr(1);
    TRY(compile_regex(term.regex));
    return term;
  }
  if (has_wildcard(word)) {
    term.kind = group ? Pattern::Kind::group_glob : Pattern::Kind::glob;
    if (word.find('@') != std::string_view::npos)
      return fail(ErrorKind::usage,
                  fmt::format("{}: a glob matches names alone and takes no user", in_quotes(word)));
  } else {
    term.kind = group ? Pattern::Kind::group : Pattern::Kind::names;
  }
  TRY_ASSIGN(term.text, RangedText::parse(word));
  // Each is compared with every name.
  if (has_wildcard(word) && term.text.count() > most_globs)
    return fail(ErrorKind::usage,
                fmt::format("{} stands for more than {} globs", in_quotes(word), most_globs));
  return term;
}

Pattern::Operator parse_operator(char c) {
  switch (c) {
    case '!': return Pattern::Operator::subtract;
    case '&': return Pattern::Operator::intersect;
    case '^': return Pattern::Operator::differ;
    default: return Pattern::Operator::unite;
  }
}

}  // namespace

Result<Pattern> Pattern::parse(std::string_view text, Words words) {
  const std::string_view whole = text;
  const auto skip_blanks = [&] {
    const std::size_t next = text.find_first_not_of(blanks);
    text.remove_prefix(next == std::string_view::npos ? text.size() : next);
  };
  Pattern pattern;
  Operator op = Operator::unite;
  char written_op = 0;
  for (;;) {
    skip_blanks();
    if (text.empty() && written_op == 0) break;
    if (text.empty() || operators.find(text.front()) != std::string_view::npos) {
      if (written_op == 0)
        return fail(ErrorKind::usage, fmt::format("{}: nothing stands before the {}",
                                                  in_quotes(whole), text.front()));
      return fail(ErrorKind::usage,
                  fmt::format("{}: nothing stands after a {}", in_quotes(whole), written_op));
    }
    const std::size_t marks = text.front() == '@' ? 1 : 0;
    const bool regex = text.substr(marks, 1) == "~";
    const std::size_t length =
        regex ? marks + 1 + regex_length(text.substr(marks + 1)) : plain_word_length(text);
    TRY_ASSIGN(Term term, parse_word(text.substr(0, length), words));
    term.op = op;
    pattern.terms_.push_back(std::move(term));
    text.remove_prefix(length);

    skip_blanks();
    op = Operator::unite;
    written_op = 0;
    if (!text.empty() && operators.find(text.front()) != std::string_view::npos) {
      written_op = text.front();
      op = parse_operator(written_op);
      text.remove_prefix(1);
    }
  }
  if (pattern.terms_.empty()) return fail(ErrorKind::usage, "an empty pattern");
  if (pattern.count() > most_names)
    return fail(ErrorKind::usage,
                fmt::format("{} stands for more than {} names", in_quotes(whole), most_names));
  return pattern;
}

std::uint64_t Pattern::count() const {
  std::uint64_t sum = 0;
  for (const Term &term : terms_) {
    const std::uint64_t names =
        term.kind == Kind::regex || term.kind == Kind::group_regex ? 0 : term.text.count();
    if (__builtin_add_overflow(sum, names, &sum)) return UINT64_MAX;
  }
  return sum;
}

}  // namespace fanout::inventory
