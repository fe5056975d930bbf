// --output block: a host's output is held until it ends, then printed under the console lock, stdout first.

#include <unordered_map>

#include <fmt/format.h>

#include "fanout/console/sanitize.hpp"
#include "fanout/report/reason.hpp"
#include "form.hpp"
#include "pen.hpp"

namespace fanout::report {

using core::HostIndex;
using core::Outcome;
using core::Result;
using core::Stream;

namespace {

constexpr std::size_t header_columns = 200;

class BlockForm final : public Form {
public:
  explicit BlockForm(const FormTools &tools) : tools_(tools) {}

  Taken received(HostIndex host, Stream stream, std::string_view bytes) override {
    HeldOutput &held = held_.try_emplace(host, tools_.spill).first->second;
    if (auto kept = held.of(stream).append(bytes); !kept) return {0, kept.error()};
    return {bytes.size(), std::nullopt};
  }

  void cut(HostIndex) override {}

  Result<void> ended(HostIndex host, const Outcome &outcome) override {
    const auto found = held_.find(host);
    if (found == held_.end()) {
      announce_silent(host, outcome);
      return {};
    }
    auto result = print(host, outcome, found->second);
    held_.erase(found);
    return result;
  }

private:
  Result<void> print(HostIndex host, const Outcome &outcome, HeldOutput &held) {
    console::Output::Block block(tools_.output);
    for (const Stream stream : {Stream::out, Stream::err}) {
      const HeldText &text = held.of(stream);
      // A stream that is lost must not keep the other one back.
      if (text.empty() || tools_.output.failure(stream)) continue;
      if (auto printed = print_stream(host, outcome, stream, text, block);
          !printed && !tools_.output.failure(stream))
        return printed;
    }
    return {};
  }

  Result<void> print_stream(HostIndex host, const Outcome &outcome, Stream stream,
                            const HeldText &text, console::Output::Block &block) {
    Pen pen(block, stream, tools_.sanitises(stream));
    if (tools_.options.headers)
      pen.own(header(host, outcome, stream == Stream::err ? " (stderr)" : ""));
    auto copied = text.each_piece([&pen](std::string_view piece) { return pen.remote(piece); });
    // With several hosts the first line of the next one must not continue the last line of this one.
    if (tools_.options.headers || tools_.labels.size() > 1) pen.end_line();
    TRY(pen.lift());
    return copied;
  }

  void announce_silent(HostIndex host, const Outcome &outcome) {
    if (!tools_.options.headers || outcome.status == core::Status::skipped) return;
    if (!succeeded(outcome))
      tools_.output.write(Stream::err, header(host, outcome, ""));
    else if (tools_.options.verbosity > 0)
      tools_.output.write(Stream::out, header(host, outcome, ""));
  }

  [[nodiscard]] std::string header(HostIndex host, const Outcome &outcome,
                                   std::string_view which) const {
    const std::string &label = tools_.labels[host];
    if (succeeded(outcome)) return fmt::format("== {}{} ==\n", label, which);
    return fmt::format("== {}{}: {} ==\n", label, which,
                       console::safe_line(describe_end(outcome), header_columns));
  }

  FormTools tools_;
  std::unordered_map<HostIndex, HeldOutput> held_;
};

}  // namespace

std::unique_ptr<Form> make_block_form(const FormTools &tools) {
  return std::make_unique<BlockForm>(tools);
}

}  // namespace fanout::report
