// The end of what each host has printed, for the live view: at least the last 128 KiB, at most twice that.
//
// It costs a few kilobytes of memory a host; the rest is in one file without a name (spill.hpp). A failure of that file
// loses text here and nowhere else.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fanout/core/host.hpp"
#include "fanout/report/spill.hpp"

namespace fanout::report {

class LiveTexts {
public:
  explicit LiveTexts(std::size_t hosts, Spill::OpenFile open = sys::make_temporary_file);

  void append(core::HostIndex host, std::string_view bytes);

  struct End {
    std::uint64_t missing_bytes = 0;  // before it
    std::string text;
  };
  [[nodiscard]] End end_of(core::HostIndex host);
  // The first failure of the file.
  [[nodiscard]] const std::string &failure() const { return failure_; }

  static constexpr std::size_t part_bytes = std::size_t{128} << 10;

private:
  struct Kept {
    std::uint64_t missing_bytes = 0;
    std::optional<HeldText> older;
    std::optional<HeldText> newer;
    void forget(std::optional<HeldText> &part);
  };
  void failed(Kept &kept, const core::Error &error);

  Spill spill_;
  std::vector<std::unique_ptr<Kept>> kept_;  // of those that have printed
  std::string failure_;
};

}  // namespace fanout::report
