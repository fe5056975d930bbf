// One form of --output: it is told what each host prints, and decides when and how that is shown.
//
// Failures of the console's output are remembered there (Output::failure()) and are not handed on from here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "fanout/console/colors.hpp"
#include "fanout/console/output.hpp"
#include "fanout/core/error.hpp"
#include "fanout/core/host.hpp"
#include "fanout/core/outcome.hpp"
#include "fanout/report/report.hpp"
#include "printed.hpp"

namespace fanout::report {

class Identities;

class Form {
public:
  // How many of the bytes are shown or will be. Fewer than there were means that this machine cannot keep them.
  struct Taken {
    std::size_t bytes = 0;
    std::optional<core::Error> error;
  };

  virtual ~Form() = default;
  virtual void started(core::HostIndex) {}
  // While the host runs. Forms that show a host at its end have nothing to do here: what it prints is kept by the report.
  virtual Taken received(core::HostIndex, core::Stream, std::string_view bytes) {
    return {bytes.size(), std::nullopt};
  }
  // No more output of this host will be shown.
  virtual void cut(core::HostIndex) {}
  // Also of hosts that were never started, which have printed nothing. What was printed may be moved away. The
  // error is one of reading it back.
  virtual core::Result<void> ended(core::HostIndex host, const core::Outcome &outcome,
                                   Printed &printed) = 0;
  // All hosts have ended; before the summary.
  virtual core::Result<void> finished() { return {}; }
};

// What every form works with; all of it belongs to the report.
struct FormTools {
  const ReportOptions &options;
  const std::vector<core::Host> &hosts;
  const std::vector<std::string> &labels;  // names, safe to print
  console::Output &output;
  Spill &spill;
  Identities &identities;
  // Hosts as one text: web[01-06], safe to print.
  std::function<std::string(const std::vector<core::HostIndex> &hosts)> fold;

  const std::unordered_map<core::HostIndex, std::int64_t> &started;

  // In seconds since 1970; nothing for a host that was never started.
  [[nodiscard]] std::optional<std::int64_t> started_at(core::HostIndex host) const {
    const auto found = started.find(host);
    return found == started.end() ? std::nullopt : std::optional(found->second);
  }
  [[nodiscard]] bool sanitises(core::Stream stream) const {
    return output.is_terminal(stream) && !options.raw;
  }
  [[nodiscard]] const console::Colors &colors(core::Stream stream) const {
    return options.colors[static_cast<std::size_t>(stream)];
  }
};

std::unique_ptr<Form> make_block_form(const FormTools &tools);
std::unique_ptr<Form> make_line_form(const FormTools &tools);
std::unique_ptr<Form> make_json_form(const FormTools &tools);
std::unique_ptr<Form> make_merge_form(const FormTools &tools);
std::unique_ptr<Form> make_diff_form(const FormTools &tools);

}  // namespace fanout::report
