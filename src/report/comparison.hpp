// Whether hosts whose commands ended by themselves have printed the same on both streams, or what they should have printed:
// --expect-same, in any form of output. Pure but for reading back what was printed.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fanout/core/host.hpp"
#include "fanout/core/outcome.hpp"
#include "fanout/core/result.hpp"
#include "fanout/report/report.hpp"
#include "identity.hpp"
#include "printed.hpp"

namespace fanout::report {

class Comparison {
public:
  // Hosts that have printed the same, which is something else than the reference.
  struct Outlier {
    std::vector<core::HostIndex> hosts;  // in the order of the selection
    bool out_differs = false;
    bool err_differs = false;  // never, when the reference is a file
  };
  struct Verdict {
    std::vector<core::HostIndex>
        same;  // have printed the reference: the largest group, or what was given
    std::vector<Outlier> outliers;      // the largest one first
    bool reference_is_missing = false;  // the host that was named cannot be compared with

    [[nodiscard]] bool differ() const { return !outliers.empty(); }
  };

  // `identities` must outlive this.
  Comparison(Identities &identities, const std::optional<Reference> &reference);

  // Before anybody moves away what was printed. After an error (ErrorKind::local, of reading it back) the host is taken for
  // another one than all others.
  core::Result<void> add(const core::Host &host, core::HostIndex index,
                         const core::Outcome &outcome, Printed &printed);
  // After the last host.
  [[nodiscard]] Verdict verdict() const;

private:
  // What was printed on stdout and stderr, by identity.
  using Pair = std::pair<std::string, std::string>;
  using Groups = std::map<Pair, std::vector<core::HostIndex>>;
  [[nodiscard]] const Pair *largest() const;
  [[nodiscard]] const Pair *find(core::HostIndex host) const;

  Identities &identities_;
  std::optional<core::HostIndex> against_host_;
  std::optional<std::string> against_out_;  // the identity of a file
  Groups groups_;
};

}  // namespace fanout::report
