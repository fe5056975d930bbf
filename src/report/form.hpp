// One form of --output: it is told what each host prints, and decides when and how that is shown.
//
// Failures of the console's output are remembered there (Output::failure()) and are not handed on from here.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fanout/console/output.hpp"
#include "fanout/core/error.hpp"
#include "fanout/core/host.hpp"
#include "fanout/core/outcome.hpp"
#include "fanout/report/report.hpp"

namespace fanout::report {

class Form {
public:
  // How many of the bytes are shown or will be. Fewer than there were means that this machine cannot keep them.
  struct Taken {
    std::size_t bytes = 0;
    std::optional<core::Error> error;
  };

  virtual ~Form() = default;
  virtual void started(core::HostIndex) {}
  virtual Taken received(core::HostIndex host, core::Stream stream, std::string_view bytes) = 0;
  // No more output of this host will be shown.
  virtual void cut(core::HostIndex host) = 0;
  // Also of hosts that were never started. The error is one of reading back what was kept.
  virtual core::Result<void> ended(core::HostIndex host, const core::Outcome &outcome) = 0;
};

// What every form works with; all of it belongs to the report.
struct FormTools {
  const ReportOptions &options;
  const std::vector<core::Host> &hosts;
  const std::vector<std::string> &labels;
  console::Output &output;
  Spill &spill;

  [[nodiscard]] bool sanitises(core::Stream stream) const {
    return output.is_terminal(stream) && !options.raw;
  }
};

std::unique_ptr<Form> make_block_form(const FormTools &tools);
std::unique_ptr<Form> make_line_form(const FormTools &tools);
std::unique_ptr<Form> make_json_form(const FormTools &tools);

}  // namespace fanout::report
