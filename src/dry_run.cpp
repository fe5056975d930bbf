// The order and the batches come from the functions that the run itself asks, so that the plan cannot say anything else
// than the run would do.
#include "dry_run.hpp"

#include <algorithm>
#include <functional>
#include <optional>
#include <random>
#include <set>
#include <span>
#include <string_view>

#include <fmt/format.h>

#include "dispatch.hpp"
#include "fanout/console/sanitize.hpp"
#include "fanout/core/duration.hpp"
#include "fanout/core/run_control.hpp"
#include "fanout/inventory/fold.hpp"
#include "fanout/plan/placeholders.hpp"
#include "fanout/plan/plan.hpp"
#include "surroundings.hpp"

namespace fanout {

using core::Host;
using core::HostIndex;
using core::Milliseconds;
using core::RunControl;

namespace {

constexpr std::size_t most_batches_shown = 20;

std::string counted_hosts(std::size_t count) {
  return fmt::format("{} {}", count, count == 1 ? "host" : "hosts");
}

// "99.5%"
std::string format_share(std::uint32_t hundredths) {
  std::string text = fmt::format("{}.{:02}", hundredths / 100, hundredths % 100);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text + '%';
}

// Lines of a name and what it stands for; the further lines of a text that has several begin below its first.
class Table {
public:
  void add(std::string_view name, std::string_view text) {
    constexpr std::size_t column = 14;
    text_ += fmt::format("  {:<{}}", name, column - 2);
    if (name.size() >= column - 2) text_ += ' ';
    for (const char byte : text) {
      text_ += byte;
      if (byte == '\n') text_.append(column, ' ');
    }
    text_ += '\n';
  }
  [[nodiscard]] const std::string &text() const { return text_; }

private:
  std::string text_;
};

// A command as it was typed, and where that is something else, as its first host would get it.
void add_command(Table &table, std::string_view name, const std::string &command,
                 const std::vector<Host> &hosts, HostIndex first) {
  table.add(name, command);
  const std::string filled = plan::fill_placeholders(command, hosts[first], first, hosts.size());
  if (filled != command) table.add("on " + hosts[first].name, filled);
}

std::string quoted_words(const std::vector<std::string> &words) {
  std::string text;
  for (const std::string &word : words) {
    if (!text.empty()) text += ' ';
    text += plan::quote_for_shell(word);
  }
  return text;
}

void add_task(Table &table, const cli::Options &options, const std::vector<Host> &hosts,
              HostIndex first) {
  switch (options.command) {
    case cli::Command::exec:
      add_command(table, "command", options.task.command, hosts, first);
      return;
    case cli::Command::put:
      table.add("send", quoted_words(options.from));
      table.add("to", plan::quote_for_shell(options.to));
      break;
    case cli::Command::get:
      table.add("fetch", quoted_words(options.from));
      table.add("to", plan::quote_for_shell(options.to));
      break;
    case cli::Command::hosts:
    case cli::Command::trust:
    case cli::Command::report: return;  // have no dry run
  }
  if (!options.task.transfer.then.empty())
    add_command(table, "then", options.task.transfer.then, hosts, first);
}

std::string describe_order(const RunControl &control, std::uint64_t seed) {
  switch (control.order) {
    case core::Order::fifo: return "fifo: that of the selection";
    case core::Order::lifo: return "lifo: that of the selection, from its end";
    case core::Order::priority: return "priority: the largest first";
    case core::Order::random: break;
  }
  if (control.seed) return fmt::format("random, seed {}", *control.seed);
  return fmt::format("random; another run would draw another one, but with --order random:{}",
                     seed);
}

std::string fold_part(const std::vector<Host> &hosts, std::span<const HostIndex> part) {
  std::vector<std::string_view> names;
  names.reserve(part.size());
  for (const HostIndex index : part) names.emplace_back(hosts[index].name);
  return inventory::fold(names);
}

// "of 10 hosts each, the last of 3"
std::string describe_sizes(std::span<const std::size_t> sizes) {
  const auto before_last = sizes.first(sizes.size() - 1);
  const bool equal = std::adjacent_find(before_last.begin(), before_last.end(),
                                        std::not_equal_to<>()) == before_last.end();
  if (!equal) {
    const auto [least, most] = std::minmax_element(sizes.begin(), sizes.end());
    return fmt::format("of {} to {}", *least, counted_hosts(*most));
  }
  const std::string each = fmt::format("of {} each", counted_hosts(sizes.front()));
  return sizes.back() == sizes.front() ? each
                                       : fmt::format("{}, the last of {}", each, sizes.back());
}

void add_batches(Table &table, const RunControl &control, const std::vector<Host> &hosts,
                 std::span<const HostIndex> order) {
  const std::vector<std::size_t> sizes = plan::batch_sizes(control, hosts.size());
  if (sizes.size() == 1) {
    table.add(control.batches.empty() ? "hosts" : "batch 1", fold_part(hosts, order));
    return;
  }
  const std::size_t shown =
      sizes.size() <= most_batches_shown ? sizes.size() : most_batches_shown - 1;
  for (std::size_t i = 0; i < shown; ++i) {
    table.add(fmt::format("batch {}", i + 1), fmt::format("{}: {}", counted_hosts(sizes[i]),
                                                          fold_part(hosts, order.first(sizes[i]))));
    order = order.subspan(sizes[i]);
  }
  const std::span<const std::size_t> rest = std::span(sizes).subspan(shown);
  if (!rest.empty())
    table.add("", fmt::format("and {} more batches {}", rest.size(), describe_sizes(rest)));
  if (control.pause_between.count() > 0)
    table.add("pause", core::format_duration(control.pause_between) + " between two batches");
  if (!control.gate.empty())
    table.add("gate", fmt::format("between two batches, here: {}", control.gate));
}

// The values that hosts have for one limit, "10s" or "none, 5s or 1m"; nothing if no host has one.
std::string describe_limit(const std::vector<Host> &hosts,
                           const std::optional<Milliseconds> core::HostSettings::*setting,
                           Milliseconds otherwise) {
  constexpr std::size_t most_values = 4;
  std::set<Milliseconds> values;
  for (const Host &host : hosts) values.insert((host.settings.*setting).value_or(otherwise));
  if (values == std::set{Milliseconds{0}}) return "";
  if (values.size() > most_values)
    return fmt::format("up to {}, by host", core::format_duration(*values.rbegin()));
  std::string text;
  for (const Milliseconds value : values) {
    if (!text.empty()) text += value == *values.rbegin() ? " or " : ", ";
    text += value.count() == 0 ? "none" : core::format_duration(value);
  }
  return values.size() == 1 ? text : text + ", by host";
}

void add_times(Table &table, const cli::Options &options, const std::vector<Host> &hosts) {
  std::string text;
  const auto add = [&text](std::string_view what, const std::string &limit) {
    if (limit.empty()) return;
    if (!text.empty()) text += "; ";
    text += fmt::format("{} {}", what, limit);
  };
  const auto plain = [](Milliseconds limit) {
    return limit.count() == 0 ? "" : core::format_duration(limit);
  };
  const bool runs_command = options.command == cli::Command::exec;
  add("to log in",
      describe_limit(hosts, &core::HostSettings::connect_timeout, options.task.connect_timeout));
  add(runs_command ? "for the command" : "for the transfer",
      describe_limit(hosts, &core::HostSettings::timeout, options.task.timeout));
  add("without a byte", plain(options.task.stall_timeout));
  add("for the whole run", plain(options.control.deadline));
  if (!text.empty()) table.add("at most", text);
}

void add_rules(Table &table, const cli::Options &options, const std::vector<Host> &hosts) {
  const RunControl &control = options.control;
  if (control.max_fail) {
    const std::size_t failed = control.max_fail->of(hosts.size());
    table.add("max-fail",
              fmt::format("{} failed: no more are started, what runs is {}", counted_hosts(failed),
                          control.on_halt == core::OnHalt::kill ? "stopped" : "waited for"));
  }
  if (control.start_rate > 0)
    table.add("start-rate", fmt::format("at most {} a second", counted_hosts(control.start_rate)));
  if (control.retries > 0)
    table.add("retries", fmt::format("at most {} of a connection that failed", control.retries));
  if (control.ok_if < core::whole_share)
    table.add("ok-if", format_share(control.ok_if) + " of the hosts succeeded");
}

}  // namespace

std::string describe_plan(const cli::Options &options, const std::vector<Host> &hosts,
                          std::size_t parallel, std::uint64_t seed) {
  if (hosts.empty()) return "plan: 0 hosts\nnobody was contacted\n";
  const std::vector<HostIndex> order = plan::sequence(options.control, facts_of(hosts), seed);

  Table table;
  add_task(table, options, hosts, order.front());
  table.add("order", describe_order(options.control, seed));
  add_batches(table, options.control, hosts, order);
  add_times(table, options, hosts);
  add_rules(table, options, hosts);
  return fmt::format("plan: {}, at most {} at once\n{}nobody was contacted\n",
                     counted_hosts(hosts.size()), std::min(parallel, hosts.size()), table.text());
}

core::Result<void> print_plan(const cli::Options &options, const std::vector<Host> &hosts,
                              console::Output &output) {
  std::random_device device;
  const std::uint64_t seed = std::uint64_t{device()} << 32 | device();
  const std::size_t parallel = make_room_for_workers(options, hosts.size(), output);
  const std::string text = describe_plan(options, hosts, parallel, seed);
  return output.write(core::Stream::out,
                      output.is_terminal(core::Stream::out) ? console::safe_text(text) : text);
}

}  // namespace fanout
