// What one host has printed: as much of it as was kept, and what all of it was. Kept once, for every form, file and journal
// that wants it when the host has ended.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "fanout/core/status.hpp"
#include "fanout/files/sha256.hpp"
#include "fanout/report/spill.hpp"

namespace fanout::report {

struct PrintedStream {
  explicit PrintedStream(Spill &spill) : text(spill) {}

  // All that it printed, what is missing below included.
  [[nodiscard]] std::uint64_t bytes() const { return text.size() + missing_bytes; }

  HeldText text;  // a consumer may move it away; who comes after that one finds it empty
  std::uint64_t missing_bytes = 0;    // came after the text, and was not kept
  std::optional<files::Sha256> hash;  // of all of it, while the host runs and if anybody needs it
  std::string sha256;                 // the same once it has ended: 32 raw bytes; or empty
  std::string identity;               // of what is compared; see identity.hpp
};

struct Printed {
  explicit Printed(Spill &spill) : out(spill), err(spill) {}
  PrintedStream &of(core::Stream stream) { return stream == core::Stream::out ? out : err; }
  [[nodiscard]] const PrintedStream &of(core::Stream stream) const {
    return stream == core::Stream::out ? out : err;
  }

  PrintedStream out;
  PrintedStream err;
};

}  // namespace fanout::report
