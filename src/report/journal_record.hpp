// What the lines "ended" and "output" of a journal say, in both directions. Pure, but for the texts.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "fanout/core/outcome.hpp"
#include "fanout/core/result.hpp"
#include "journal_line.hpp"
#include "printed.hpp"

namespace fanout::report {

// The members of "ended" but for the host. `copies`: of put and get.
void add_outcome(Json &line, const core::Outcome &outcome, bool copies);
core::Result<core::Outcome> parse_outcome(const JournalLine &line, bool copies);

// {"sha256":..,"bytes":..,"text":..}, with "base64" instead of "text" for what is not UTF-8. As much of its beginning as may be
// and as `room` has bytes, which are taken from it; no character is cut.
core::Result<Json> tell_text(const PrintedStream &stream, std::size_t &room);

struct JournaledText {
  std::string sha256;
  std::uint64_t bytes = 0;
  std::string beginning;
};
// Refuses one that is not what its hash says.
core::Result<JournaledText> parse_text(const Json &json);

}  // namespace fanout::report
