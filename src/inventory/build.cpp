// Every group is evaluated after those that it mentions, and so only once, however they are nested.
//
// Globs and regexes choose from the names that the inventory writes out elsewhere. What those are is known once all groups
// have been evaluated, so an inventory that has any is evaluated twice, the first time with globs standing for nothing.
#include "build.hpp"

#include <numeric>

#include <fmt/format.h>

#include "evaluate.hpp"
#include "fanout/core/nearest.hpp"
#include "group_order.hpp"
#include "names.hpp"
#include "settings.hpp"

namespace fanout::inventory {

namespace {

using core::Result;
using GroupId = std::uint32_t;

// Of hosts in groups, over all groups; a bound on memory for groups that nest many hosts deeply.
constexpr std::size_t most_memberships = 10 * most_names;

class Builder final : public Lookup {
public:
  explicit Builder(Draft draft)
      : draft_(std::move(draft)), data_(std::make_unique<InventoryData>()) {}

  Result<std::unique_ptr<InventoryData>> build() {
    data_->file = draft_.file;
    data_->password_line = draft_.password_line;
    data_->command_line = draft_.command_line;
    data_->has_defaults = draft_.defaults_line != 0;
    data_->defaults_origin = origin(draft_.defaults_line, "defaults");
    data_->defaults = std::move(draft_.defaults);
    TRY(add_sections());
    TRY(parse_members());
    const auto [order, cycle] = order_groups(mentions_);
    if (!cycle.empty()) return core::fail(describe_cycle(cycle));
    if (has_globs_) {
      TRY(evaluate_groups(order));
      universe_ = data_->names;
    }
    final_ = true;
    TRY(evaluate_groups(order));
    TRY(list_hosts());
    list_groups_of_hosts();
    return std::move(data_);
  }

private:
  struct PreparedMember {
    const Member *member;
    std::optional<Pattern> pattern;  // none for one that stands for itself alone, as most do
    std::optional<GroupId> group;    // a plain name that is one
  };
  struct PreparedGroup {
    const Section *section;
    std::vector<PreparedMember> members;
  };

  [[nodiscard]] std::string origin(int line, std::string_view section) const {
    return line > 0 ? fmt::format("{}:{} [{}]", draft_.file, line, section)
                    : fmt::format("{} [{}]", draft_.file, section);
  }

  // --- sections

  Result<void> add_sections() {
    for (Section &section : draft_.sections) {
      if (section.kind == Section::Kind::group) {
        data_->group_names.intern(section.name);
        Group group;
        group.line = section.line;
        group.has_settings = section.has_settings;
        group.settings = std::move(section.settings);
        group.origin = origin(section.line, section.name);
        any_group_port_ = any_group_port_ || group.settings.port.has_value();
        data_->groups.push_back(std::move(group));
        groups_.push_back({&section, {}});
      } else {
        auto target = parse_target(section.name);
        if (target && !target->user.empty())
          return fail_at(draft_, section.line,
                         fmt::format("[{}]: the user of a host is written user = {}", section.name,
                                     target->user));
        if (!target)
          return core::fail(
              error_at(draft_, section.line, target.error().within("[" + section.name + "]")));
        const NameId id = intern(target->name);
        if (section.kind == Section::Kind::empty) continue;
        if (own_index_of(id) != 0)
          return fail_at(draft_, section.line, fmt::format("{} has two sections", target->name));
        OwnSettings &own = own_settings(id, origin(section.line, section.name));
        own.settings = std::move(section.settings);
        if (auto mentioned = mention(*target, section.line); !mentioned)
          return core::fail(error_at(draft_, section.line, mentioned.error()));
      }
    }
    return {};
  }

  NameId intern(std::string_view name) {
    const auto [id, added] = data_->names.intern(name);
    if (added) data_->own_index.push_back(0);
    return id;
  }

  std::uint32_t own_index_of(NameId host) const { return data_->own_index[host]; }

  OwnSettings &own_settings(NameId host, std::string origin) {
    if (data_->own_index[host] == 0) {
      data_->own.push_back({{}, std::move(origin)});
      data_->own_index[host] = static_cast<std::uint32_t>(data_->own.size());
    }
    return data_->own[data_->own_index[host] - 1];
  }

  // A host may be named with its user and port wherever it is a member, as long as that is always the same.
  Result<void> mention(const Target &target, int line) {
    if (target.user.empty() && target.port == 0) return {};
    OwnSettings &own = own_settings(
        intern(target.name), line > 0 ? fmt::format("{}:{}", draft_.file, line) : draft_.file);
    const auto differs = [&](std::string_view what, const auto &here, const auto &elsewhere) {
      return core::fail(core::ErrorKind::usage,
                        fmt::format("{} is here with the {} {}, elsewhere with {}", target.name,
                                    what, here, elsewhere));
    };
    if (!target.user.empty()) {
      if (own.settings.user && *own.settings.user != target.user)
        return differs("user", target.user, *own.settings.user);
      own.settings.user = target.user;
    }
    if (target.port != 0) {
      if (own.settings.port && *own.settings.port != target.port)
        return differs("port", target.port, *own.settings.port);
      own.settings.port = target.port;
    }
    return {};
  }

