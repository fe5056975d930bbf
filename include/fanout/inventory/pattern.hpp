// The pattern language: one parser for every option that names hosts, for hosts files and for hosts.ini.
//
//   web[01-12]  web[1,3,7-9]  web[0-100/10]  r[1-4]n[01-16]     ranges, see range.hpp
//   db01:2222  root@db01  [2001:db8::1]:22  root@[::1]  ::1     user and port
//   @web  @rack[1-3]                                            members of groups
//   web*  web?1                                                 names of the inventory
//   ~^web(0[1-3]|10)$                                           the same, by regular expression (ECMAScript)
//   A,B  A!B  A&B  A^B                                          union, difference, intersection, symmetric difference
//
// Operators are applied from left to right, none binds closer than another, and blanks around them do not matter; blanks
// alone between two words are a union, as for ClusterShell and pssh.
//
// A regular expression is searched for anywhere in the name, as grep does. It ends at the next operator or blank that is
// neither behind a backslash nor inside its own (), [] or {}: `~web\d{1,3},db01` is a regex and a name, and `~a(b|c),d` too.
// A `^` at its beginning or after `|` is the anchor; further on it is the operator.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "fanout/core/result.hpp"
#include "fanout/inventory/range.hpp"

namespace fanout::inventory {

// An expression that stands for more is refused before it is expanded.
inline constexpr std::uint64_t most_names = 1'000'000;

// One host as it was asked for: `[user@]host[:port]`.
struct Target {
  std::string name;        // its identity: "db01", "db01:2222", "2001:db8::1" or "[2001:db8::1]:22"
  std::string user;        // empty when not said
  std::uint16_t port = 0;  // 0 when not said

  // The name without brackets and port.
  [[nodiscard]] std::string_view host() const;
};

// One target, no pattern. Refuses what names.hpp refuses and ports outside 1 to 65535, with ErrorKind::usage.
core::Result<Target> parse_target(std::string_view text);

class Pattern {
public:
  enum class Operator : std::uint8_t { unite, subtract, intersect, differ };
  enum class Kind : std::uint8_t { names, group, glob, group_glob, regex, group_regex };
  struct Term {
    Operator op = Operator::unite;
    Kind kind = Kind::names;
    std::string written;  // as the user wrote it
    RangedText
        text;  // without the @; the expression alone, not expanded, of a regex stands in `regex`
    std::string regex;
  };
  // What a word without @ names: -g takes groups.
  enum class Words : std::uint8_t { hosts, groups };

  // Errors are ErrorKind::usage and name the offending word. Refuses more than most_names.
  static core::Result<Pattern> parse(std::string_view text, Words words = Words::hosts);

  // The names that the expression writes out, before any operator is applied. Members of groups and matches of globs are
  // not known here and not counted.
  [[nodiscard]] std::uint64_t count() const;
  [[nodiscard]] const std::vector<Term> &terms() const { return terms_; }

private:
  std::vector<Term> terms_;
};

// The targets of an expression that uses no inventory: a group, glob or regex is an error. Each host once, in order of
// first mention.
core::Result<std::vector<Target>> expand(std::string_view text);

}  // namespace fanout::inventory
