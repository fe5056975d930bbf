// Expressions that name hosts: Pattern::parse(), RangedText, expand() and fold().
//
// Input: the expression, as on a command line.
//
// Oracle: a set of names that is worked out slowly, term by term; the size of an expansion is what count() said; fold()
// says the same hosts in other words; and what stands for too much is refused without memory for it. Time is bounded by
// libFuzzer's -timeout.
#include <algorithm>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "fanout/inventory/fold.hpp"
#include "fanout/inventory/pattern.hpp"
#include "input.hpp"
#include "oracle.hpp"

using namespace fanout;
using fuzz::must;
using fuzz::must_equal;
using inventory::Pattern;

namespace {

// A run is to be quick: larger expansions are counted and begun, not gone through.
constexpr std::uint64_t many = 3000;

using Names = std::set<std::string>;

Names names_of(const std::vector<inventory::Target> &targets) {
  Names names;
  for (const inventory::Target &target : targets) names.insert(target.name);
  must(names.size() == targets.size(), "an expansion has each host once");
  return names;
}

void check_count(const inventory::RangedText &text) {
  const std::uint64_t count = text.count();
  const std::uint64_t limit = std::min(count, many);
  std::uint64_t made = 0;
  text.for_each([&](std::string_view) { return ++made < limit; });
  must(made == limit, "for_each() makes as many texts as count() says");
  if (count > many) return;
  made = 0;
  text.for_each([&](std::string_view) { return ++made > 0; });
  must(made == count, "for_each() makes no more texts than count() says");
}

// Left to right, as the header has it.
Names expected_names(const Pattern &pattern) {
  Names left;
  for (const Pattern::Term &term : pattern.terms()) {
    Names right;
    term.text.for_each([&](std::string_view text) {
      const auto target = inventory::parse_target(text);
      must(target.has_value(), "an expression whose expansion is taken holds targets alone");
      right.insert(target->name);
      return true;
    });
    Names result;
    const auto into = std::inserter(result, result.end());
    switch (term.op) {
      case Pattern::Operator::unite:
        std::set_union(left.begin(), left.end(), right.begin(), right.end(), into);
        break;
      case Pattern::Operator::subtract:
        std::set_difference(left.begin(), left.end(), right.begin(), right.end(), into);
        break;
      case Pattern::Operator::intersect:
        std::set_intersection(left.begin(), left.end(), right.begin(), right.end(), into);
        break;
      case Pattern::Operator::differ:
        std::set_symmetric_difference(left.begin(), left.end(), right.begin(), right.end(), into);
        break;
    }
    left = std::move(result);
  }
  return left;
}

void check_target(const inventory::Target &target) {
  const auto again = inventory::parse_target(target.name);
  must(again.has_value(), "the name of a target is a target");
  must_equal(again->name, target.name, "a name stays the same when it is read again");
  must(again->port == target.port || again->port == 0, "a name holds no other port");
  must(again->user.empty(), "a name holds no user");
  must(!target.host().empty() && target.host().front() != '-', "no host looks like an option");
  for (const char c : target.name + target.user)
    must(c > 0x20 && c < 0x7f, "names and users are printable ASCII");
}

void check_fold(const Names &names) {
  const std::vector<std::string> list(names.begin(), names.end());
  const std::string folded = inventory::fold(list);
  if (names.empty()) return must(folded.empty(), "no names fold to nothing");
  const auto unfolded = inventory::expand(folded);
  must(unfolded.has_value(), "what fold() writes is a pattern");
  must(names_of(*unfolded) == names, "fold() stands for exactly the names it was given");
  std::vector<std::string> backwards(list.rbegin(), list.rend());
  backwards.insert(backwards.end(), list.begin(), list.end());
  const auto twice = inventory::expand(inventory::fold(backwards));
  must(twice && names_of(*twice) == names, "neither order nor repetition changes what fold() says");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size) {
  const std::string_view text = fuzz::Input(data, size).take_rest();
  const std::size_t before = fuzz::allocated_bytes();
  const auto pattern = Pattern::parse(text);
  // A regular expression is compiled for a look and thrown away; the rest is of the length of the text.
  must(fuzz::allocated_bytes() <= before + 400 * text.size() + 64 * 1024,
       "parsing takes memory in the length of the text alone");
  (void)Pattern::parse(text, Pattern::Words::groups);
  if (!pattern) {
    must(!inventory::expand(text), "what is no pattern has no expansion");
    return 0;
  }
  must(pattern->count() <= inventory::most_names, "what stands for too many names is refused");
  bool only_names = true;
  for (const Pattern::Term &term : pattern->terms()) {
    if (term.kind != Pattern::Kind::names) only_names = false;
    if (term.regex.empty()) check_count(term.text);
  }
  if (pattern->count() > many) return 0;

  const auto targets = inventory::expand(text);
  if (!targets) return 0;
  must(only_names, "without an inventory an expression holds names alone");
  for (const inventory::Target &target : *targets) check_target(target);
  const Names names = names_of(*targets);
  must(names == expected_names(*pattern), "an expansion holds what its operators leave");
  check_fold(names);
  return 0;
}