  // --- members

  Result<void> parse_members() {
    mentions_.resize(groups_.size());
    for (GroupId id = 0; id < groups_.size(); ++id) {
      PreparedGroup &group = groups_[id];
      group.members.reserve(group.section->members.size());
      current_ = id;
      for (const Member &member : group.section->members) {
        auto prepared = prepare(member);
        if (!prepared) return core::fail(error_at(draft_, member.line, prepared.error()));
        group.members.push_back(std::move(*prepared));
      }
    }
    return {};
  }

  Result<PreparedMember> prepare(const Member &member) {
    PreparedMember prepared{&member, std::nullopt, std::nullopt};
    if (member.kind == Member::Kind::pattern && !is_plain(member.text)) {
      TRY_ASSIGN(prepared.pattern, Pattern::parse(member.text));
      for (const Pattern::Term &term : prepared.pattern->terms()) TRY(collect_mentions(term));
      return prepared;
    }
    const bool may_be_group = member.kind != Member::Kind::host;
    if (may_be_group) prepared.group = data_->group_names.find(member.text);
    if (prepared.group) {
      mentions_[current_].push_back(*prepared.group);
    } else if (member.kind == Member::Kind::group && !draft_.lenient_groups) {
      return core::fail(unknown_group(member.text));
    }
    return prepared;
  }

  Result<void> collect_mentions(const Pattern::Term &term) {
    Result<void> result;
    const auto mention_group = [&](std::string_view name) {
      if (const auto id = data_->group_names.find(name))
        mentions_[current_].push_back(*id);
      else if (term.kind == Pattern::Kind::group)
        result = core::fail(unknown_group(name));
      if (++mention_count_ > most_memberships) result = core::fail(too_much());
      return result.has_value();
    };
    switch (term.kind) {
      case Pattern::Kind::names:  // which may be groups too
      case Pattern::Kind::group: term.text.for_each(mention_group); return result;
      case Pattern::Kind::glob:
      case Pattern::Kind::regex: has_globs_ = true; return {};
      case Pattern::Kind::group_glob:
      case Pattern::Kind::group_regex: {
        // Evaluated for its groups alone, here where those it mentions have not been evaluated yet.
        TRY_ASSIGN(const NameMatcher matches, name_matcher(term));
        for_each_group([&](const std::string &name) {
          if (matches(name)) mention_group(name);
        });
        return result;
      }
    }
    return {};
  }

  core::Error unknown_group(std::string_view name) const {
    std::string message = fmt::format("there is no group {}", in_quotes(name));
    if (const auto near = core::nearest(name, data_->group_names.names()))
      message += fmt::format(", did you mean {}?", *near);
    return {core::ErrorKind::usage, std::move(message)};
  }

  static core::Error too_much() {
    return {core::ErrorKind::usage,
            fmt::format("the groups together have more than {} members", most_memberships)};
  }

  core::Error describe_cycle(const std::vector<GroupId> &cycle) const {
    constexpr std::size_t most_shown = 8;
    std::string message = "groups contain each other: ";
    for (std::size_t i = 0; i < cycle.size(); ++i) {
      if (cycle.size() > most_shown && i == most_shown / 2) {
        message += fmt::format("({} more) -> ", cycle.size() - most_shown);
        i = cycle.size() - most_shown / 2;
      }
      message += data_->group_names.name(cycle[i]) + " -> ";
    }
    message += data_->group_names.name(cycle.front());
    return error_at(draft_, groups_[cycle.front()].section->line,
                    {core::ErrorKind::usage, std::move(message)});
  }

  // --- evaluation

  Result<void> evaluate_groups(const std::vector<GroupId> &order) {
    std::size_t memberships = 0;
    for (const GroupId id : order) {
      current_ = id;
      // Numbers of hosts that are in this group already; cheaper than a set a group.
      ++stamp_;
      std::vector<NameId> &members = data_->groups[id].members;
      members.clear();
      for (const PreparedMember &member : groups_[id].members) {
        auto added = add_member(member, members);
        if (!added) return core::fail(error_at(draft_, member.member->line, added.error()));
      }
      memberships += members.size();
      if (memberships > most_memberships)
        return core::fail(error_at(draft_, groups_[id].section->line, too_much()));
      if (data_->names.size() > most_names)
        return fail_at(draft_, groups_[id].section->line,
                       fmt::format("more than {} hosts", most_names));
    }
    return {};
  }

  Result<void> add_member(const PreparedMember &member, std::vector<NameId> &members) {
    if (member.group) {
      for (const NameId host : data_->groups[*member.group].members) add_host(host, members);
      return {};
    }
    if (member.member->kind == Member::Kind::group) return {};  // one that may be missing
    if (!member.pattern) {
      TRY_ASSIGN(const Target target, parse_target(member.member->text));
      if (!target.user.empty() || target.port != 0) TRY(mention_once(target, member.member->line));
      add_host(intern(target.name), members);
      return {};
    }
    TRY_ASSIGN(TargetSet targets, evaluate(*member.pattern, *this));
    for (const Target &target : std::move(targets).take()) {
      TRY(mention_once(target, member.member->line));
      add_host(intern(target.name), members);
    }
    return {};
  }

