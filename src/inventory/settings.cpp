// Merges what the sources of a host say, and tells which of them said it. Both walk the same list of sources, so that
// `hosts --effective` cannot say something else than what is done.
#include "settings.hpp"

#include <algorithm>
#include <memory>

#include <fmt/format.h>

#include "fanout/core/duration.hpp"
#include "keys.hpp"
#include "names.hpp"

namespace fanout::inventory {

namespace {

using core::HostSettings;

// All sources of one choice. Points into the choice, the overrides and the inventory.
class Sources {
public:
  Sources(const InventoryData &data, const HostSettings &overrides)
      : data_(data), overrides_(overrides) {}

  const std::vector<Source> &of(const Choice &choice) {
    sources_.clear();
    written_.reset();
    if (!choice.target.user.empty() || choice.target.port != 0) {
      written_ = std::make_unique<HostSettings>();
      if (!choice.target.user.empty()) written_->user = choice.target.user;
      if (choice.target.port != 0) written_->port = choice.target.port;
      sources_.push_back({written_.get(), "written with the host"});
    }
    sources_.push_back({&overrides_, "command line"});
    append_inventory_sources(data_, choice.host, sources_);
    return sources_;
  }

  // Merged. Hosts without anything of their own come in long runs with the same groups, and are merged once.
  void merge_into(const Choice &choice, HostSettings &settings) {
    const std::vector<Source> &sources = of(choice);
    const bool own =
        written_ != nullptr || (choice.host && data_.own_settings(*choice.host) != nullptr);
    if (own || sources != merged_sources_) {
      for (const Source &source : sources) settings.fill_from(*source.settings);
      if (own) return;
      merged_ = HostSettings();
      merged_.fill_from(settings);
      merged_sources_ = sources;
    } else {
      settings.fill_from(merged_);
    }
  }

private:
  const InventoryData &data_;
  const HostSettings &overrides_;
  std::unique_ptr<HostSettings> written_;
  std::vector<Source> sources_;
  HostSettings merged_;
  std::vector<Source> merged_sources_;
};

// The address where nobody says one: the name without the port that may be part of it.
std::string usual_address(const Choice &choice) {
  if (choice.target.port != 0 || choice.target.name.find(':') == std::string::npos)
    return std::string(choice.target.host());
  const auto target =
      parse_target(choice.target.name);  // a name of the inventory, like 127.0.0.1:2201
  return target ? std::string(target->host()) : choice.target.name;
}

void expand_home(std::string &path, const std::string &home) {
  if (!home.empty() && path.starts_with("~/")) path.replace(0, 1, home);
}

class Explainer {
public:
  explicit Explainer(const std::vector<Source> &sources) : sources_(sources) {}

  // The first source for which `value` returns a text decides.
  template <class Value>
  bool add(std::string_view key, Value value) {
    for (const Source &source : sources_)
      if (std::optional<std::string> text = value(*source.settings)) {
        settings_.push_back({std::string(key), std::move(*text), std::string(source.origin)});
        return true;
      }
    return false;
  }
  void add_built_in(std::string_view key, std::string value) {
    settings_.push_back({std::string(key), std::move(value), "built in"});
  }

  // The first source that names either decides about both, as in HostSettings::fill_from().
  void add_password() {
    for (const Source &source : sources_) {
      const HostSettings &settings = *source.settings;
      if (!settings.password && !settings.password_command) continue;
      if (settings.password && !settings.password->empty())
        settings_.push_back({"password", "***", std::string(source.origin)});
      if (settings.password_command)
        settings_.push_back(
            {"password_command", *settings.password_command, std::string(source.origin)});
      return;
    }
  }

  void add_environment() {
    std::map<std::string_view, bool> seen;
    for (const Source &source : sources_)
      for (const auto &[name, value] : source.settings->env)
        if (!std::exchange(seen[name], true))
          settings_.push_back({"env." + name, value, std::string(source.origin)});
  }

  void add_tags() {
    std::vector<std::string> tags;
    std::string origin;
    for (const Source &source : sources_) {
      const std::size_t before = tags.size();
      for (const std::string &tag : source.settings->tags)
        if (std::find(tags.begin(), tags.end(), tag) == tags.end()) tags.push_back(tag);
      if (tags.size() == before) continue;
      if (!origin.empty()) origin += ", ";
      origin += source.origin;
    }
    if (!tags.empty())
      settings_.push_back({"tags", fmt::format("{}", fmt::join(tags, ", ")), std::move(origin)});
  }

