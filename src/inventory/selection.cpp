// From options to targets. What is hard about it is which mistakes to refuse: a host that is run on by accident cannot be
// taken back.
#include "fanout/inventory/selection.hpp"

#include <random>

#include <fmt/format.h>

#include "data.hpp"
#include "evaluate.hpp"
#include "fanout/core/nearest.hpp"
#include "hosts_file.hpp"
#include "names.hpp"
#include "rerun.hpp"
#include "settings.hpp"

namespace fanout::inventory {

namespace {

using core::ErrorKind;
using core::fail;
using core::Result;

tl::unexpected<core::Error> refuse(std::string message) {
  return fail(ErrorKind::usage, std::move(message));
}

// A target that needs no pattern parser, as most lines of a hosts file.
bool is_single_target(std::string_view text) {
  constexpr std::string_view letters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-:@";
  return text.front() != '@' && text.find_first_not_of(letters) == std::string_view::npos;
}

class SelectionLookup final : public Lookup {
public:
  SelectionLookup(const Inventory &inventory, const core::HostSettings &overrides)
      : inventory_(inventory), data_(inventory.data()), overrides_(overrides) {}

  // From here on the words name what to take out of `selected`, or to leave of it, which must outlive this.
  void look_in(const TargetSet &selected) { selected_ = &selected; }

  // -x: at least one of the names must be one that could be taken out.
  Result<void> check_known(const Pattern &pattern) {
    for (const Pattern::Term &term : pattern.terms()) {
      if (term.kind != Pattern::Kind::names || term.op != Pattern::Operator::unite) continue;
      TargetSet names;
      Result<void> result;
      term.text.for_each([&](std::string_view text) {
        auto target = parse_target(text);
        result = target ? add_word(std::move(*target), names) : fail(target.error());
        return result.has_value();
      });
      TRY(result);
      if (!knows_any(names)) return fail(nothing_to_take_out(term));
    }
    return {};
  }

  core::Error no_inventory() const {
    std::string message = "there is no inventory";
    if (!inventory_.looked_for().empty())
      message += fmt::format(": looked for {}", fmt::join(inventory_.looked_for(), ", "));
    return {ErrorKind::usage, std::move(message)};
  }

  Result<void> add_word(Target target, TargetSet &into) override {
    drop_usual_port(target, data_, overrides_);
    if (target.port == 0 && target.user.empty() && data_.group_names.find(target.name) &&
        !data_.find_host(target.name))
      return refuse(fmt::format("{} is a group, which is written -g {} or @{}", target.name,
                                target.name, target.name));
    return into.add(std::move(target));
  }

  Result<void> add_group(std::string_view group, TargetSet &into) override {
    if (inventory_.file().empty())
      return fail(no_inventory().within(fmt::format("group {}", in_quotes(group))));
    const auto id = data_.group_names.find(group);
    if (!id) {
      std::string message = fmt::format("there is no group {} in {}", in_quotes(group), data_.file);
      if (data_.find_host(group))
        message += fmt::format(", but a host: -H {}", group);
      else if (const auto near = core::nearest(group, data_.group_names.names()))
        message += fmt::format(", did you mean {}?", *near);
      return refuse(std::move(message));
    }
    into.reserve(data_.groups[*id].members.size());
    for (const NameId host : data_.groups[*id].members)
      TRY(into.add(Target{data_.names.name(host), {}, 0}));
    return {};
  }

  void for_each_host(const std::function<void(const std::string &)> &use) const override {
    for (const NameId host : data_.hosts) use(data_.names.name(host));
    if (selected_ == nullptr) return;
    selected_->for_each([&](const Target &target) {
      if (!data_.find_host(target.name)) use(target.name);
    });
  }

  void for_each_group(const std::function<void(const std::string &)> &use) const override {
    for (const std::string &name : data_.group_names.names()) use(name);
  }

  Result<void> on_nothing(const Pattern::Term &term, const TargetSet &left,
                          const TargetSet &right) override {
    const bool matching = term.kind != Pattern::Kind::names && term.kind != Pattern::Kind::group;
    if (matching && right.size() == 0) {
      if (inventory_.file().empty() && selected_ == nullptr)
        return fail(no_inventory().within(in_quotes(term.written)));
      return refuse(fmt::format("{} matches nothing", in_quotes(term.written)));
    }
    if (term.op != Pattern::Operator::subtract || term.kind != Pattern::Kind::names) return {};
    bool known = knows_any(right);
    right.for_each([&](const Target &target) { known = known || left.contains(target.name); });
    if (!known) return fail(nothing_to_take_out(term));
    return {};
  }

private:
  [[nodiscard]] bool knows_any(const TargetSet &names) const {
    bool known = false;
    names.for_each([&](const Target &target) {
      known = known || data_.find_host(target.name) ||
              (selected_ != nullptr && selected_->contains(target.name));
    });
    return known;
  }

