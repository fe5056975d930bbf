// --output block: what a host has printed is shown when it has ended, under the console lock, stdout first.

#include <fmt/format.h>

#include "fanout/console/sanitize.hpp"
#include "fanout/report/reason.hpp"
#include "form.hpp"
#include "pen.hpp"

namespace fanout::report {

using console::Style;
using core::HostIndex;
using core::Outcome;
using core::Result;
using core::Stream;

namespace {

constexpr std::size_t header_columns = 200;

class BlockForm final : public Form {
public:
  explicit BlockForm(const FormTools &tools) : tools_(tools) {}

  Result<void> ended(HostIndex host, const Outcome &outcome, Printed &printed) override {
    if (!printed.out.text.empty() || !printed.err.text.empty())
      return print(host, outcome, printed);
    announce_silent(host, outcome);
    return {};
  }

private:
  Result<void> print(HostIndex host, const Outcome &outcome, const Printed &printed) {
    console::Output::Block block(tools_.output);
    for (const Stream stream : {Stream::out, Stream::err}) {
      const HeldText &text = printed.of(stream).text;
      // A stream that is lost must not keep the other one back.
      if (text.empty() || tools_.output.failure(stream)) continue;
      if (auto shown = print_stream(host, outcome, stream, text, block);
          !shown && !tools_.output.failure(stream))
        return shown;
    }
    return {};
  }

  Result<void> print_stream(HostIndex host, const Outcome &outcome, Stream stream,
                            const HeldText &text, console::Output::Block &block) {
    Pen pen(block, stream, tools_.sanitises(stream));
    if (tools_.options.headers)
      pen.own(header(host, outcome, stream, stream == Stream::err ? " (stderr)" : ""));
    auto copied = text.each_piece([&pen](std::string_view piece) { return pen.remote(piece); });
    // With several hosts the first line of the next one must not continue the last line of this one.
    if (tools_.options.headers || tools_.labels.size() > 1) pen.end_line();
    TRY(pen.lift());
    return copied;
  }

  void announce_silent(HostIndex host, const Outcome &outcome) {
    if (!tools_.options.headers || outcome.status == core::Status::skipped) return;
    if (!succeeded(outcome))
      tools_.output.write(Stream::err, header(host, outcome, Stream::err, ""));
    else if (tools_.options.verbosity > 0)
      tools_.output.write(Stream::out, header(host, outcome, Stream::out, ""));
  }

  [[nodiscard]] std::string header(HostIndex host, const Outcome &outcome, Stream stream,
                                   std::string_view which) const {
    const std::string &label = tools_.labels[host];
    const console::Colors &colors = tools_.colors(stream);
    if (succeeded(outcome))
      return colors.paint(Style::title, fmt::format("== {}{} ==\n", label, which));
    return colors.paint(Style::bad,
                        fmt::format("== {}{}: {} ==\n", label, which,
                                    console::safe_line(describe_end(outcome), header_columns)));
  }

  FormTools tools_;
};

}  // namespace

std::unique_ptr<Form> make_block_form(const FormTools &tools) {
  return std::make_unique<BlockForm>(tools);
}

}  // namespace fanout::report
