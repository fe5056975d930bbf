// Applies the operators of a pattern. What is hard about it is what a hostile or careless expression costs: names are
// counted when the pattern is parsed, here the members of groups and what globs and regexes look at are.
#include "evaluate.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "names.hpp"

namespace fanout::inventory {

namespace {

using core::ErrorKind;
using core::fail;
using core::Result;

using Kind = Pattern::Kind;

// One expression may mention a group of 100,000 hosts a thousand times; then it is no longer somebody's list of hosts. Adding
// a member of a group takes about ten times as long as comparing a name with a glob. All together: a second or two.
constexpr std::uint64_t most_steps = 50 * most_names;
constexpr std::uint64_t steps_per_member = 10;
constexpr std::size_t longest_regex = 1000;

class Evaluation {
public:
  explicit Evaluation(Lookup &lookup) : lookup_(lookup) {}

  // Adds what the term stands for.
  Result<void> add(const Pattern::Term &term, TargetSet &into) {
    switch (term.kind) {
      case Kind::names:
        into.reserve(term.text.count());
        return for_each_text(term, [&](std::string_view text) -> Result<void> {
          TRY_ASSIGN(Target target, parse_target(text));
          return lookup_.add_word(std::move(target), into);
        });
      case Kind::group:
        return for_each_text(term, [&](std::string_view text) -> Result<void> {
          TRY(still_reasonable(term));
          return add_group(text, into);
        });
      case Kind::glob:
      case Kind::group_glob:
      case Kind::regex:
      case Kind::group_regex: return add_matching(term, into);
    }
    return {};
  }

  [[nodiscard]] Result<void> still_reasonable(const Pattern::Term &term) const {
    if (steps_ <= most_steps) return {};
    return fail(ErrorKind::usage,
                fmt::format("{}: the expression takes too long", in_quotes(term.written)));
  }

private:
  Result<void> for_each_text(const Pattern::Term &term,
                             const std::function<Result<void>(std::string_view)> &use) {
    Result<void> result;
    term.text.for_each([&](std::string_view text) {
      result = use(text);
      return result.has_value();
    });
    return result;
  }

  Result<void> add_group(std::string_view group, TargetSet &into) {
    if (auto wrong = wrong_with_name(group))
      return fail(ErrorKind::usage,
                  fmt::format("{} is not the name of a group: {}", in_quotes(group), *wrong));
    const std::uint64_t before = into.additions();
    TRY(lookup_.add_group(group, into));
    steps_ += steps_per_member * (1 + into.additions() - before);
    return {};
  }

  Result<void> add_matching(const Pattern::Term &term, TargetSet &into) {
    TRY_ASSIGN(const NameMatcher matches, name_matcher(term));
    const std::uint64_t cost = std::max<std::uint64_t>(1, term.text.count());
    std::vector<std::string> found;
    const auto look_at = [&](const std::string &name) {
      if (steps_ > most_steps) return;
      steps_ += cost;
      if (matches(name)) found.push_back(name);
    };
    if (term.kind == Kind::glob || term.kind == Kind::regex) {
      lookup_.for_each_host(look_at);
      for (std::string &name : found) TRY(into.add(Target{std::move(name), {}, 0}));
    } else {
      lookup_.for_each_group(look_at);
      for (const std::string &name : found) TRY(add_group(name, into));
    }
    return still_reasonable(term);
  }

