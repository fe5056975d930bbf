// The text at the end of a run: how many hosts ended how, then every host that is not ok, folded, by status and cause.
//
//     fanout: 20 hosts, 18 ok, 2 failed in 1.8 s
//       unreachable  web03  connect 10.0.0.13:22: Connection refused
//       auth         web11  no key accepted; the server offers publickey
//
// The counts add up to the number of hosts: failed is whatever is neither ok nor interrupted nor skipped. Where hosts
// have the same cause but for their own names, it is written with {host} and {address}. Two more words can follow the
// status words: `truncated` (output was not shown) and `unknown` (the remote command may still run). Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "fanout/core/deadline.hpp"
#include "fanout/core/host.hpp"
#include "fanout/core/outcome.hpp"

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
};

using Fold = std::function<std::string(const std::vector<core::HostIndex> &hosts)>;

// Several lines, each ended by a newline, safe for a terminal if what `fold` returns is.
std::string format_summary(const Summary &summary, const Fold &fold);

}  // namespace fanout::report
