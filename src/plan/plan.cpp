// Puts the rules together. Inside, hosts are known by their position in the order in which they are started.
//
// Three kinds of hosts may be next: those whose back-off is over, those that have come to the front of a line and find a
// place, and those whose turn it is in the order. One of them is held in hand until the rules that are the same for all
// hosts let it start; in between it is in no line, and is judged again before it is.
#include "fanout/plan/plan.hpp"

#include <algorithm>
#include <functional>
#include <utility>

#include <fmt/format.h>

#include "fanout/plan/batch.hpp"
#include "fanout/plan/crashes.hpp"
#include "fanout/plan/halt.hpp"
#include "fanout/plan/password_guard.hpp"
#include "fanout/plan/retry.hpp"
#include "fanout/plan/server_pace.hpp"
#include "fanout/plan/start_pace.hpp"
#include "fanout/plan/start_rate.hpp"
#include "fanout/plan/turnstile.hpp"

namespace fanout::plan {

using core::Deadline;
using core::HostIndex;
using core::Status;
using core::TimePoint;

namespace {

enum class Stage : std::uint8_t { not_started, running, to_be_retried, ended };

std::string refused_by_all(std::uint32_t hosts) {
  const std::string who = hosts == 1 ? "1 host has not taken its"
                                     : fmt::format("{} hosts have not taken the same", hosts);
  return fmt::format("{} password, and no other has (--max-auth-fail {})", who, hosts);
}

}  // namespace

class Plan::State {
public:
  State(const core::RunControl &control, const std::vector<HostFacts> &hosts, std::uint64_t seed,
        TimePoint begin, std::size_t most_beginning)
      : order_(sequence(control, hosts, seed)),
        position_of_(hosts.size()),
        hosts_(hosts.size()),
        turnstiles_(hosts.size()),
        passwords_(control.max_auth_fail, hosts, order_, turnstiles_),
        servers_(hosts, order_, turnstiles_),
        pace_(most_beginning, hosts.size()),
        rate_(control.start_rate),
        batches_(control, hosts.size()),
        halt_(control, hosts.size(), begin),
        back_off_(seed),
        retries_(control.retries),
        most_refusals_(control.max_auth_fail) {
    for (Position position = 0; position < order_.size(); ++position)
      position_of_[order_[position]] = position;
    progress_.not_started = hosts.size();
  }

  Action next(TimePoint now, bool has_room);
  void observe(const core::Event &event);
  Ending ended(const core::Ended &ended, TimePoint now);
  void gate_ended(bool is_open, const std::string &why);

  Halt &halt() { return halt_; }
  void set_paused(bool paused) { paused_ = paused; }
  [[nodiscard]] bool paused() const { return paused_; }
  [[nodiscard]] std::uint32_t attempts(HostIndex host) const {
    return hosts_[position_of_[host]].attempts;
  }
  [[nodiscard]] Progress progress() const;

private:
  struct Host {
    std::uint32_t attempts = 0;
    std::uint32_t drops = 0;  // that were no attempts of --retries
    Stage stage = Stage::not_started;
  };
  struct Due {
    TimePoint at;
    Position host;
    bool operator>(const Due &other) const {
      return at != other.at ? at > other.at : host > other.host;
    }
  };

  [[nodiscard]] bool is_over() const;
  GiveUp give_up();
  std::optional<Action> between_batches(TimePoint now);
  Action start_or_wait(TimePoint now);
  std::optional<Position> take(TimePoint now);
  bool find_candidate(TimePoint now);
  Start start(TimePoint now);
  void come_again(Position host, TimePoint at);
  Ending give_back(Position position, TimePoint now);
  std::optional<core::Milliseconds> again_in(Position position, const core::Ended &ended);

