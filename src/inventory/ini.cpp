// PropertyTree reads what normalise.cpp has prepared. Its children are walked in order, beside the line numbers; get<>(path)
// would take the dots of a host name for a path.
#include "ini.hpp"

#include <locale>
#include <sstream>

// The compiler cannot see that the list of a tree's children is never without its header node.
#pragma GCC diagnostic ignored "-Wnull-dereference"
#include <boost/property_tree/ini_parser.hpp>
#include <boost/property_tree/ptree.hpp>
#include <fmt/format.h>

#include "fanout/core/nearest.hpp"
#include "keys.hpp"
#include "names.hpp"
#include "normalise.hpp"

namespace fanout::inventory {

namespace {

using boost::property_tree::ptree;
using core::Result;

constexpr std::string_view defaults_name = "defaults";

Result<ptree> read_tree(const Draft &draft, Normalised &normalised) {
  std::istringstream stream(std::move(normalised.text));
  stream.imbue(std::locale::classic());  // what is a blank must not depend on the user's language
  ptree tree;
  try {
    boost::property_tree::read_ini(stream, tree);
  } catch (const boost::property_tree::ptree_error &error) {
    return fail_at(draft, 0, error.what());
  }
  return tree;
}

class Reader {
public:
  Reader(Draft &draft, Normalised &normalised) : draft_(draft), normalised_(normalised) {}

  Result<void> read(const ptree &tree) {
    auto child = tree.begin();
    for (Normalised::Lines &lines : normalised_.sections) {
      Section section;
      section.name = lines.section;
      section.line = lines.line;
      section.has_settings = !lines.settings.empty();
      section.members = std::move(lines.members);
      if (section.has_settings) {
        TRY(read_settings(child->second, lines, section.settings));
        ++child;
      }
      TRY(take(std::move(section)));
    }
    return {};
  }

private:
  Result<void> read_settings(const ptree &values, const Normalised::Lines &lines,
                             core::HostSettings &settings) {
    auto line = lines.settings.begin();
    for (const auto &[key, value] : values) {
      auto use = is_password_key(key) ? take_password(*line, settings)
                                      : apply_key(key, value.data(), settings);
      if (!use) return core::fail(error_at(draft_, *line, use.error().within(key)));
      if (*use == KeyUse::unknown) return fail_at(draft_, *line, unknown_key(key));
      if (*use == KeyUse::command && draft_.command_line == 0) draft_.command_line = *line;
      ++line;
    }
    return {};
  }

  Result<KeyUse> take_password(int line, core::HostSettings &settings) {
    core::Secret password = std::move(normalised_.passwords.at(line));
    if (!password.empty() && draft_.password_line == 0) draft_.password_line = line;
    TRY(apply_password(std::move(password), settings));
    return KeyUse::setting;
  }

  static std::string unknown_key(const std::string &key) {
    if (const auto near = core::nearest(key, known_keys()))
      return fmt::format("unknown key {}, did you mean {}?", in_quotes(key), *near);
    return fmt::format("unknown key {} (a member of a group is written NAME = NAME, or NAME alone)",
                       in_quotes(key));
  }

  Result<void> take(Section section) {
    if (section.name == defaults_name) {
      if (!section.members.empty())
        return fail_at(
            draft_, section.members.front().line,
            "[defaults] is for every host and has no members; give the group another name");
      draft_.defaults = std::move(section.settings);
      draft_.defaults_line = section.line;
      return {};
    }
    if (!section.members.empty()) {
      section.kind = Section::Kind::group;
      if (auto wrong = wrong_with_name(section.name))
        return fail_at(
            draft_, section.line,
            fmt::format("{} is not the name of a group: {}", in_quotes(section.name), *wrong));
    } else if (section.has_settings) {
      section.kind = Section::Kind::host;
    }
    draft_.sections.push_back(std::move(section));
    return {};
  }

  Draft &draft_;
  Normalised &normalised_;
};

}  // namespace

Result<Draft> parse_ini_draft(std::string_view text, const std::string &file) {
  Draft draft;
  draft.file = file;
  TRY_ASSIGN(Normalised normalised, normalise(draft, text));
  TRY_ASSIGN(const ptree tree, read_tree(draft, normalised));
  TRY(Reader(draft, normalised).read(tree));
  return draft;
}

}  // namespace fanout::inventory
