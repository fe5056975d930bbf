// What is hard here: a cause names the host it is about, and 500 hosts that failed alike must become one line.

#include "fanout/report/reason.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/format.h>

#include "fanout/core/deadline.hpp"
#include "fanout/core/duration.hpp"
#include "transfer.hpp"

namespace fanout::report {

using core::Outcome;
using core::Phase;
using core::Status;

namespace {

bool is_word(char character) {
  return (character >= '0' && character <= '9') || (character >= 'a' && character <= 'z') ||
         (character >= 'A' && character <= 'Z') || character == '_' || character == '-';
}

// Whether text[at, at + size) stands alone: 10.0.0.1 is not in 10.0.0.12, web01 not in web01.example.com.
bool stands_alone(std::string_view text, std::size_t at, std::size_t size) {
  if (at > 0 && (is_word(text[at - 1]) || text[at - 1] == '.')) return false;
  const std::size_t end = at + size;
  if (end == text.size()) return true;
  if (is_word(text[end])) return false;
  return !(text[end] == '.' && end + 1 < text.size() && is_word(text[end + 1]));
}

bool stands_at(std::string_view text, std::size_t at, std::string_view wanted) {
  return !wanted.empty() && text.substr(at, wanted.size()) == wanted &&
         stands_alone(text, at, wanted.size());
}

bool is_base64(char character) {
  return (is_word(character) && character != '_' && character != '-') || character == '+' ||
         character == '/';
}

// Length of a key fingerprint as ssh-keygen prints it, "SHA256:" and base64, or 0.
std::size_t fingerprint_at(std::string_view text, std::size_t at) {
  constexpr std::string_view prefix = "SHA256:";
  constexpr std::size_t digest_characters = 43;
  if (text.substr(at, prefix.size()) != prefix) return 0;
  std::size_t end = at + prefix.size();
  while (end < text.size() && is_base64(text[end])) ++end;
  return end - at == prefix.size() + digest_characters ? end - at : 0;
}

bool is_hex(char character) {
  return (character >= '0' && character <= '9') || (character >= 'a' && character <= 'f');
}

// Length of what follows ".fanout-" in the temporary names of a transfer, which is another one on every host, or 0.
std::size_t token_at(std::string_view text, std::size_t at) {
  constexpr std::string_view before = ".fanout-";
  constexpr std::size_t digits = 16;
  if (at < before.size() || text.substr(at - before.size(), before.size()) != before) return 0;
  std::size_t end = at;
  while (end < text.size() && is_hex(text[end])) ++end;
  return end - at == digits ? digits : 0;
}

// Length of a number that counts bytes or files, as in "after 4096 of 65536 bytes", or 0.
std::size_t count_at(std::string_view text, std::size_t at) {
  constexpr std::array<std::string_view, 3> units{" bytes", " files", " of "};
  std::size_t end = at;
  while (end < text.size() && text[end] >= '0' && text[end] <= '9') ++end;
  if (end == at || !stands_alone(text, at, end - at)) return 0;
  const std::string_view rest = text.substr(end);
  return std::any_of(units.begin(), units.end(),
                     [rest](std::string_view unit) { return rest.starts_with(unit); })
             ? end - at
             : 0;
}

std::string describe_command_end(const Outcome &outcome) {
  // A transfer has no command but that one.
  const std::string_view which = outcome.transfer ? "the command of --then: " : "";
  if (!outcome.signal.empty()) return fmt::format("{}killed by signal {}", which, outcome.signal);
  if (outcome.exit_status) return fmt::format("{}exit {}", which, *outcome.exit_status);
  return {};
}

// The cause of a command that ended by itself may say no more than how it ended.
bool only_repeats_end(std::string_view cause) {
  return cause.empty() || cause.substr(0, 4) == "exit" || cause.substr(0, 9) == "killed by";
}

std::string describe_time(std::chrono::microseconds time) {
  const auto count = time.count();
  if (count < 1000) return "<1 ms";
  if (count < 1'000'000) return fmt::format("{} ms", (count + 500) / 1000);
  return fmt::format("{:.1f} s", static_cast<double>(count) / 1e6);
}

std::string reason_of_attempt(const Outcome &outcome) {
  switch (outcome.status) {
    case Status::ok: return {};
    case Status::failed: {
      const std::string end = describe_command_end(outcome);
      if (!end.empty()) return only_repeats_end(outcome.cause) ? end : end + ", " + outcome.cause;
      return outcome.cause.empty() ? "no exit status from the server" : outcome.cause;
    }
    case Status::skipped: return outcome.cause.empty() ? "never started" : outcome.cause;
    case Status::timeout:
    case Status::resolve:
    case Status::unreachable:
    case Status::host_key:
    case Status::auth:
    case Status::protocol:
    case Status::interrupted:
    case Status::internal: break;
  }
  return outcome.cause.empty() ? fmt::format("while {}", describe(outcome.phase)) : outcome.cause;
}

}  // namespace

std::string reason(const Outcome &outcome) {
  std::string text = reason_of_attempt(outcome);
  // Not of a command: that it was run more than once would be the wrong thing to read.
  if (outcome.attempts > 1 && outcome.phase < Phase::open && !text.empty())
    text += fmt::format(" ({} attempts)", outcome.attempts);
  return text;
}

std::string general_reason(const Outcome &outcome, const core::Host &host) {
  const std::string text = reason(outcome);
  std::string general;
  for (std::size_t at = 0; at < text.size();) {
    if (stands_at(text, at, host.name)) {
      general += "{host}";
      at += host.name.size();
    } else if (stands_at(text, at, host.address)) {
      general += "{address}";
      at += host.address.size();
    } else if (stands_at(text, at, outcome.peer_address)) {
      general += "{address}";
      at += outcome.peer_address.size();
    } else if (const std::size_t fingerprint = fingerprint_at(text, at); fingerprint > 0) {
      general += "SHA256:...";
      at += fingerprint;
    } else if (const std::size_t token = token_at(text, at); token > 0) {
      general += "...";
      at += token;
    } else if (const std::size_t count = count_at(text, at); count > 0) {
      general += "...";
      at += count;
    } else {
      general += text[at++];
    }
  }
  return general;
}

std::string describe_end(const Outcome &outcome) {
  std::string text(to_string(outcome.status));
  if (const std::string why = reason(outcome); !why.empty()) text += ", " + why;
  return text;
}

std::string describe_end_in_full(const Outcome &outcome) {
  const auto elapsed = std::chrono::duration_cast<core::Milliseconds>(outcome.elapsed);
  std::string text =
      fmt::format("{} in {}", to_string(outcome.status), core::describe_duration(elapsed));
  if (const std::string phases = describe_phases(outcome); !phases.empty())
    text += fmt::format(" ({})", phases);
  if (const std::string why = reason(outcome); !why.empty()) text += ": " + why;
  if (const std::string what = describe_transfer(outcome); !what.empty()) text += "; " + what;
  return text;
}

std::string describe_phases(const Outcome &outcome) {
  constexpr std::array shown{Phase::resolve, Phase::connect, Phase::kex, Phase::verify,
                             Phase::auth,    Phase::open,    Phase::run};
  std::string text;
  for (const Phase phase : shown) {
    const auto time = outcome.phases[static_cast<std::size_t>(phase)];
    if (time.count() <= 0) continue;
    if (!text.empty()) text += ", ";
    text += fmt::format("{} {}", to_string(phase), describe_time(time));
  }
  return text;
}

}  // namespace fanout::report
