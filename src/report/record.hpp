// The record of a host in JSON: what --output json, --outdir and the journal have in common.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include <nlohmann/json.hpp>

#include "fanout/core/host.hpp"
#include "fanout/core/outcome.hpp"

namespace fanout::report {

using Json = nlohmann::ordered_json;

double seconds(std::chrono::microseconds time);

template <class T>
Json or_null(const std::optional<T> &value) {
  return value ? Json(*value) : Json();
}
Json or_null(std::string_view text);

// What --output json says of a host before what it has printed, from "v" to "phases", and after that. `started` is in seconds
// since 1970, and there is none for a host that was never started.
Json record_head(const core::Host &host, const core::Outcome &outcome,
                 std::optional<std::int64_t> started);
Json record_tail(const core::Outcome &outcome, bool output_is_whole, bool is_transfer);

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
