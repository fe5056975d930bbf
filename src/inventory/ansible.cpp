#include "ansible.hpp"

#include <array>
#include <unordered_map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "keys.hpp"
#include "names.hpp"

namespace fanout::inventory {

namespace {

using core::Result;
// Sorted by name. The kind that keeps the order of the file takes quadratic time for 100,000 hosts.
using Json = nlohmann::json;

// The real format has five levels; hosts' variables may have more.
constexpr int deepest = 200;

struct Variable {
  std::string_view name;
  std::string_view key;  // of hosts.ini
};
// The newer word first: it wins, as for Ansible.
constexpr std::array<Variable, 10> variables{{
    {"ansible_host", "ip"},
    {"ansible_ssh_host", "ip"},
    {"ansible_port", "port"},
    {"ansible_ssh_port", "port"},
    {"ansible_user", "user"},
    {"ansible_ssh_user", "user"},
    {"ansible_ssh_private_key_file", "identity"},
    {"ansible_private_key_file", "identity"},
    {"ansible_password", "password"},
    {"ansible_ssh_pass", "password"},
}};

Result<Json> parse_text(const Draft &draft, std::string_view text) {
  bool too_deep = false;
  const auto keep = [&](int depth, Json::parse_event_t /*event*/, Json & /*value*/) {
    too_deep = too_deep || depth > deepest;
    return !too_deep;
  };
  try {
    Json json = Json::parse(text, keep);
    if (too_deep)
      return fail_at(draft, 0,
                     fmt::format("JSON that is nested more than {} levels deep", deepest));
    if (!json.is_object()) return fail_at(draft, 0, "an inventory is a JSON object");
    return json;
  } catch (const Json::parse_error &error) {
    // Its own text quotes the input, where passwords are.
    return fail_at(draft, 0, fmt::format("not JSON, from byte {} on", error.byte));
  } catch (const Json::exception &error) {
    return fail_at(draft, 0, fmt::format("not the JSON of an inventory: {}", error.what()));
  }
}

class Reader {
public:
  explicit Reader(Draft &draft) : draft_(draft) {}

  Result<void> read(Json &json) {
    for (auto &[name, value] : json.items()) {
      if (name == "_meta") continue;
      TRY(read_group(name, value));
    }
    if (!json.contains("_meta")) return {};
    Json &meta = json["_meta"];
    if (!meta.is_object()) return fail_at(draft_, 0, "_meta is not an object");
    if (!meta.contains("hostvars")) return {};
    Json &hosts = meta["hostvars"];
    if (!hosts.is_object()) return fail_at(draft_, 0, "_meta.hostvars is not an object");
    for (auto &[name, vars] : hosts.items()) {
      Section section;
      section.name = name;
      section.kind = Section::Kind::host;
      section.has_settings = true;
      TRY(read_variables(name, vars, section.settings));
      draft_.sections.push_back(std::move(section));
    }
    return {};
  }

private:
  Result<void> read_group(const std::string &name, Json &value) {
    if (auto wrong = wrong_with_name(name))
      return fail_at(draft_, 0,
                     fmt::format("{} is not the name of a group: {}", in_quotes(name), *wrong));
    Section section;
    section.name = name;
    section.kind = Section::Kind::group;
    if (value.is_array()) {
      TRY(read_members(name, value, Member::Kind::host, section));
    } else if (value.is_object()) {
      if (value.contains("hosts"))
        TRY(read_members(name + ".hosts", value["hosts"], Member::Kind::host, section));
      if (value.contains("children"))
        TRY(read_members(name + ".children", value["children"], Member::Kind::group, section));
      if (value.contains("vars")) {
        const bool all = name == "all";
        section.has_settings = !all;
        TRY(read_variables(name + ".vars", value["vars"],
                           all ? draft_.defaults : section.settings));
        if (all) draft_.defaults_line = -1;
      }
    } else {
      return fail_at(draft_, 0, fmt::format("{}: neither an object nor a list of hosts", name));
    }
    draft_.sections.push_back(std::move(section));
    return {};
  }

  Result<void> read_members(const std::string &where, const Json &list, Member::Kind kind,
                            Section &section) {
    if (!list.is_array()) return fail_at(draft_, 0, fmt::format("{}: not a list", where));
    for (const Json &member : list) {
      if (!member.is_string())
        return fail_at(draft_, 0,
                       fmt::format("{}: {} is not a name", where, in_quotes(member.dump())));
      section.members.push_back({kind, member.get<std::string>(), 0});
    }
    return {};
  }

  Result<void> read_variables(const std::string &where, Json &vars, core::HostSettings &settings) {
    if (!vars.is_object())
      return fail_at(draft_, 0, fmt::format("{}: not an object", in_quotes(where)));
    std::string_view last_key;
    for (const auto &[name, key] : variables) {
      const auto found = vars.find(name);
      if (found == vars.end() || key == last_key || found->is_null()) continue;
      last_key = key;
      const std::string place = fmt::format("{}: {}", where, name);
      TRY_ASSIGN(std::string value, text_of(place, *found));
      Result<KeyUse> use = KeyUse::setting;
      if (key == "password") {
        if (draft_.password_line == 0) draft_.password_line = -1;
        if (found->is_string()) core::wipe(found->get_ref<std::string &>());
        TRY(apply_password(core::Secret(std::move(value)), settings));
      } else {
        use = apply_key(key, value, settings);
      }
      if (!use) return core::fail(error_at(draft_, 0, use.error().within(place)));
    }
    return {};
  }

  // A number is good for a port, and for a password that happens to look like one.
  Result<std::string> text_of(const std::string &place, const Json &value) {
    if (value.is_number_integer()) return value.dump();
    if (!value.is_string())
      return fail_at(draft_, 0, fmt::format("{}: neither text nor a number", place));
    auto text = value.get<std::string>();
    // Ansible would replace it; a host must not be asked to accept the name of a variable as its password.
    if (text.find("{{") != std::string::npos)
      return fail_at(draft_, 0,
                     fmt::format("{}: a template, which only Ansible can fill in", place));
    return text;
  }

  Draft &draft_;
};

}  // namespace

Result<Draft> parse_ansible_draft(std::string_view text, const std::string &file) {
  Draft draft;
  draft.file = file;
  draft.lenient_groups = true;
  TRY_ASSIGN(Json json, parse_text(draft, text));
  TRY(Reader(draft).read(json));
  return draft;
}

}  // namespace fanout::inventory