  [[nodiscard]] core::Error nothing_to_take_out(const Pattern::Term &term) const {
    std::vector<std::string> known;
    for_each_host([&](const std::string &name) { known.push_back(name); });
    std::string message =
        fmt::format("{} is to be taken out, but is neither selected nor in an inventory",
                    in_quotes(term.written));
    if (const auto near = core::nearest(term.written, known))
      message += fmt::format(", did you mean {}?", *near);
    return {ErrorKind::usage, std::move(message)};
  }

  const Inventory &inventory_;
  const InventoryData &data_;
  const core::HostSettings &overrides_;
  const TargetSet *selected_ = nullptr;
};

Result<void> add_list(std::string_view list, Pattern::Words words, SelectionLookup &lookup,
                      TargetSet &selected) {
  TRY_ASSIGN(const Pattern pattern, Pattern::parse(list, words));
  TRY_ASSIGN(TargetSet targets, evaluate(pattern, lookup));
  if (selected.size() == 0)
    selected = std::move(targets);
  else
    TRY(selected.unite(targets));
  return {};
}

Result<void> add_hosts_file(const std::string &path, const SelectionSources &sources,
                            SelectionLookup &lookup, TargetSet &selected) {
  TRY_ASSIGN(const std::string text,
             sources.read_file ? sources.read_file(path) : read_hosts_file(path));
  const std::string name = path == "-" ? "standard input" : path;
  return for_each_line(text, name, [&](std::string_view line) -> Result<void> {
    if (selected.size() > most_names) return refuse(fmt::format("more than {} hosts", most_names));
    if (!is_single_target(line)) {
      TRY_ASSIGN(const Pattern pattern, Pattern::parse(line));
      TRY_ASSIGN(const TargetSet targets, evaluate(pattern, lookup));
      return selected.unite(targets);
    }
    TRY_ASSIGN(Target target, parse_target(line));
    return lookup.add_word(std::move(target), selected);
  });
}

Result<void> add_all(const Inventory &inventory, const SelectionLookup &lookup,
                     TargetSet &selected) {
  if (inventory.file().empty()) return fail(lookup.no_inventory().within("--all"));
  const InventoryData &data = inventory.data();
  selected.reserve(data.hosts.size());
  for (const NameId host : data.hosts) TRY(selected.add(Target{data.names.name(host), {}, 0}));
  return {};
}

Result<void> within(std::string_view option, Result<void> result) {
  if (!result) return fail(result.error().within(option));
  return result;
}

// What is named by -H, --hosts-file, -g and --all.
Result<TargetSet> named_hosts(const Inventory &inventory, const core::Selection &selection,
                              const SelectionSources &sources, SelectionLookup &lookup) {
  TargetSet named;
  for (const std::string &list : selection.hosts)
    TRY(within("-H", add_list(list, Pattern::Words::hosts, lookup, named)));
  for (const std::string &path : selection.hosts_files)
    TRY(within("--hosts-file", add_hosts_file(path, sources, lookup, named)));
  for (const std::string &list : selection.groups)
    TRY(within("-g", add_list(list, Pattern::Words::groups, lookup, named)));
  if (selection.all) TRY(add_all(inventory, lookup, named));
  return named;
}

bool names_hosts(const core::Selection &selection) {
  return !selection.hosts.empty() || !selection.groups.empty() || !selection.hosts_files.empty() ||
         selection.all;
}

// --rerun: hosts of a journal, all or those that are named besides.
Result<TargetSet> rerun_hosts(const Inventory &inventory, const core::Selection &selection,
                              const core::HostSettings &overrides, const SelectionSources &sources,
                              SelectionLookup &lookup) {
  const core::RerunOf &rerun = *selection.rerun;
  if (!sources.rerun) return refuse("--rerun: there is nothing to read a journal with");
  TRY_ASSIGN(const auto journaled, sources.rerun(rerun));
  auto targets = targets_of(journaled, inventory.data(), overrides);
  if (!targets) return fail(targets.error().within("journal " + in_quotes(rerun.journal)));
  if (targets->size() != 0 && names_hosts(selection)) {
    lookup.look_in(*targets);
    TRY_ASSIGN(const TargetSet named, named_hosts(inventory, selection, sources, lookup));
    TRY(targets->intersect(named));
  }
  if (targets->size() == 0)
    return refuse(fmt::format("no {}host of {} {}", names_hosts(selection) ? "selected " : "",
                              in_quotes(rerun.journal), describe(rerun.what)));
  return targets;
}

// Knuth's algorithm S: every subset is equally likely, and what is left is in order.
void draw(std::vector<Target> &targets, std::size_t count, const SelectionSources &sources) {
  // Seeded once: a number of the device is a system call, and there is one draw a host.
  std::random_device device;
  std::seed_seq seed{device(), device(), device(), device(),
                     device(), device(), device(), device()};
  std::mt19937_64 generator(seed);
  const auto random = [&](std::uint64_t below) {
    return sources.random ? sources.random(below)
                          : std::uniform_int_distribution<std::uint64_t>(0, below - 1)(generator);
  };
  std::size_t kept = 0;
  const std::size_t size = targets.size();
  for (std::size_t i = 0; i < size && kept < count; ++i) {
    if (random(size - i) >= count - kept) continue;
    if (kept != i) targets[kept] = std::move(targets[i]);
    ++kept;
  }
  targets.resize(kept);
}

// The hosts of one share lie far apart in the selection, and neighbours are often in one rack.
void keep_share(std::vector<Target> &targets, core::Shard shard) {
  std::size_t kept = 0;
  for (std::size_t i = shard.index - 1; i < targets.size(); i += shard.count, ++kept)
    if (kept != i) targets[kept] = std::move(targets[i]);
  targets.resize(kept);
}

Result<void> check_size(std::size_t size, const core::Selection &selection) {
  if (size == 0) return refuse("the selection is empty");
  if (selection.expected_hosts && size != *selection.expected_hosts)
    return refuse(fmt::format("--expect-hosts {}: the selection has {} hosts",
                              *selection.expected_hosts, size));
  if (selection.max_hosts && size > *selection.max_hosts)
    return refuse(
        fmt::format("--max-hosts {}: the selection has {} hosts", *selection.max_hosts, size));
  return {};
}

}  // namespace

Result<std::vector<Choice>> choose(const Inventory &inventory, const core::Selection &selection,
                                   const core::HostSettings &overrides,
                                   const SelectionSources &sources) {
  if (!names_hosts(selection) && !selection.rerun)
    return refuse("no hosts are selected: give -H, -g, --all, --hosts-file or --rerun");
  std::optional<core::Shard> shard;
  if (selection.shard) {
    TRY_ASSIGN(shard, resolve_shard(*selection.shard, sources.environment));
  }
  SelectionLookup lookup(inventory, overrides);
  TRY_ASSIGN(TargetSet selected, selection.rerun
                                     ? rerun_hosts(inventory, selection, overrides, sources, lookup)
                                     : named_hosts(inventory, selection, sources, lookup));

  TargetSet excluded;
  lookup.look_in(selected);
  for (const std::string &list : selection.excluded) {
    auto pattern = Pattern::parse(list);
    if (!pattern) return fail(pattern.error().within("-x"));
    TRY(within("-x", lookup.check_known(*pattern)));
    TRY(within("-x", add_list(list, Pattern::Words::hosts, lookup, excluded)));
  }
  selected.subtract(excluded);

  std::vector<Target> targets = std::move(selected).take();
  if (selection.pick && *selection.pick < targets.size()) draw(targets, *selection.pick, sources);
  TRY(check_size(targets.size(), selection));
  if (shard) keep_share(targets, *shard);

  const InventoryData &data = inventory.data();
  std::vector<Choice> choices;
  choices.reserve(targets.size());
  for (Target &target : targets) {
    auto host = data.find_host(target.name);
    if (!host && target.port != 0) host = data.find_host(target.host());
    choices.push_back({std::move(target), host});
  }
  return choices;
}

Result<std::vector<core::Host>> select(const Inventory &inventory, const core::Selection &selection,
                                       const core::HostSettings &overrides,
                                       const SelectionSources &sources) {
  TRY_ASSIGN(const std::vector<Choice> choices, choose(inventory, selection, overrides, sources));
  return resolve(inventory, choices, overrides, sources);
}

}  // namespace fanout::inventory
