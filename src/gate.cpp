#include "gate.hpp"

#include <algorithm>
#include <array>
#include <csignal>

#include <fmt/format.h>

#include "fanout/console/sanitize.hpp"
#include "fanout/sys/io.hpp"

namespace fanout {

using core::Result;
using core::TimePoint;

namespace {

constexpr core::Milliseconds grace{5'000};
constexpr std::size_t longest_line = 4096;
constexpr std::size_t read_bytes = 4096;
constexpr int reads_a_look = 32;  // more than a pipe holds

}  // namespace

Result<Gate> Gate::start(const std::string &command, const std::vector<std::string> &variables,
                         console::Output &output) {
  auto started = sys::LocalCommand::start(command, variables);
  if (!started) return core::fail(std::move(started).error().within("--gate"));
  return Gate(*std::move(started), output);
}

// A line that is too long is shown in pieces.
void Gate::print_lines(bool all) {
  std::string shown;
  for (;;) {
    std::size_t end = text_.find('\n');
    const bool is_whole = end != std::string::npos;
    if (!is_whole && !(all && !text_.empty()) && text_.size() < longest_line) break;
    end = std::min({end, text_.size(), longest_line});
    shown += "gate: " + console::safe_line(text_.substr(0, end)) + "\n";
    text_.erase(0, end + (is_whole && text_[end] == '\n' ? 1 : 0));
  }
  // If stderr cannot be written there is nobody to tell.
  if (!shown.empty()) static_cast<void>(output_->write(core::Stream::err, shown));
}

std::optional<std::string> Gate::listen() {
  if (kill_at_.passed(sys::now())) command_.signal(SIGKILL);
  const auto status = command_.reap();
  // After its end, so that nothing that it said is lost; what its children say later is nobody's concern.
  std::array<char, read_bytes> buffer;
  for (int reads = 0; reads < reads_a_look; ++reads) {
    const sys::Transfer got = sys::read_some(command_.output_fd(), buffer.data(), buffer.size());
    if (got.state != sys::Transfer::State::done) break;
    text_.append(buffer.data(), got.count);
    print_lines(false);
  }
  if (!status) return std::nullopt;
  print_lines(true);
  if (status->exited && status->exit_status == 0) return std::string();
  return fmt::format("stopped by --gate: {}", sys::describe(*status));
}

void Gate::stop(TimePoint now) {
  if (!kill_at_.never()) return;
  command_.signal(SIGTERM);
  kill_at_ = core::Deadline::in(grace, now);
}

}  // namespace fanout
