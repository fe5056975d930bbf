// What is hard: a text may be cut anywhere, and only one that is whole can be held against its hash.
#include "journal_record.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "fanout/core/base64.hpp"
#include "fanout/report/journal_texts.hpp"
#include "json_text.hpp"

namespace fanout::report {

using core::Outcome;
using core::Phase;
using core::Result;

namespace {

std::chrono::microseconds &time_of(Outcome &outcome, Phase phase) {
  return outcome.phases[static_cast<std::size_t>(phase)];
}

Result<void> parse_phases(const JournalLine &line, Outcome &outcome) {
  TRY_ASSIGN(const JournalLine phases, line.members("phases"));
  constexpr std::array<std::pair<const char *, Phase>, 5> names{{{"resolve", Phase::resolve},
                                                                 {"connect", Phase::connect},
                                                                 {"kex", Phase::kex},
                                                                 {"auth", Phase::auth},
                                                                 {"run", Phase::run}}};
  for (const auto &[name, phase] : names) {
    TRY_ASSIGN(time_of(outcome, phase), phases.duration(name));
  }
  return {};
}

Result<std::vector<std::string>> parse_leftovers(const JournalLine &line) {
  std::vector<std::string> leftovers;
  const bool encoded = line.has("leftovers_base64");
  if (!encoded && !line.has("leftovers")) return leftovers;
  TRY_ASSIGN(const Json *names, line.list(encoded ? "leftovers_base64" : "leftovers"));
  for (const Json &name : *names) {
    if (!name.is_string()) return refuse("a leftover is not a text");
    auto text = name.get<std::string>();
    if (encoded) {
      auto decoded = core::decode_base64(text);
      if (!decoded) return refuse("a leftover is not Base64");
      text = *std::move(decoded);
    }
    leftovers.push_back(std::move(text));
  }
  return leftovers;
}

// "run" has the opening of the channel in it, "rate" has not.
void divide_run(double rate, Outcome &outcome) {
  constexpr double micro = 1e6;
  auto &run = time_of(outcome, Phase::run);
  const double copying = static_cast<double>(outcome.transfer->sent_bytes) / rate * micro;
  if (!(copying < static_cast<double>(run.count()))) return;
  const std::chrono::microseconds rest = run - std::chrono::microseconds(std::llround(copying));
  time_of(outcome, Phase::open) = rest;
  run -= rest;
}

Result<void> parse_transfer(const JournalLine &line, Outcome &outcome) {
  core::TransferRecord &transfer = outcome.transfer.emplace();
  TRY_ASSIGN(transfer.files, line.number("files"));
  TRY_ASSIGN(transfer.bytes, line.number("bytes"));
  TRY_ASSIGN(transfer.sent_bytes, line.number("sent"));
  TRY_ASSIGN(transfer.unchanged, line.number("unchanged"));
  TRY_ASSIGN(const auto rate, line.amount_or_null("rate"));
  TRY_ASSIGN(transfer.sha256, line.sha256_or_null("sha256"));
  if (line.has("verified_by")) {
    TRY_ASSIGN(transfer.verified_by, line.text("verified_by"));
  }
  if (line.has("used")) {
    TRY_ASSIGN(transfer.used, line.text("used"));
  }
  TRY_ASSIGN(transfer.leftovers, parse_leftovers(line));
  if (rate && *rate > 0) divide_run(*rate, outcome);
  return {};
}

}  // namespace

void add_outcome(Json &line, const Outcome &outcome, bool copies) {
  add_ending(line, outcome);
  line["attempts"] = outcome.attempts;
  line["seconds"] = seconds(outcome.elapsed);
  line["phases"] = phases_of(outcome);
  line["stdout_bytes"] = outcome.stdout_bytes;
  line["stderr_bytes"] = outcome.stderr_bytes;
  add_remote_end(line, outcome);
  if (copies) add_transfer(line, outcome);
  line["peer_address"] = or_null(outcome.peer_address);
}

Result<Outcome> parse_outcome(const JournalLine &line, bool copies) {
  Outcome outcome;
  TRY_ASSIGN(outcome.status, line.word("status", core::status_from_wire));
  TRY_ASSIGN(outcome.phase, line.word("phase", core::phase_from_wire));
  TRY_ASSIGN(outcome.exit_status, line.number_or_null("exit"));
  TRY_ASSIGN(auto signal, line.text_or_null("signal"));
  outcome.signal = std::move(signal).value_or("");
  TRY_ASSIGN(outcome.cause, line.text("cause"));
  TRY_ASSIGN(const std::uint64_t attempts,
             line.number("attempts", 0, std::numeric_limits<std::uint32_t>::max()));
  outcome.attempts = static_cast<std::uint32_t>(attempts);
  TRY_ASSIGN(outcome.elapsed, line.duration("seconds"));
  TRY(parse_phases(line, outcome));
  TRY_ASSIGN(outcome.stdout_bytes, line.number("stdout_bytes"));
  TRY_ASSIGN(outcome.stderr_bytes, line.number("stderr_bytes"));
  TRY_ASSIGN(outcome.remote_end, line.word_or_null("remote_end", core::remote_end_from_wire));
  TRY_ASSIGN(outcome.stopped_by, line.word_or_null("stopped_by", core::stop_method_from_wire));
  // Journals of version 0.1 do not have it.
  if (line.has("peer_address")) {
    TRY_ASSIGN(auto peer, line.text_or_null("peer_address"));
    outcome.peer_address = std::move(peer).value_or("");
  }
  if (copies) TRY(parse_transfer(line, outcome));
  return outcome;
}

Result<Json> tell_text(const PrintedStream &stream, std::size_t &room) {
  const std::size_t most = std::min(room, longest_journaled_text);
  std::string text;
  const auto read = stream.text.each_piece([&](std::string_view piece) -> Result<void> {
    text += piece.substr(0, most - text.size());
    if (text.size() < most) return {};
    return core::fail(core::ErrorKind::local, "");  // enough
  });
  if (!read && text.size() < most) return core::fail(read.error());
  if (stream.bytes() > text.size()) {
    const std::size_t whole = whole_characters(text);
    if (is_utf8(std::string_view(text).substr(0, whole))) text.resize(whole);
  }
  room -= text.size();
  Json told;
  told["sha256"] = files::hexadecimal(stream.sha256);
  told["bytes"] = stream.bytes();
  if (is_utf8(text))
    told["text"] = std::move(text);
  else
    told["base64"] = core::encode_base64(text);
  return told;
}

Result<JournaledText> parse_text(const Json &json) {
  if (!json.is_object()) return refuse("a text is not an object");
  const JournalLine line(json);
  JournaledText text;
  TRY_ASSIGN(text.sha256, line.sha256_or_null("sha256"));
  if (text.sha256.empty()) return refuse("a text has no \"sha256\"");
  TRY_ASSIGN(text.bytes, line.number("bytes", 1));
  if (line.has("base64")) {
    TRY_ASSIGN(const std::string encoded, line.text("base64"));
    auto decoded = core::decode_base64(encoded);
    if (!decoded) return refuse("\"base64\" is not Base64");
    text.beginning = *std::move(decoded);
  } else {
    TRY_ASSIGN(text.beginning, line.text("text"));
  }
  if (text.beginning.size() > std::min<std::uint64_t>(text.bytes, longest_journaled_text))
    return refuse(
        fmt::format("a text has {} bytes, which is more than there can be", text.beginning.size()));
  if (text.beginning.size() == text.bytes) {
    files::Sha256 hash;
    hash.add(text.beginning);
    if (files::hexadecimal(hash.finish()) != text.sha256)
      return refuse("a text is not what its hash says");
  }
  return text;
}

}  // namespace fanout::report