  Result<void> mention_once(const Target &target, int line) {
    return final_ ? mention(target, line) : Result<void>();
  }

  void add_host(NameId host, std::vector<NameId> &members) {
    if (stamps_.size() < data_->names.size()) stamps_.resize(data_->names.size(), 0);
    if (std::exchange(stamps_[host], stamp_) != stamp_) members.push_back(host);
  }

  // --- Lookup, for the group current_

  Result<void> add_word(Target target, TargetSet &into) override {
    if (target.user.empty() && target.port == 0 && data_->group_names.find(target.name))
      return add_group(target.name, into);
    // db01:22 is db01 where 22 is its port anyway. A group may set that as well, but who is in which group is only being
    // found out, so then the two stay two.
    if (target.port != 0 && !any_group_port_) {
      const auto base = data_->names.find(target.host());
      const OwnSettings *own = base ? data_->own_settings(*base) : nullptr;
      std::uint16_t port = data_->defaults.port.value_or(ssh_port);
      if (own != nullptr && own->settings.port) port = *own->settings.port;
      if (port == target.port) target.name = std::string(target.host());
    }
    return into.add(std::move(target));
  }

  Result<void> add_group(std::string_view group, TargetSet &into) override {
    const auto id = data_->group_names.find(group);
    if (!id) return core::fail(unknown_group(group));
    into.reserve(data_->groups[*id].members.size());
    for (const NameId host : data_->groups[*id].members)
      TRY(into.add(Target{data_->names.name(host), {}, 0}));
    return {};
  }

  void for_each_host(const std::function<void(const std::string &)> &use) const override {
    for (const std::string &name : universe_.names()) use(name);
  }

  // A group @web* is not meant to hold itself, whatever its name.
  void for_each_group(const std::function<void(const std::string &)> &use) const override {
    for (GroupId id = 0; id < data_->groups.size(); ++id)
      if (id != current_) use(data_->group_names.name(id));
  }

  Result<void> on_nothing(const Pattern::Term &term, const TargetSet & /*left*/,
                          const TargetSet &right) override {
    const bool matching = term.kind != Pattern::Kind::names && term.kind != Pattern::Kind::group;
    if (!final_ || right.size() > 0 || !matching) return {};
    return core::fail(core::ErrorKind::usage,
                      fmt::format("{} matches nothing in this inventory", in_quotes(term.written)));
  }

  // --- the result

  Result<void> list_hosts() {
    InventoryData &data = *data_;
    data.is_host.assign(data.names.size(), false);
    const auto list = [&](NameId host) {
      if (data.is_host[host]) return;
      data.is_host[host] = true;
      data.hosts.push_back(host);
    };
    for (const Section &section : draft_.sections) {
      if (section.kind == Section::Kind::group)
        for (const NameId host : data.groups[*data.group_names.find(section.name)].members)
          list(host);
      if (section.kind == Section::Kind::host) list(*data.names.find(section.name));
    }
    for (const Section &section : draft_.sections) {
      if (section.kind != Section::Kind::empty) continue;
      const auto id = data.names.find(section.name);
      if (!id || !data.is_host[*id])
        return fail_at(draft_, section.line,
                       fmt::format("[{}] is empty: neither a group nor, as no group has it, a host",
                                   section.name));
    }
    return {};
  }

  void list_groups_of_hosts() {
    InventoryData &data = *data_;
    data.group_starts.assign(data.names.size() + 1, 0);
    for (const Group &group : data.groups)
      for (const NameId host : group.members) ++data.group_starts[host + 1];
    std::partial_sum(data.group_starts.begin(), data.group_starts.end(), data.group_starts.begin());
    data.groups_of_hosts.resize(data.group_starts.back());
    std::vector<std::uint32_t> next = data.group_starts;
    for (GroupId id = 0; id < data.groups.size(); ++id)
      for (const NameId host : data.groups[id].members) data.groups_of_hosts[next[host]++] = id;
  }

  Draft draft_;
  std::unique_ptr<InventoryData> data_;
  std::vector<PreparedGroup> groups_;
  std::vector<std::vector<GroupId>> mentions_;  // by group: the other groups that it names
  std::size_t mention_count_ = 0;
  bool has_globs_ = false;
  bool any_group_port_ = false;
  bool final_ = false;
  NameTable universe_;
  GroupId current_ = 0;
  std::uint32_t stamp_ = 0;
  std::vector<std::uint32_t> stamps_;
};

}  // namespace

Result<std::unique_ptr<InventoryData>> build(Draft draft) {
  return Builder(std::move(draft)).build();
}

}  // namespace fanout::inventory