  Lookup &lookup_;
  std::uint64_t steps_ = 0;
};

bool is_matching(Kind kind) { return kind != Kind::names && kind != Kind::group; }

}  // namespace

Result<TargetSet> evaluate(const Pattern &pattern, Lookup &lookup) {
  Evaluation evaluation(lookup);
  TargetSet left;
  for (const Pattern::Term &term : pattern.terms()) {
    TRY(evaluation.still_reasonable(term));
    // The common case needs no second set; a term that may turn out empty does.
    if (term.op == Pattern::Operator::unite && !is_matching(term.kind)) {
      TRY(evaluation.add(term, left));
      continue;
    }
    TargetSet right;
    TRY(evaluation.add(term, right));
    if (right.size() == 0 || term.op == Pattern::Operator::subtract)
      TRY(lookup.on_nothing(term, left, right));
    switch (term.op) {
      case Pattern::Operator::unite: TRY(left.unite(right)); break;
      case Pattern::Operator::subtract: left.subtract(right); break;
      case Pattern::Operator::intersect: TRY(left.intersect(right)); break;
      case Pattern::Operator::differ: TRY(left.differ(right)); break;
    }
  }
  return left;
}

Result<std::regex> compile_regex(const std::string &expression) {
  if (expression.empty()) return fail(ErrorKind::usage, "'~': the regular expression is missing");
  if (expression.size() > longest_regex)
    return fail(ErrorKind::usage, fmt::format("{}: a regular expression of more than {} bytes",
                                              in_quotes(expression), longest_regex));
  auto flags = std::regex::ECMAScript;
#ifdef __GLIBCXX__
  // The other matcher of libstdc++ takes exponential time for (a*)*b. This one has no back-references.
  flags |= std::regex_constants::__polynomial;
#endif
  try {
    return std::regex(expression, flags);
  } catch (const std::regex_error &error) {
    if (error.code() == std::regex_constants::error_complexity ||
        error.code() == std::regex_constants::error_backref)
      return fail(ErrorKind::usage, fmt::format("{}: back-references are not supported",
                                                in_quotes("~" + expression)));
    return fail(ErrorKind::usage, fmt::format("{} is not a regular expression: {}",
                                              in_quotes("~" + expression), error.what()));
  }
}

Result<NameMatcher> name_matcher(const Pattern::Term &term) {
  if (!term.regex.empty()) {
    TRY_ASSIGN(std::regex regex, compile_regex(term.regex));
    return [regex = std::move(regex)](const std::string &name) {
      return std::regex_search(name, regex);
    };
  }
  // A glob with ranges matches what any of its expansions matches.
  return [&term](const std::string &name) {
    bool matches = false;
    term.text.for_each([&](std::string_view glob) {
      matches = matches_glob(glob, name);
      return !matches;
    });
    return matches;
  };
}

bool matches_glob(std::string_view glob, std::string_view name) {
  // On a mismatch the last * takes one byte more; those before it need no second look.
  std::size_t g = 0;
  std::size_t n = 0;
  std::size_t star = std::string_view::npos;
  std::size_t star_end = 0;
  while (n < name.size()) {
    if (g < glob.size() && glob[g] == '*') {
      star = g++;
      star_end = n;
    } else if (g < glob.size() && (glob[g] == '?' || glob[g] == name[n])) {
      ++g;
      ++n;
    } else if (star != std::string_view::npos) {
      g = star + 1;
      n = ++star_end;
    } else {
      return false;
    }
  }
  while (g < glob.size() && glob[g] == '*') ++g;
  return g == glob.size();
}

namespace {

// No inventory at all.
class NoInventory final : public Lookup {
public:
  Result<void> add_word(Target target, TargetSet &into) override {
    return into.add(std::move(target));
  }
  Result<void> add_group(std::string_view group, TargetSet & /*into*/) override {
    return fail(ErrorKind::usage, fmt::format("{}: groups need an inventory", in_quotes(group)));
  }
  void for_each_host(const std::function<void(const std::string &)> & /*use*/) const override {}
  void for_each_group(const std::function<void(const std::string &)> & /*use*/) const override {}
  Result<void> on_nothing(const Pattern::Term &term, const TargetSet & /*left*/,
                          const TargetSet &right) override {
    if (right.size() > 0) return {};
    return fail(ErrorKind::usage, fmt::format("{}: globs and regular expressions need an inventory",
                                              in_quotes(term.written)));
  }
};

}  // namespace

Result<std::vector<Target>> expand(std::string_view text) {
  TRY_ASSIGN(const Pattern pattern, Pattern::parse(text));
  NoInventory nothing;
  TRY_ASSIGN(TargetSet targets, evaluate(pattern, nothing));
  return std::move(targets).take();
}

}  // namespace fanout::inventory
