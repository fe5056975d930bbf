// The record of a host in JSON: what --output json and the journal have in common.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include <nlohmann/json.hpp>

#include "fanout/core/outcome.hpp"

namespace fanout::report {

using Json = nlohmann::ordered_json;

double seconds(std::chrono::microseconds time);

template <class T>
Json or_null(const std::optional<T> &value) {
  return value ? Json(*value) : Json();
}
Json or_null(std::string_view text);

// "status", "exit", "signal", "phase" and "cause".
void add_ending(Json &record, const core::Outcome &outcome);
// "remote_end" and "stopped_by".
void add_remote_end(Json &record, const core::Outcome &outcome);
// "files", "bytes", "sent", ... of a put or get.
void add_transfer(Json &record, const core::Outcome &outcome);
// The value of "phases". All time counts: checking the host key with the key exchange, opening the channel with what runs
// in it.
Json phases_of(const core::Outcome &outcome);

}  // namespace fanout::report
