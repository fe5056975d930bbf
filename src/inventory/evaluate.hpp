// What a pattern stands for: its operators applied to sets of targets, with names and groups looked up in an inventory.
#pragma once

#include <cstdint>
#include <functional>
#include <regex>
#include <string>
#include <string_view>
#include <vector>

#include "fanout/core/result.hpp"
#include "fanout/inventory/pattern.hpp"
#include "name_table.hpp"

namespace fanout::inventory {

// Targets in order of first mention, each name once.
class TargetSet {
public:
  // Known already: nothing changes, but a user or port that had not been said is taken over. Asked for as two different
  // users: ErrorKind::usage, for one of them would be a login by accident.
  core::Result<void> add(Target target);
  void remove(std::string_view name);
  void reserve(std::size_t more);  // is about to get so many more
  [[nodiscard]] bool contains(std::string_view name) const;
  [[nodiscard]] std::size_t size() const { return size_; }
  // How often add() was called, which is what the set has cost so far.
  [[nodiscard]] std::uint64_t additions() const { return additions_; }
  void for_each(const std::function<void(const Target &)> &use) const;
  [[nodiscard]] std::vector<Target> take() &&;

  // Each returns with this set as the left operand. Linear in both.
  core::Result<void> unite(const TargetSet &other);
  void subtract(const TargetSet &other);
  core::Result<void> intersect(const TargetSet &other);
  core::Result<void> differ(const TargetSet &other);

private:
  NameTable names_;  // the numbers are positions in targets_
  std::vector<Target> targets_;
  std::vector<bool> present_;  // a removed one keeps its place, in case it is mentioned again
  std::size_t size_ = 0;
  std::uint64_t additions_ = 0;
};

// Where names come from. Implemented by the builder of an inventory, by the selection, and by expand() with nothing.
class Lookup {
public:
  virtual ~Lookup() = default;
  // A word that names a host; or whatever else it may name here.
  virtual core::Result<void> add_word(Target target, TargetSet &into) = 0;
  virtual core::Result<void> add_group(std::string_view group, TargetSet &into) = 0;
  virtual void for_each_host(const std::function<void(const std::string &)> &use) const = 0;
  virtual void for_each_group(const std::function<void(const std::string &)> &use) const = 0;
  // What to do about a glob or regex without any match, or a word that takes nothing out (`op` is subtract).
  virtual core::Result<void> on_nothing(const Pattern::Term &term, const TargetSet &left,
                                        const TargetSet &right) = 0;
};

core::Result<TargetSet> evaluate(const Pattern &pattern, Lookup &lookup);

// Checks and compiles; the time that matching takes is polynomial in the length of the name.
core::Result<std::regex> compile_regex(const std::string &expression);

// For a term that is a glob or a regex: whether it matches a name.
using NameMatcher = std::function<bool(const std::string &name)>;
// Keeps a reference to the term.
core::Result<NameMatcher> name_matcher(const Pattern::Term &term);

// `*` is any text, `?` any one byte. Takes at most glob times name steps.
bool matches_glob(std::string_view glob, std::string_view name);

}  // namespace fanout::inventory
