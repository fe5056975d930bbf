#include "remote_command.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "fanout/files/sha256.hpp"
#include "hash_output.hpp"
#include "remote_scripts.hpp"

namespace fanout::worker {

using core::ErrorKind;
using core::fail;
using core::Result;
using ssh::Session;

namespace {

constexpr std::size_t input_piece_bytes = 64 * 1024;
constexpr int cannot_run = 126;  // and 127: not found (POSIX, "Exit Status for Commands")

class Input {
public:
  Input(RunningCommand &command, const Feed &feed)
      : command_(command), feed_(feed), over_(!feed), finished_(!feed) {}

  // Offers the next piece. False when the command takes nothing at the moment.
  Result<bool> go_on() {
    if (finished_ || !command_.wants_input()) return false;
    if (left_.empty() && !over_) {
      TRY_ASSIGN(left_, feed_());
      over_ = left_.empty();
    }
    if (over_) {
      TRY_ASSIGN(finished_, command_.finish_input());
      return finished_;
    }
    TRY_ASSIGN(const std::size_t taken, command_.offer(left_));
    left_.remove_prefix(taken);
    return taken > 0;
  }

private:
  RunningCommand &command_;
  const Feed &feed_;
  std::string_view left_;
  bool over_;      // the feed has ended
  bool finished_;  // and the command knows
};

}  // namespace

Result<CommandEnd> run_command(Transfer &transfer, const std::string &command, const Feed &feed,
                               const Drain &drain) {
  TRY_ASSIGN(
      auto running,
      RunningCommand::start(transfer, command, feed ? Session::Input::open : Session::Input::none));
  Input input(running, feed);
  for (;;) {
    TRY(running.turn());
    if (!running.output().empty() && drain) TRY(drain(running.output()));
    running.output().clear();
    if (running.closed()) return running.end();
    TRY_ASSIGN(const bool moved, input.go_on());
    if (!moved) TRY(running.wait());
  }
}

Result<std::vector<std::optional<std::string>>> hash_remotely(Transfer &transfer,
                                                              const std::vector<std::string> &paths,
                                                              std::string &tool) {
  std::vector<std::string> names;
  names.reserve(paths.size());
  // A relative name has "./" before it: so no tool takes it for an option, and no line can be read in two ways.
  for (const std::string &path : paths) names.push_back(path.starts_with('/') ? path : "./" + path);
  HashOutput output(names);
  std::size_t next = 0;
  std::string piece;
  const auto feed = [&]() -> Result<std::string_view> {
    piece.clear();
    while (next < names.size() &&
           (piece.empty() || piece.size() + names[next].size() < input_piece_bytes)) {
      piece += names[next++];
      piece += '\0';
    }
    return piece;
  };
  const auto drain = [&](std::string_view bytes) { return output.add(bytes); };
  TRY_ASSIGN(
      const CommandEnd end,
      run_command(transfer, sh(hash_script, {pulse_of(transfer.card.stall_timeout)}), feed, drain));
  tool = output.tool();
  // A file that cannot be read makes xargs say 123, or 1: that is no failure of the tool.
  if (tool.empty() || !end.exit_status || *end.exit_status == cannot_run ||
      *end.exit_status == cannot_run + 1 || !end.signal.empty())
    return fail(ErrorKind::remote, fmt::format("no SHA-256 from the host: {}", end.describe()));
  return output.take();
}

Result<std::string> hash_by_reading(Transfer &transfer, const std::string &path,
                                    std::optional<std::uint64_t> size) {
  files::Sha256 hash;
  std::uint64_t read = 0;
  std::string size_line;
  const auto take_size = [&](std::string_view &bytes) -> Result<void> {
    constexpr std::size_t longest_line = 64;
    const std::size_t line_end = std::min(bytes.find('\n'), bytes.size());
    size_line += bytes.substr(0, line_end);
    if (size_line.size() > longest_line)
      return fail(ErrorKind::remote, fmt::format("{}: the host does not say its size", path));
    bytes.remove_prefix(line_end);
    if (bytes.empty()) return {};
    bytes.remove_prefix(1);
    // Some put blanks before it.
    const std::string_view digits = std::string_view(size_line).substr(
        std::min(size_line.find_first_not_of(' '), size_line.size()));
    std::uint64_t number = 0;
    const char *const last = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), last, number);
    if (error != std::errc() || stop != last)
      return fail(ErrorKind::remote, fmt::format("{}: the host does not say its size", path));
    size = number;
    return {};
  };
  const std::string command = size ? sh(R"(exec cat "$1")", {as_operand(path)})
                                   : sh(R"(wc -c <"$1" && exec cat "$1")", {as_operand(path)});
  const auto drain = [&](std::string_view bytes) -> Result<void> {
    if (!size) TRY(take_size(bytes));
    read += bytes.size();
    if (size && read > *size)
      return fail(ErrorKind::remote, fmt::format("{}: has more than {} bytes", path, *size));
    hash.add(bytes);
    return {};
  };
  TRY_ASSIGN(const CommandEnd end, run_command(transfer, command, {}, drain));
  if (!end.ok()) return fail(ErrorKind::remote, fmt::format("{}: {}", path, end.describe()));
  return hash.finish();
}

void add_verifier(core::TransferRecord &record, std::string_view by) {
  constexpr std::string_view between = " and ";
  constexpr std::size_t most_bytes = 100;  // a host may name what it likes
  std::string &all = record.verified_by;
  for (std::string_view rest = all; !rest.empty();) {
    const std::size_t end = std::min(rest.find(between), rest.size());
    if (rest.substr(0, end) == by) return;
    rest.remove_prefix(std::min(end + between.size(), rest.size()));
  }
  if (all.size() + by.size() > most_bytes) by = "others";
  if (!all.empty() && !all.ends_with(by)) all += between;
  if (!all.ends_with(by)) all += by;
}

}  // namespace fanout::worker
