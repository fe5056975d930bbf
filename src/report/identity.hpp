// What makes outputs equal: the form that groups them, the outliers and --expect-same all ask here.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "fanout/core/host.hpp"
#include "fanout/core/masking.hpp"
#include "fanout/core/outcome.hpp"
#include "fanout/core/result.hpp"
#include "fanout/report/report.hpp"
#include "printed.hpp"

namespace fanout::report {

// Of a stream on which nothing was printed.
inline constexpr std::string_view identity_of_nothing = "nothing";

// Whether its command ended by itself: what others have printed is not all that they would have.
bool is_comparable(const core::Outcome &outcome);

class Identities {
public:
  // `reference` may be a file: a text that no host has printed.
  Identities(const core::Masking &masking, const std::optional<Reference> &reference);

  // Two streams with the same identity are equal, in all their bytes or but for what is masked. Where not all was kept, every
  // byte counts: two hosts may have been cut at different places. Computed once, when it is first asked for, while the text is
  // still there; valid as long as `stream`. The error is one of reading the text back.
  core::Result<std::string_view> of(PrintedStream &stream, const core::Host &host) const;

  // Of the file.
  [[nodiscard]] const std::string &of_reference() const { return of_reference_; }

private:
  [[nodiscard]] core::Result<std::string> compute(const PrintedStream &stream,
                                                  const core::Host &host) const;

  core::Masking masking_;
  std::string of_reference_;
};

}  // namespace fanout::report