  std::vector<HostIndex> order_;
  std::vector<Position> position_of_;
  std::vector<Host> hosts_;
  Turnstiles turnstiles_;
  PasswordGuard passwords_;
  ServerPace servers_;
  StartPace pace_;
  StartRate rate_;
  Batches batches_;
  Halt halt_;
  Crashes crashes_;
  BackOff back_off_;
  std::uint32_t retries_;
  std::uint32_t most_refusals_;
  bool paused_ = false;
  Position next_ = 0;     // in the order
  std::vector<Due> due_;  // who comes again, and when; a heap
  std::optional<Position> in_hand_;
  Position give_up_from_ = 0;  // none before it is to be retried
  Progress progress_;          // as far as it is counted
};

// --- what to do -------------------------------------------------------------------------------------------------------

bool Plan::State::is_over() const {
  return progress_.running == 0 && !progress_.gate_runs && progress_.waiting_to_retry == 0 &&
         (halt_.halted() || progress_.not_started == 0);
}

Action Plan::State::next(TimePoint now, bool has_room) {
  if (is_over()) return Finished{};
  halt_.look_at_deadline(now);
  if (halt_.halted()) {
    if (progress_.running > 0)
      if (auto stop = halt_.stop_running()) return *std::move(stop);
    if (progress_.waiting_to_retry > 0) return give_up();
    if (is_over()) return Finished{};
    return Wait{halt_.next()};
  }
  if (progress_.gate_runs || paused_) return Wait{halt_.next()};
  if (batches_.between())
    if (auto action = between_batches(now)) return *std::move(action);
  if (!has_room) return Wait{halt_.next()};
  return start_or_wait(now);
}

GiveUp Plan::State::give_up() {
  while (hosts_[give_up_from_].stage != Stage::to_be_retried) ++give_up_from_;
  hosts_[give_up_from_].stage = Stage::ended;
  --progress_.waiting_to_retry;
  ++progress_.ended;
  halt_.host_failed();
  return {order_[give_up_from_]};
}

std::optional<Action> Plan::State::between_batches(TimePoint now) {
  const Deadline pause = batches_.pause_until();
  if (!pause.never() && !pause.passed(now)) return Wait{pause.or_sooner(halt_.next())};
  if (batches_.wants_gate()) {
    progress_.gate_runs = true;
    return RunGate{batches_.number()};
  }
  batches_.begin_next();
  return std::nullopt;
}

Action Plan::State::start_or_wait(TimePoint now) {
  const bool has_candidate = find_candidate(now);
  if (!has_candidate && due_.empty()) return Wait{halt_.next()};
  TimePoint at = std::max(rate_.next(), pace_.next(now));
  if (!has_candidate) at = std::max(at, due_.front().at);
  if (at > now) return Wait{Deadline(at).or_sooner(halt_.next())};
  return start(now);
}

std::optional<Position> Plan::State::take(TimePoint now) {
  if (!due_.empty() && due_.front().at <= now) {
    const Position host = due_.front().host;
    std::pop_heap(due_.begin(), due_.end(), std::greater<>());
    due_.pop_back();
    return host;
  }
  if (const auto host = turnstiles_.take_first()) return host;
  if (next_ == batches_.end()) return std::nullopt;
  return next_++;
}

// Puts those in line that cannot start, which happens once to each, until one is found that can.
bool Plan::State::find_candidate(TimePoint now) {
  for (;;) {
    if (!in_hand_) in_hand_ = take(now);
    if (!in_hand_) return false;
    auto in_the_way = passwords_.in_the_way(*in_hand_);
    if (!in_the_way) in_the_way = servers_.in_the_way(*in_hand_);
    if (!in_the_way) return true;
    turnstiles_.wait(*in_the_way, *in_hand_);
    in_hand_.reset();
  }
}

Start Plan::State::start(TimePoint now) {
  const Position position = *std::exchange(in_hand_, std::nullopt);
  Host &host = hosts_[position];
  --(host.stage == Stage::to_be_retried ? progress_.waiting_to_retry : progress_.not_started);
  host.stage = Stage::running;
  ++progress_.running;
  passwords_.started(position);
  servers_.started(position);
  pace_.started(position, now);
  rate_.started(now);
  return {order_[position], ++host.attempts};
}

void Plan::State::come_again(Position host, TimePoint at) {
  due_.push_back({at, host});
  std::push_heap(due_.begin(), due_.end(), std::greater<>());
}

// --- what has happened ------------------------------------------------------------------------------------------------

void Plan::State::observe(const core::Event &event) {
  if (const auto *entered = std::get_if<core::PhaseEntered>(&event)) {
    // Nothing depends on those before.
    if (entered->phase < core::Phase::kex) return;
    const Position position = position_of_[entered->host];
    if (hosts_[position].stage != Stage::running) return;
    pace_.entered(position, entered->phase);
    if (entered->phase < core::Phase::open) return;
    servers_.logged_in(position);
    passwords_.settled(position);
  } else if (const auto *answered = std::get_if<core::PasswordAnswered>(&event)) {
    if (passwords_.answered(position_of_[answered->host], answered->accepted))
      halt_.by_rule(refused_by_all(most_refusals_));
  }
}

// How long to wait before the next attempt; nothing: there is none.
std::optional<core::Milliseconds> Plan::State::again_in(Position position,
                                                        const core::Ended &ended) {
  const auto drops =
      was_dropped(ended.outcome) ? servers_.dropped(position) : std::optional<std::uint32_t>();
  servers_.ended(position);
  const bool sent = passwords_.may_have_been_sent(position, ended.outcome.phase);
  if (halt_.halted() || !may_be_repeated(ended, sent)) return std::nullopt;
  Host &host = hosts_[position];
  if (drops) {
    ++host.drops;
    return back_off_.of_drop(*drops);
  }
  const std::uint32_t retried = host.attempts - 1 - host.drops;
  if (retried >= retries_) return std::nullopt;
  return back_off_.of_retry(retried + 1);
}

Plan::Ending Plan::State::ended(const core::Ended &ended, TimePoint now) {
  const Position position = position_of_[ended.host];
  Host &host = hosts_[position];
  --progress_.running;
  passwords_.settled(position);
  pace_.ended(position);
  if (const auto why = crashes_.observe(ended)) halt_.by_rule(*why);
  const auto after = again_in(position, ended);
  if (ended.outcome.status == Status::skipped) return give_back(position, now);
  if (after) {
    host.stage = Stage::to_be_retried;
    ++progress_.waiting_to_retry;
    come_again(position, now + *after);
    return {false, *after};
  }
  host.stage = Stage::ended;
  ++progress_.ended;
  batches_.host_done(now);
  if (is_failure(ended.outcome.status)) halt_.host_failed();
  return {};
}

// Its start has not taken place.
Plan::Ending Plan::State::give_back(Position position, TimePoint now) {
  Host &host = hosts_[position];
  const bool was_attempted = --host.attempts > 0;
  if (was_attempted && halt_.halted()) {
    // What it has is the record of the attempt before.
    host.stage = Stage::ended;
    ++progress_.ended;
    halt_.host_failed();
    return {};
  }
  host.stage = was_attempted ? Stage::to_be_retried : Stage::not_started;
  ++(was_attempted ? progress_.waiting_to_retry : progress_.not_started);
  if (halt_.halted()) return {};
  come_again(position, now);
  return {.is_record = false};
}

void Plan::State::gate_ended(bool is_open, const std::string &why) {
  progress_.gate_runs = false;
  if (is_open)
    batches_.gate_opened();
  else
    halt_.by_rule(why);
}

Plan::Progress Plan::State::progress() const {
  Progress progress = progress_;
  progress.failed = halt_.failed();
  if (batches_.count() > 0) {
    progress.batch = batches_.number();
    progress.batches = batches_.count();
  }
  if (batches_.between() && !halt_.halted()) progress.pause_until = batches_.pause_until();
  return progress;
}

// ----------------------------------------------------------------------------------------------------------------------

Plan::Plan(const core::RunControl &control, const std::vector<HostFacts> &hosts, std::uint64_t seed,
           TimePoint begin, std::size_t most_beginning)
    : state_(std::make_unique<State>(control, hosts, seed, begin, most_beginning)) {}
Plan::Plan(Plan &&) noexcept = default;
Plan::~Plan() = default;

Action Plan::next(TimePoint now, bool has_room) { return state_->next(now, has_room); }
void Plan::observe(const core::Event &event) { state_->observe(event); }
Plan::Ending Plan::ended(const core::Ended &ended, TimePoint now) {
  return state_->ended(ended, now);
}
void Plan::gate_ended(bool is_open, const std::string &why) { state_->gate_ended(is_open, why); }
void Plan::halt(const std::string &why) { state_->halt().by_caller(why); }
void Plan::set_paused(bool paused) { state_->set_paused(paused); }
bool Plan::halted() const { return state_->halt().halted(); }
const std::string &Plan::why_halted() const { return state_->halt().why(); }
bool Plan::stopped_early() const { return state_->halt().by_a_rule(); }
bool Plan::paused() const { return state_->paused(); }
std::uint32_t Plan::attempts(HostIndex host) const { return state_->attempts(host); }
Plan::Progress Plan::progress() const { return state_->progress(); }

}  // namespace fanout::plan
