#include "fanout/inventory/shard.hpp"

#include <charconv>
#include <cstdint>
#include <limits>
#include <string_view>

#include <fmt/format.h>

#include "names.hpp"

namespace fanout::inventory {

using core::ErrorKind;
using core::fail;
using core::Result;
using core::Shard;

namespace {

constexpr std::uint64_t most_shards = std::numeric_limits<std::uint32_t>::max();

tl::unexpected<core::Error> refuse(std::string message) {
  return fail(ErrorKind::usage, std::move(message));
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t number = 0;
  const char *end = text.data() + text.size();
  const auto [stopped, problem] = std::from_chars(text.data(), end, number);
  if (problem != std::errc() || stopped != end || number > most_shards) return std::nullopt;
  return number;
}

// One of several, counted from 0.
struct Part {
  std::uint64_t index = 0;
  std::uint64_t count = 1;
};

class ShardVariables {
public:
  explicit ShardVariables(const Environment &environment) : environment_(environment) {}

  [[nodiscard]] bool has(const std::string &name) const {
    return environment_ && environment_(name).has_value();
  }

  Result<std::uint64_t> number(const std::string &name) const {
    const auto text = environment_ ? environment_(name) : std::nullopt;
    if (!text) return refuse(fmt::format("--shard auto: {} is not set", name));
    if (const auto number = parse_number(*text)) return *number;
    return refuse(fmt::format("--shard auto: {} is {}, and not a number up to {}", name,
                              in_quotes(*text), most_shards));
  }

  // Numbers of tasks need not begin with 0, nor follow each other: --array=10-50:20.
  Result<Part> slurm_task() const {
    if (!has("SLURM_ARRAY_TASK_ID")) return Part();
    TRY_ASSIGN(const std::uint64_t id, number("SLURM_ARRAY_TASK_ID"));
    TRY_ASSIGN(const std::uint64_t first, number("SLURM_ARRAY_TASK_MIN"));
    TRY_ASSIGN(const std::uint64_t count, number("SLURM_ARRAY_TASK_COUNT"));
    std::uint64_t step = 1;
    if (has("SLURM_ARRAY_TASK_STEP")) {
      TRY_ASSIGN(step, number("SLURM_ARRAY_TASK_STEP"));
    }
    if (step == 0 || id < first || (id - first) % step != 0 || (id - first) / step >= count)
      return refuse(
          fmt::format("--shard auto: task {} is none of {} from {} in steps of {}; an array with "
                      "gaps has no shares",
                      id, count, first, step));
    return Part{(id - first) / step, count};
  }

  Result<Part> slurm_process() const {
    if (!has("SLURM_PROCID")) return Part();
    return counted("SLURM_PROCID", "SLURM_NTASKS");
  }

  Result<Part> kubernetes(std::uint32_t count) const {
    if (count != 0) return counted("JOB_COMPLETION_INDEX", count, fmt::format("auto/{}", count));
    if (!has("FANOUT_SHARDS"))
      return refuse(
          "--shard auto: JOB_COMPLETION_INDEX does not say of how many: set FANOUT_SHARDS, or give "
          "auto/N");
    return counted("JOB_COMPLETION_INDEX", "FANOUT_SHARDS");
  }

private:
  Result<Part> counted(const std::string &index, const std::string &count) const {
    TRY_ASSIGN(const std::uint64_t all, number(count));
    return counted(index, all, fmt::format("{}={}", count, all));
  }
  Result<Part> counted(const std::string &index, std::uint64_t count,
                       const std::string &said) const {
    TRY_ASSIGN(const std::uint64_t part, number(index));
    if (part < count) return Part{part, count};
    return refuse(fmt::format("--shard auto: {}={} is not below {}", index, part, said));
  }

  const Environment &environment_;
};

Result<Part> part_by_environment(const ShardVariables &variables, std::uint32_t count) {
  if (variables.has("SLURM_ARRAY_TASK_ID") || variables.has("SLURM_PROCID")) {
    TRY_ASSIGN(const Part task, variables.slurm_task());
    TRY_ASSIGN(const Part process, variables.slurm_process());
    const Part part{task.index * process.count + process.index, task.count * process.count};
    if (part.count > most_shards)
      return refuse(fmt::format("--shard auto: more than {} shares", most_shards));
    if (count != 0 && part.count != count)
      return refuse(fmt::format("--shard auto/{}: Slurm has {} of us", count, part.count));
    return part;
  }
  if (variables.has("JOB_COMPLETION_INDEX")) return variables.kubernetes(count);
  return refuse(
      "--shard auto: neither SLURM_ARRAY_TASK_ID nor SLURM_PROCID nor JOB_COMPLETION_INDEX is set");
}

}  // namespace

Result<Shard> resolve_shard(Shard shard, const Environment &environment) {
  if (shard.index != 0) {
    if (shard.index <= shard.count) return shard;
    return refuse(fmt::format("--shard {}/{}: there is no such share", shard.index, shard.count));
  }
  TRY_ASSIGN(const Part part, part_by_environment(ShardVariables(environment), shard.count));
  return Shard{static_cast<std::uint32_t>(part.index + 1), static_cast<std::uint32_t>(part.count)};
}

}  // namespace fanout::inventory