  std::vector<Setting> take() { return std::move(settings_); }

private:
  const std::vector<Source> &sources_;
  std::vector<Setting> settings_;
};

using Text = std::optional<std::string>;

template <class T>
auto number(std::optional<T> HostSettings::*field) {
  return [field](const HostSettings &settings) {
    return settings.*field ? Text(fmt::format("{}", *(settings.*field))) : Text();
  };
}
auto text(std::optional<std::string> HostSettings::*field) {
  return [field](const HostSettings &settings) { return settings.*field; };
}
auto duration(std::optional<std::chrono::milliseconds> HostSettings::*field) {
  return [field](const HostSettings &settings) {
    return settings.*field ? Text(core::format_duration(*(settings.*field))) : Text();
  };
}

}  // namespace

void append_inventory_sources(const InventoryData &data, std::optional<NameId> host,
                              std::vector<Source> &sources) {
  if (host) {
    if (const OwnSettings *own = data.own_settings(*host))
      sources.push_back({&own->settings, own->origin});
    const auto groups = data.groups_of(*host);
    for (auto group = groups.rbegin(); group != groups.rend(); ++group)
      if (data.groups[*group].has_settings)
        sources.push_back({&data.groups[*group].settings, data.groups[*group].origin});
  }
  if (data.has_defaults) sources.push_back({&data.defaults, data.defaults_origin});
}

std::uint16_t usual_port(const InventoryData &data, const HostSettings &overrides,
                         std::optional<NameId> host) {
  if (overrides.port) return *overrides.port;
  std::vector<Source> sources;
  append_inventory_sources(data, host, sources);
  for (const Source &source : sources)
    if (source.settings->port) return *source.settings->port;
  return ssh_port;
}

void drop_usual_port(Target &target, const InventoryData &data, const HostSettings &overrides) {
  if (target.port == 0 || data.find_host(target.name)) return;
  const std::string host(target.host());
  if (usual_port(data, overrides, data.find_host(host)) == target.port) target.name = host;
}

std::vector<core::Host> resolve(const Inventory &inventory, const std::vector<Choice> &choices,
                                const HostSettings &overrides, const SelectionSources &from) {
  const InventoryData &data = inventory.data();
  Sources sources(data, overrides);
  std::vector<core::Host> hosts;
  hosts.reserve(choices.size());
  for (const Choice &choice : choices) {
    core::Host &host = hosts.emplace_back();
    sources.merge_into(choice, host.settings);
    drop_undone(host.settings);
    for (std::string &path : host.settings.identities) expand_home(path, from.home);
    host.name = choice.target.name;
    host.address = host.settings.address ? *host.settings.address : usual_address(choice);
    host.port = host.settings.port.value_or(ssh_port);
    host.user = host.settings.user ? *host.settings.user : from.current_user;
    if (!choice.host) continue;
    const auto groups = data.groups_of(*choice.host);
    host.groups.reserve(groups.size());
    for (const std::uint32_t group : groups) host.groups.push_back(data.group_names.name(group));
  }
  return hosts;
}

std::vector<Explanation> explain(const Inventory &inventory, const std::vector<Choice> &choices,
                                 const HostSettings &overrides, const SelectionSources &from) {
  Sources sources(inventory.data(), overrides);
  std::vector<Explanation> explanations;
  for (const Choice &choice : choices) {
    Explainer explainer(sources.of(choice));
    if (!explainer.add("address", text(&HostSettings::address)))
      explainer.add_built_in("address", usual_address(choice));
    if (!explainer.add("port", number(&HostSettings::port)))
      explainer.add_built_in("port", std::to_string(ssh_port));
    if (!explainer.add("user", text(&HostSettings::user)))
      explainer.add_built_in("user", from.current_user);
    explainer.add_password();
    explainer.add("identity", [&](const HostSettings &settings) {
      if (settings.identities.empty()) return Text();
      std::vector<std::string> paths = settings.identities;
      for (std::string &path : paths) expand_home(path, from.home);
      return Text(fmt::format("{}", fmt::join(paths, ", ")));
    });
    explainer.add("host_key", [](const HostSettings &settings) {
      return settings.host_key ? Text(to_string(*settings.host_key)) : Text();
    });
    explainer.add("jump", text(&HostSettings::jump));
    explainer.add("priority", number(&HostSettings::priority));
    explainer.add("connect_timeout", duration(&HostSettings::connect_timeout));
    explainer.add("timeout", duration(&HostSettings::timeout));
    explainer.add("sudo", text(&HostSettings::sudo));
    explainer.add("sudo_password_command", text(&HostSettings::sudo_password_command));
    explainer.add_environment();
    explainer.add_tags();
    explanations.push_back({choice.target.name, explainer.take()});
  }
  return explanations;
}

}  // namespace fanout::inventory
