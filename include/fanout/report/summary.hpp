// The text at the end of a run: how many hosts ended how, then every host that is not ok, folded, by status and cause.
//
//     fanout: 20 hosts, 18 ok, 2 failed in 1.8 s
//       unreachable  web03  connect 10.0.0.13:22: Connection refused
//       auth         web11  no key accepted; the server offers publickey
//
// The counts add up to the number of hosts: failed is whatever is neither ok nor interrupted nor skipped. Where hosts
// have the same cause but for their own names, it is written with {host} and {address}. Further words can follow the
// status words: `differs` (--expect-same), `truncated` (output was not shown) and `unknown` (the remote command may still run), and of a transfer
// `leftover` (a temporary name that may still be there), `verified` (by what) and `method` (when not all had the same).
//
// Of a transfer the second line says what stands where it should and what had to travel for it:
//
//     fanout: 18 hosts, 18 ok in 61.2 s
//       transfer  3 files, 1.2 GB on each of 18 hosts; sent 21.6 GB at 350.0 MB/s
//
// Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "fanout/console/colors.hpp"
#include "fanout/core/deadline.hpp"
#include "fanout/core/host.hpp"
#include "fanout/core/outcome.hpp"
#include "fanout/core/task.hpp"

namespace fanout::report {

struct Summary {
  std::span<const core::Host> hosts;
  std::span<const core::Outcome> outcomes;  // one for each host
  core::Milliseconds elapsed{0};
  std::uint64_t max_output_bytes = 0;  // as --max-output
  std::span<const core::HostIndex>
      not_kept;  // of those with dropped bytes: not over --max-output, but lost by us
  std::string why_not_kept;
  std::string sandbox_remark;  // the last line, "sandbox  REMARK", if there is one
  core::TaskKind task = core::TaskKind::exec;
  // Hosts that have printed something else than most, or than a reference: those with the same output together.
  std::vector<std::vector<core::HostIndex>> differing;
  std::string differ_from;  // "18 hosts"; not safe for a terminal yet
  console::Colors colors;   // of stderr
};

using Fold = std::function<std::string(const std::vector<core::HostIndex> &hosts)>;

// Several lines, each ended by a newline, safe for a terminal if what `fold` returns is.
std::string format_summary(const Summary &summary, const Fold &fold);

}  // namespace fanout::report
