// --shard: which share of the selection is ours.
#include <map>
#include <set>

#include "inventories.hpp"

namespace fanout::inventory {
namespace {

using core::Shard;
using Variables = std::map<std::string, std::string>;

Environment environment(Variables variables) {
  return [variables = std::move(variables)](const std::string &name) {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional<std::string>(found->second);
  };
}

// "3/16", or what is wrong.
std::string resolved(Shard shard, const Variables &variables) {
  const auto result = resolve_shard(shard, environment(variables));
  if (result) return std::to_string(result->index) + "/" + std::to_string(result->count);
  CHECK(result.error().kind == core::ErrorKind::usage);
  return result.error().message;
}

constexpr Shard automatic{0, 0};

Variables slurm_array(const std::string &id, const std::string &first, const std::string &count,
                      const std::string &step = "") {
  Variables variables{{"SLURM_ARRAY_TASK_ID", id},
                      {"SLURM_ARRAY_TASK_MIN", first},
                      {"SLURM_ARRAY_TASK_COUNT", count}};
  if (!step.empty()) variables["SLURM_ARRAY_TASK_STEP"] = step;
  return variables;
}

Variables with(Variables variables, const Variables &more) {
  variables.insert(more.begin(), more.end());
  return variables;
}

TEST_CASE("shard: what is given is not looked for in the environment", "[inventory]") {
  CHECK(resolved({3, 16}, slurm_array("0", "0", "2")) == "3/16");
  CHECK(resolved({17, 16}, {}) == "--shard 17/16: there is no such share");
}

TEST_CASE("shard: auto follows the tasks of an array of Slurm", "[inventory]") {
  CHECK(resolved(automatic, slurm_array("0", "0", "4")) == "1/4");
  CHECK(resolved(automatic, slurm_array("4", "1", "4")) == "4/4");
  CHECK(resolved(automatic, slurm_array("30", "10", "3", "10")) == "3/3");
  CHECK(resolved({0, 4}, slurm_array("1", "0", "4")) == "2/4");
  CHECK(resolved({0, 8}, slurm_array("1", "0", "4")) == "--shard auto/8: Slurm has 4 of us");
  // --array=1,3,7 has no step that says which of three this is.
  for (const Variables &gaps :
       {slurm_array("7", "1", "3"), slurm_array("0", "1", "3"), slurm_array("15", "10", "3", "10")})
    CHECK(resolved(automatic, gaps).find("an array with gaps has no shares") != std::string::npos);
  CHECK(resolved(automatic, {{"SLURM_ARRAY_TASK_ID", "1"}}) ==
        "--shard auto: SLURM_ARRAY_TASK_MIN is not set");
}

TEST_CASE("shard: auto follows the processes of a step of Slurm, also within an array",
          "[inventory]") {
  const Variables process{{"SLURM_PROCID", "2"}, {"SLURM_NTASKS", "4"}};
  CHECK(resolved(automatic, process) == "3/4");
  CHECK(resolved(automatic, with(slurm_array("5", "4", "3"), process)) == "7/12");
  CHECK(resolved(automatic, with(slurm_array("5", "4", "3"),
                                 {{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "1"}})) == "2/3");
  CHECK(resolved(automatic, {{"SLURM_PROCID", "4"}, {"SLURM_NTASKS", "4"}}) ==
        "--shard auto: SLURM_PROCID=4 is not below SLURM_NTASKS=4");
  CHECK(resolved(automatic, {{"SLURM_PROCID", "0"}}) == "--shard auto: SLURM_NTASKS is not set");
}

TEST_CASE("shard: all tasks and processes together have every share once", "[inventory]") {
  std::set<std::string> shares;
  for (const char *task : {"3", "5", "7"})
    for (const char *process : {"0", "1"})
      shares.insert(resolved(automatic, with(slurm_array(task, "3", "3", "2"),
                                             {{"SLURM_PROCID", process}, {"SLURM_NTASKS", "2"}})));
  CHECK(shares == std::set<std::string>{"1/6", "2/6", "3/6", "4/6", "5/6", "6/6"});
}

TEST_CASE("shard: auto follows a job of Kubernetes, once it knows of how many", "[inventory]") {
  const Variables job{{"JOB_COMPLETION_INDEX", "2"}};
  CHECK(resolved({0, 5}, job) == "3/5");
  CHECK(resolved(automatic, with(job, {{"FANOUT_SHARDS", "4"}})) == "3/4");
  CHECK(resolved(automatic, job) ==
        "--shard auto: JOB_COMPLETION_INDEX does not say of how many: set FANOUT_SHARDS, or give "
        "auto/N");
  CHECK(resolved({0, 2}, job) == "--shard auto: JOB_COMPLETION_INDEX=2 is not below auto/2");
  CHECK(resolved(automatic, with(job, {{"FANOUT_SHARDS", "0"}})) ==
        "--shard auto: JOB_COMPLETION_INDEX=2 is not below FANOUT_SHARDS=0");
}

TEST_CASE("shard: where nothing says it, the message names what could", "[inventory]") {
  CHECK(resolved(automatic, {{"FANOUT_SHARDS", "4"}}) ==
        "--shard auto: neither SLURM_ARRAY_TASK_ID nor SLURM_PROCID nor JOB_COMPLETION_INDEX is "
        "set");
  CHECK_FALSE(resolve_shard(automatic, Environment()));
}

TEST_CASE("shard: a value that is no number is refused", "[inventory]") {
  for (const char *value : {"", " 1", "1 ", "-1", "+1", "1.0", "0x1", "4294967296", "\x1b[2J",
                            "99999999999999999999999"}) {
    const std::string error =
        resolved(automatic, {{"JOB_COMPLETION_INDEX", value}, {"FANOUT_SHARDS", "9"}});
    INFO(error);
    CHECK(error.starts_with("--shard auto: JOB_COMPLETION_INDEX is '"));
    CHECK(error.find('\x1b') == std::string::npos);
  }
  CHECK(resolved(automatic, with(slurm_array("0", "0", "4294967295"),
                                 {{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "2"}})) ==
        "--shard auto: more than 4294967295 shares");
  CHECK(resolved(automatic, slurm_array("0", "0", "1", "0")).find("in steps of 0") !=
        std::string::npos);
}

TEST_CASE("selection: the shares of --shard are the selection, each host in one", "[inventory]") {
  core::Selection selection = hosts("n[00-22]");
  selection.excluded = {"n05"};
  const Names whole = names_of(selected(Inventory(), selection));
  Names united(whole.size());
  for (std::uint32_t index = 1; index <= 4; ++index) {
    selection.shard = Shard{index, 4};
    const Names share = names_of(selected(Inventory(), selection));
    for (std::size_t i = 0; i < share.size(); ++i) united.at(index - 1 + 4 * i) = share[i];
  }
  CHECK(united == whole);
}

TEST_CASE("selection: a share is taken of what was picked and counted", "[inventory]") {
  core::Selection selection = hosts("n[1-9]");
  selection.shard = Shard{2, 3};
  CHECK(names_of(selected(Inventory(), selection)) == Names{"n2", "n5", "n8"});
  selection.expected_hosts = 9;
  CHECK(selected(Inventory(), selection).size() == 3);
  selection.expected_hosts = 3;
  CHECK(selection_error(Inventory(), selection) == "--expect-hosts 3: the selection has 9 hosts");
  selection.expected_hosts.reset();
  selection.pick = 4;
  CHECK(selected(Inventory(), selection).size() == 1);
}

TEST_CASE("selection: a share without hosts is no mistake, a selection without hosts is one",
          "[inventory]") {
  core::Selection selection = hosts("n[1-3]");
  selection.shard = Shard{4, 4};
  CHECK(selected(Inventory(), selection).empty());
  selection.excluded = {"n[1-3]"};
  CHECK(selection_error(Inventory(), selection) == "the selection is empty");
}

TEST_CASE("selection: --shard auto asks the environment", "[inventory]") {
  core::Selection selection = hosts("n[1-4]");
  selection.shard = automatic;
  SelectionSources from = sources();
  from.environment = environment({{"SLURM_PROCID", "1"}, {"SLURM_NTASKS", "2"}});
  CHECK(names_of(selected(Inventory(), selection, {}, from)) == Names{"n2", "n4"});
  CHECK(selection_error(Inventory(), selection).starts_with("--shard auto: neither"));
}

}  // namespace
}  // namespace fanout::inventory
