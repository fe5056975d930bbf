// What deciding costs: so many virtual hosts pass through a Plan on a virtual clock, 10,000 at once. Its time includes the few
// lines that play the hosts; its memory is all that is allocated meanwhile, so that of the plan and of those who run.
//
//     plan_scale [HOSTS...]        default: 10000 100000 1000000
//
// plain: nothing but the hosts. all rules: random order, batches, a rate too high to be held up by, retries, passwords; of a
// hundred hosts five are lost once, one is dropped by its server once and one fails.
#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <deque>
#include <new>
#include <string>
#include <vector>

#include "fanout/plan/plan.hpp"

namespace {

std::size_t allocated = 0;
std::size_t most_allocated = 0;

}  // namespace

void *operator new(std::size_t size) {
  void *memory = std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  allocated += malloc_usable_size(memory);
  most_allocated = std::max(most_allocated, allocated);
  return memory;
}
void operator delete(void *memory) noexcept {
  allocated -= malloc_usable_size(memory);
  std::free(memory);
}
void operator delete(void *memory, std::size_t /*size*/) noexcept { operator delete(memory); }

namespace {

using namespace fanout;
using namespace std::chrono_literals;
using core::HostIndex;
using core::Phase;
using core::Status;
using core::TimePoint;

constexpr std::size_t parallel = 10'000;
constexpr std::size_t most_beginning = 512;
constexpr auto until_login = 1ms;
constexpr auto until_end = 100ms;

std::vector<plan::HostFacts> facts_of(std::size_t hosts, bool have_passwords) {
  std::vector<plan::HostFacts> facts(hosts);
  for (std::size_t host = 0; host < hosts; ++host) {
    facts[host].server = "10.0.0.0:" + std::to_string(host);
    if (have_passwords) facts[host].password = 0;
  }
  return facts;
}

core::RunControl all_rules() {
  core::RunControl control;
  control.order = core::Order::random;
  control.batches = {{1, false}, {1000, true}, {2500, true}};
  control.max_fail = core::Quantity{9000, true};
  control.start_rate = 10'000'000;
  control.retries = 2;
  control.deadline = 24h;
  return control;
}

// Each host logs in and ends after the same time, so that who comes next is first in a queue.
class Run {
public:
  Run(const core::RunControl &control, const std::vector<plan::HostFacts> &hosts, bool has_trouble)
      : plan_(control, hosts, 1, now_, most_beginning), has_trouble_(has_trouble) {}

  std::size_t attempts() {
    for (;;) {
      const plan::Action action = plan_.next(now_, running_ < parallel);
      if (const auto *start = std::get_if<plan::Start>(&action))
        begin(*start);
      else if (const auto *wait = std::get_if<plan::Wait>(&action))
        listen(wait->until);
      else
        return attempts_;
    }
  }
  [[nodiscard]] bool is_whole(std::size_t hosts) const {
    return plan_.progress().ended == hosts && !plan_.halted();
  }

private:
  struct Later {
    TimePoint at;
    HostIndex host;
    std::uint32_t attempt;
  };

  void begin(const plan::Start &start) {
    ++attempts_;
    ++running_;
    plan_.observe(core::Started{start.host});
    logins_.push_back({now_ + until_login, start.host, start.attempt});
  }

  void listen(core::Deadline until) {
    if (!logins_.empty()) until = until.or_sooner(core::Deadline(logins_.front().at));
    if (!ends_.empty()) until = until.or_sooner(core::Deadline(ends_.front().at));
    now_ = until.at();
    for (; !logins_.empty() && logins_.front().at <= now_; logins_.pop_front())
      log_in(logins_.front());
    for (; !ends_.empty() && ends_.front().at <= now_; ends_.pop_front())
      end(ends_.front().host, ends_.front().host % 100 == 7 ? Status::failed : Status::ok,
          Phase::done);
  }

  void log_in(const Later &later) {
    if (has_trouble_ && later.attempt == 1 && later.host % 20 == 3)
      return end(later.host, Status::timeout, Phase::connect);
    if (has_trouble_ && later.attempt == 1 && later.host % 100 == 5)
      return end(later.host, Status::unreachable, Phase::kex);
    for (int phase = 1; phase <= static_cast<int>(Phase::run); ++phase) {
      if (has_trouble_ && static_cast<Phase>(phase) == Phase::open)
        plan_.observe(core::PasswordAnswered{later.host, true});
      plan_.observe(core::PhaseEntered{later.host, static_cast<Phase>(phase)});
    }
    ends_.push_back({now_ + until_end, later.host, later.attempt});
  }

  void end(HostIndex host, Status status, Phase phase) {
    --running_;
    core::Ended ended;
    ended.host = host;
    ended.outcome.status = status;
    ended.outcome.phase = phase;
    plan_.ended(ended, now_);
  }

  TimePoint now_{1000s};
  plan::Plan plan_;
  bool has_trouble_;
  std::size_t running_ = 0;
  std::size_t attempts_ = 0;
  std::deque<Later> logins_;
  std::deque<Later> ends_;
};

bool measure(std::size_t hosts, bool has_rules) {
  const auto facts = facts_of(hosts, has_rules);
  const core::RunControl control = has_rules ? all_rules() : core::RunControl();
  const std::size_t before = allocated;
  most_allocated = allocated;
  const std::clock_t begin = std::clock();
  Run run(control, facts, has_rules);
  const std::size_t attempts = run.attempts();
  const double seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
  const auto each = [hosts](double all) { return all / static_cast<double>(hosts); };
  const char *rules = has_rules ? "all rules" : "plain";
  const double bytes = each(static_cast<double>(most_allocated - before));
  std::printf("%-9s  %9zu hosts  %9zu attempts  %7.3f CPU s  %6.0f ns a host  %5.0f bytes a host\n",
              rules, hosts, attempts, seconds, each(seconds * 1e9), bytes);
  std::printf(
      "{\"rules\": \"%s\", \"hosts\": %zu, \"attempts\": %zu, \"cpu_seconds\": %.3f, "
      "\"bytes_a_host\": %.0f}\n",
      rules, hosts, attempts, seconds, bytes);
  return run.is_whole(hosts);
}

}  // namespace

int main(int argc, char **argv) {
  std::vector<std::size_t> sizes;
  for (int i = 1; i < argc; ++i) sizes.push_back(std::strtoul(argv[i], nullptr, 10));
  if (sizes.empty()) sizes = {10'000, 100'000, 1'000'000};
  bool is_whole = true;
  for (const bool has_rules : {false, true})
    for (const std::size_t hosts : sizes) is_whole = measure(hosts, has_rules) && is_whole;
  if (!is_whole) std::puts("hosts were lost");
  return is_whole ? 0 : 1;
}
