// --output line: a line is printed when its newline has come, with the host's name before it. What is hard: a line may
// be longer than we like to hold (it spills and is copied out under the lock), and nothing that a host sends may look like
// the line of another. So there is exactly one name for each newline, and a line is never shown in parts.

#include <algorithm>
#include <unordered_map>

#include "fanout/console/columns.hpp"
#include "form.hpp"
#include "pen.hpp"

namespace fanout::report {

using core::HostIndex;
using core::Outcome;
using core::Result;
using core::Stream;

namespace {

constexpr std::size_t line_memory_bytes = std::size_t{64} * 1024;
constexpr std::size_t widest_label_column = 24;

class LineForm final : public Form {
public:
  explicit LineForm(const FormTools &tools) : tools_(tools) {
    for (const std::string &label : tools_.labels)
      label_column_ =
          std::max(label_column_, std::min(console::columns(label), widest_label_column));
  }

  Taken received(HostIndex host, Stream stream, std::string_view bytes) override {
    const std::size_t complete = bytes.rfind('\n') + 1;  // 0 if there is none
    const auto pending = pending_.find(host);
    HeldText *begun = pending == pending_.end() ? nullptr : &pending->second.of(stream);
    if (complete > 0)
      if (const auto printed = print_lines(host, stream, begun, bytes.substr(0, complete));
          !printed && !tools_.output.failure(stream))
        return {0, printed.error()};
    if (complete == bytes.size()) return {complete, std::nullopt};
    if (begun == nullptr)
      begun = &pending_.try_emplace(host, tools_.spill).first->second.of(stream);
    if (auto kept = begun->append(bytes.substr(complete)); !kept) return {complete, kept.error()};
    return {bytes.size(), std::nullopt};
  }

  void cut(HostIndex host) override { (void)print_rest(host); }

  Result<void> ended(HostIndex host, const Outcome &, Printed &) override {
    return print_rest(host);
  }

private:
  // The lines that have begun and are not complete.
  struct Pending {
    explicit Pending(Spill &spill) : out(spill, line_memory_bytes), err(spill, line_memory_bytes) {}
    HeldText &of(Stream stream) { return stream == Stream::out ? out : err; }
    HeldText out;
    HeldText err;
  };

  // `lines` ends with a newline; its first line continues `begun`.
  Result<void> print_lines(HostIndex host, Stream stream, HeldText *begun, std::string_view lines) {
    console::Output::Block block(tools_.output);
    Pen pen(block, stream, tools_.sanitises(stream));
    const std::string prefix = prefix_of(host, stream);
    while (!lines.empty()) {
      const std::size_t size = lines.find('\n') + 1;
      pen.own(prefix);
      if (begun != nullptr) {
        const auto copied =
            begun->each_piece([&pen](std::string_view piece) { return pen.remote(piece); });
        begun->clear();
        begun = nullptr;
        TRY(copied);
      }
      TRY(pen.remote(lines.substr(0, size)));
      lines.remove_prefix(size);
    }
    return pen.lift();
  }

  Result<void> print_rest(HostIndex host) {
    const auto pending = pending_.find(host);
    if (pending == pending_.end()) return {};
    Result<void> result;
    for (const Stream stream : {Stream::out, Stream::err}) {
      if (pending->second.of(stream).empty()) continue;
      if (const auto printed = print_lines(host, stream, &pending->second.of(stream), "\n");
          !printed && !tools_.output.failure(stream))
        result = printed;
    }
    pending_.erase(pending);
    return result;
  }

  [[nodiscard]] std::string prefix_of(HostIndex host, Stream stream) const {
    std::string prefix = tools_.labels[host] + ": ";
    if (tools_.output.is_terminal(stream)) {
      const std::size_t width = console::columns(tools_.labels[host]);
      prefix.append(label_column_ - std::min(label_column_, width), ' ');
    }
    return tools_.colors(stream).paint(console::Style::dim, prefix);
  }

  FormTools tools_;
  std::size_t label_column_ = 0;
  std::unordered_map<HostIndex, Pending> pending_;
};

}  // namespace

std::unique_ptr<Form> make_line_form(const FormTools &tools) {
  return std::make_unique<LineForm>(tools);
}

}  // namespace fanout::report
