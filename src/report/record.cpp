#include "record.hpp"

#include <algorithm>
#include <initializer_list>
#include <string>
#include <vector>

#include "fanout/core/base64.hpp"
#include "json_text.hpp"
#include "transfer.hpp"

namespace fanout::report {

using core::Outcome;
using core::Phase;

namespace {

constexpr int record_version = 1;

double seconds_in(const Outcome &outcome, std::initializer_list<Phase> phases) {
  std::chrono::microseconds sum{0};
  for (const Phase phase : phases) sum += outcome.phases[static_cast<std::size_t>(phase)];
  return seconds(sum);
}

void add_leftovers(Json &record, const std::vector<std::string> &leftovers) {
  const bool text = std::all_of(leftovers.begin(), leftovers.end(), is_utf8);
  Json &list = record[text ? "leftovers" : "leftovers_base64"] = Json::array();
  for (const std::string &name : leftovers) list.push_back(text ? name : core::encode_base64(name));
}

}  // namespace

double seconds(std::chrono::microseconds time) {
  return std::chrono::duration<double>(time).count();
}

Json or_null(std::string_view text) { return text.empty() ? Json() : Json(text); }

Json record_head(const core::Host &host, const Outcome &outcome,
                 std::optional<std::int64_t> started) {
  Json record;
  record["v"] = record_version;
  record["host"] = host.name;
  record["address"] = host.address;
  record["port"] = host.port;
  record["user"] = host.user;
  add_ending(record, outcome);
  record["attempts"] = std::max<std::uint32_t>(outcome.attempts, started ? 1 : 0);
  record["started"] = started ? or_null(format_time(*started)) : Json();
  record["seconds"] = seconds(outcome.elapsed);
  record["phases"] = phases_of(outcome);
  return record;
}

Json record_tail(const Outcome &outcome, bool output_is_whole, bool is_transfer) {
  Json record;
  record["stdout_bytes"] = outcome.stdout_bytes;
  record["stderr_bytes"] = outcome.stderr_bytes;
  record["truncated"] = outcome.dropped_bytes > 0 || !output_is_whole;
  add_remote_end(record, outcome);
  if (is_transfer) add_transfer(record, outcome);
  return record;
}

void add_ending(Json &record, const Outcome &outcome) {
  record["status"] = to_string(outcome.status);
  record["exit"] = or_null(outcome.exit_status);
  record["signal"] = or_null(outcome.signal);
  record["phase"] = to_string(outcome.phase);
  record["cause"] = outcome.cause;
}

void add_remote_end(Json &record, const Outcome &outcome) {
  record["remote_end"] =
      outcome.remote_end == core::RemoteEnd::none ? Json() : Json(to_string(outcome.remote_end));
  record["stopped_by"] = or_null(to_string(outcome.stopped_by));
}

Json phases_of(const Outcome &outcome) {
  Json phases;
  phases["resolve"] = seconds_in(outcome, {Phase::resolve});
  phases["connect"] = seconds_in(outcome, {Phase::connect});
  phases["kex"] = seconds_in(outcome, {Phase::kex, Phase::verify});
  phases["auth"] = seconds_in(outcome, {Phase::auth});
  phases["run"] = seconds_in(outcome, {Phase::open, Phase::run});
  return phases;
}

void add_transfer(Json &record, const Outcome &outcome) {
  const core::TransferRecord transfer = outcome.transfer.value_or(core::TransferRecord());
  record["files"] = transfer.files;
  record["bytes"] = transfer.bytes;
  record["sent"] = transfer.sent_bytes;
  record["unchanged"] = transfer.unchanged;
  record["rate"] = or_null(rate_of(outcome));
  record["sha256"] = or_null(transfer.sha256);
  if (!transfer.verified_by.empty()) record["verified_by"] = transfer.verified_by;
  if (!transfer.used.empty()) record["used"] = transfer.used;
  if (!transfer.leftovers.empty()) add_leftovers(record, transfer.leftovers);
}

}  // namespace fanout::report
