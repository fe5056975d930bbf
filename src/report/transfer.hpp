// A put or a get in words: of one host for -v, of all for the summary. Pure.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "fanout/core/deadline.hpp"
#include "fanout/core/outcome.hpp"
#include "fanout/core/task.hpp"

namespace fanout::report {

bool is_transfer(core::TaskKind task);

// Bytes per second, of content, over the time in which it was copied; nothing when nothing was sent.
std::optional<double> rate_of(const core::Outcome &outcome);

// "3 files, 1.2 GB, sent 1.2 GB at 110.0 MB/s, 1 unchanged, by sftp, sha256 9f86...". Empty without a record.
std::string describe_transfer(const core::Outcome &outcome);

// "3 files, 1.2 GB on each of 18 hosts; sent 21.6 GB at 350.0 MB/s; 6 files unchanged". Empty when nothing was
// copied and nothing sent.
std::string describe_transfers(core::TaskKind task, std::span<const core::Outcome> outcomes,
                               core::Milliseconds elapsed);

}  // namespace fanout::report
