#include "fanout/wire/messages.hpp"

#include <algorithm>
#include <cassert>
#include <limits>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "fanout/wire/codec.hpp"

namespace fanout::wire {

using core::ErrorKind;
using core::fail;
using core::Outcome;
using core::Result;

namespace {

enum Type : std::uint8_t {
  type_phase = 1,
  type_host_key = 2,
  type_output = 3,
  type_note = 4,
  type_final = 5,
  type_progress = 6,
  type_fetched = 7,
  type_password = 8,
  type_verdict = 65,
  type_stop = 66,
};

constexpr std::size_t max_host_key_bytes = 16 * 1024;
constexpr std::size_t max_name_bytes = 64;  // of a signal, a numeric address, a method
// Of all leftovers together, so that a record fits into one frame.
constexpr std::size_t max_leftovers_bytes = 32 * 1024;
constexpr std::uint32_t mode_bits = 07777;

std::string_view cut(std::string_view text, std::size_t limit) { return text.substr(0, limit); }

template <class E>
std::uint8_t number(E value) {
  return static_cast<std::uint8_t>(value);
}

bool is_sha256(std::string_view text) {
  constexpr std::size_t digits = 64;
  return text.empty() || (text.size() == digits &&
                          text.find_first_not_of("0123456789abcdef") == std::string_view::npos);
}

// What the summary shows beside our own words.
bool is_plain(std::string_view text) {
  return text.size() <= max_name_bytes &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

void encode_transfer(Encoder &body, const core::TransferRecord &record) {
  body.uint64(record.files).uint64(record.bytes).uint64(record.sent_bytes).uint64(record.unchanged);
  body.string(record.sha256);
  body.string(cut(record.verified_by, max_name_bytes)).string(cut(record.used, max_name_bytes));
  std::vector<std::string_view> leftovers;
  std::size_t room = max_leftovers_bytes;
  for (const std::string &name : record.leftovers) {
    const std::string_view shown = cut(name, core::max_path_bytes);
    if (leftovers.size() == core::max_leftovers || shown.size() > room) break;
    leftovers.push_back(shown);
    room -= shown.size();
  }
  body.byte(static_cast<std::uint8_t>(leftovers.size()));
  for (const std::string_view name : leftovers) body.string(name);
}

std::optional<core::TransferRecord> decode_transfer(Decoder &body) {
  core::TransferRecord record;
  record.files = body.uint64();
  record.bytes = body.uint64();
  record.sent_bytes = body.uint64();
  record.unchanged = body.uint64();
  record.sha256 = body.string();
  record.verified_by = body.string();
  record.used = body.string();
  if (record.unchanged > record.files || !is_sha256(record.sha256) ||
      !is_plain(record.verified_by) || !is_plain(record.used))
    return std::nullopt;
  const std::size_t count = body.byte();
  if (count > core::max_leftovers) return std::nullopt;
  std::size_t room = max_leftovers_bytes;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string_view name = body.string();
    if (name.empty() || name.size() > std::min(core::max_path_bytes, room)) return std::nullopt;
    room -= name.size();
    record.leftovers.emplace_back(name);
  }
  return record;
}

void encode_fetched(Encoder &body, const core::FetchedFile &file) {
  body.string(cut(file.path, core::max_path_bytes)).uint64(file.size);
  body.uint32(file.mode & mode_bits).uint64(static_cast<std::uint64_t>(file.mtime));
  body.string(file.sha256);
}

std::optional<core::FetchedFile> decode_fetched(Decoder &body) {
  core::FetchedFile file;
  file.path = body.string();
  file.size = body.uint64();
  file.mode = body.uint32();
  file.mtime = static_cast<std::int64_t>(body.uint64());
  file.sha256 = body.string();
  if (file.path.empty() || file.path.size() > core::max_path_bytes || file.mode > mode_bits ||
      !is_sha256(file.sha256))
    return std::nullopt;
  return file;
}

void encode_outcome(Encoder &body, const Outcome &outcome) {
  body.byte(number(outcome.status)).byte(number(outcome.phase)).byte(number(outcome.remote_end));
  body.byte(number(outcome.stopped_by)).boolean(outcome.turned_away);
  body.boolean(outcome.exit_status.has_value())
      .uint32(static_cast<std::uint32_t>(outcome.exit_status.value_or(0)));
  body.string(cut(outcome.signal, max_name_bytes)).string(cut(outcome.cause, max_text_bytes));
  body.string(cut(outcome.peer_address, max_name_bytes));
  body.uint64(outcome.stdout_bytes).uint64(outcome.stderr_bytes).uint64(outcome.dropped_bytes);
  for (const auto spent : outcome.phases) body.uint64(static_cast<std::uint64_t>(spent.count()));
  body.uint64(static_cast<std::uint64_t>(outcome.elapsed.count()));
  body.boolean(outcome.transfer.has_value());
  if (outcome.transfer) encode_transfer(body, *outcome.transfer);
}

// A time that a worker reports: bounded, so that no sum of them overflows.
std::optional<std::chrono::microseconds> decode_time(Decoder &body) {
  constexpr std::uint64_t hundred_years = 3'155'760'000'000'000;
  const std::uint64_t value = body.uint64();
  if (value > hundred_years) return std::nullopt;
  return std::chrono::microseconds(value);
}

std::optional<Outcome> decode_outcome(Decoder &body) {
  Outcome outcome;
  const auto status = core::status_from_wire(body.byte());
  const auto phase = core::phase_from_wire(body.byte());
  const auto end = core::remote_end_from_wire(body.byte());
  const auto method = core::stop_method_from_wire(body.byte());
  if (!status || !phase || !end || !method) return std::nullopt;
  outcome.stopped_by = *method;
  outcome.turned_away = body.boolean();
  outcome.status = *status;
  outcome.phase = *phase;
  outcome.remote_end = *end;
  const bool has_exit_status = body.boolean();
  const std::uint32_t exit_status = body.uint32();
  if (exit_status > static_cast<std::uint32_t>(std::numeric_limits<int>::max()) ||
      (!has_exit_status && exit_status != 0))
    return std::nullopt;
  if (has_exit_status) outcome.exit_status = static_cast<int>(exit_status);
  outcome.signal = body.string();
  outcome.cause = body.string();
  outcome.peer_address = body.string();
  outcome.stdout_bytes = body.uint64();
  outcome.stderr_bytes = body.uint64();
  outcome.dropped_bytes = body.uint64();
  for (auto &spent : outcome.phases) {
    const auto time = decode_time(body);
    if (!time) return std::nullopt;
    spent = *time;
  }
  const auto elapsed = decode_time(body);
  if (!elapsed || outcome.signal.size() > max_name_bytes || outcome.cause.size() > max_text_bytes ||
      outcome.peer_address.size() > max_name_bytes)
    return std::nullopt;
  outcome.elapsed = *elapsed;
  if (body.boolean()) {
    outcome.transfer = decode_transfer(body);
    if (!outcome.transfer) return std::nullopt;
  }
  return outcome;
}

template <class... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};
template <class... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;  // clang 14 does not find it by itself

}  // namespace

std::string encode(const WorkerMessage &message) {
  Encoder body;
  const std::uint8_t type = std::visit(
      Overloaded{
          [&](const PhaseMessage &m) {
            return body.byte(number(m.phase)), std::uint8_t{type_phase};
          },
          [&](const HostKeyMessage &m) { return body.string(m.blob), std::uint8_t{type_host_key}; },
          [&](const OutputMessage &m) {
            assert(m.bytes.size() <= max_output_bytes);
            return body.byte(number(m.stream)).string(m.bytes), std::uint8_t{type_output};
          },
          [&](const NoteMessage &m) {
            return body.string(cut(m.text, max_text_bytes)), std::uint8_t{type_note};
          },
          [&](const PasswordMessage &m) {
            return body.boolean(m.accepted), std::uint8_t{type_password};
          },
          [&](const ProgressMessage &m) {
            return body.uint64(m.done_bytes).uint64(m.total_bytes), std::uint8_t{type_progress};
          },
          [&](const FetchedMessage &m) {
            return encode_fetched(body, m.file), std::uint8_t{type_fetched};
          },
          [&](const FinalMessage &m) {
            return encode_outcome(body, m.outcome), std::uint8_t{type_final};
          },
      },
      message);
  return encode_frame(type, body.bytes());
}

std::string encode(const ParentMessage &message) {
  Encoder body;
  const std::uint8_t type =
      std::visit(Overloaded{
                     [&](const VerdictMessage &m) {
                       return body.boolean(m.accepted)
                                  .byte(number(m.status))
                                  .string(cut(m.cause, max_text_bytes)),
                              std::uint8_t{type_verdict};
                     },
                     [&](const StopMessage &m) {
                       return body.byte(number(m.status)).string(cut(m.why, max_text_bytes)),
                              std::uint8_t{type_stop};
                     },
                 },
                 message);
  return encode_frame(type, body.bytes());
}

Result<WorkerMessage> decode_worker_message(const Frame &frame) {
  Decoder body(frame.body);
  std::optional<WorkerMessage> message;
  switch (frame.type) {
    case type_phase:
      if (const auto phase = core::phase_from_wire(body.byte())) message = PhaseMessage{*phase};
      break;
    case type_host_key:
      message = HostKeyMessage{std::string(body.string())};
      if (std::get<HostKeyMessage>(*message).blob.size() > max_host_key_bytes) message.reset();
      break;
    case type_output: {
      const std::uint8_t stream = body.byte();
      const std::string_view bytes = body.string();
      if (stream <= 1 && !bytes.empty() && bytes.size() <= max_output_bytes)
        message = OutputMessage{static_cast<core::Stream>(stream), std::string(bytes)};
      break;
    }
    case type_note:
      message = NoteMessage{std::string(body.string())};
      if (std::get<NoteMessage>(*message).text.size() > max_text_bytes) message.reset();
      break;
    case type_password: message = PasswordMessage{body.boolean()}; break;
    case type_progress: {
      const std::uint64_t done_bytes = body.uint64();
      const std::uint64_t total_bytes = body.uint64();
      if (done_bytes <= total_bytes) message = ProgressMessage{done_bytes, total_bytes};
      break;
    }
    case type_fetched:
      if (auto file = decode_fetched(body)) message = FetchedMessage{std::move(*file)};
      break;
    case type_final:
      if (auto outcome = decode_outcome(body)) message = FinalMessage{std::move(*outcome)};
      break;
    default: break;
  }
  if (!message || !body.finished())
    return fail(ErrorKind::protocol, fmt::format("bad frame of type {}", frame.type));
  return std::move(*message);
}

Result<ParentMessage> decode_parent_message(const Frame &frame) {
  Decoder body(frame.body);
  std::optional<ParentMessage> message;
  switch (frame.type) {
    case type_verdict: {
      const bool accepted = body.boolean();
      const auto status = core::status_from_wire(body.byte());
      const std::string_view cause = body.string();
      if (status && cause.size() <= max_text_bytes)
        message = VerdictMessage{accepted, *status, std::string(cause)};
      break;
    }
    case type_stop: {
      const auto status = core::status_from_wire(body.byte());
      const std::string_view why = body.string();
      if (status && why.size() <= max_text_bytes) message = StopMessage{*status, std::string(why)};
      break;
    }
    default: break;
  }
  if (!message || !body.finished())
    return fail(ErrorKind::protocol, fmt::format("bad frame of type {}", frame.type));
  return std::move(*message);
}

// A key scan has nothing to do after the keys: no login, no command.
bool WorkerProtocol::may_enter(core::Phase phase) const {
  const bool in_life = task_ != core::TaskKind::keyscan || phase <= core::Phase::verify ||
                       phase == core::Phase::done;
  return in_life && phase > phase_;
}

// A command of the user's has output: COMMAND of exec, and what --then names after a transfer.
bool WorkerProtocol::may_print() const {
  return phase_ == core::Phase::run && task_ != core::TaskKind::keyscan &&
         task_ != core::TaskKind::clean_up;
}

bool WorkerProtocol::may_progress(const ProgressMessage &progress) {
  if (phase_ != core::Phase::run || !is_transfer() || progress.done_bytes < done_bytes_)
    return false;
  done_bytes_ = progress.done_bytes;
  return ++progress_seen_ <= max_progress;
}

bool WorkerProtocol::is_transfer() const {
  return task_ == core::TaskKind::put || task_ == core::TaskKind::get;
}

// A success that never ran anything, or that the host has not confirmed, would be a lie; and who speaks was started.
bool WorkerProtocol::plausible_end(const Outcome &outcome) const {
  if (outcome.status == core::Status::skipped) return false;
  const bool ok = outcome.status == core::Status::ok;
  const bool has_run = phase_ >= core::Phase::run;
  const bool ran_well = outcome.exit_status == 0 && outcome.signal.empty() &&
                        outcome.remote_end == core::RemoteEnd::exited;
  const bool ran_nothing =
      !outcome.exit_status && outcome.signal.empty() && outcome.remote_end == core::RemoteEnd::none;
  switch (task_) {
    case core::TaskKind::exec: return !outcome.transfer && (!ok || (has_run && ran_well));
    case core::TaskKind::keyscan:
      return !outcome.transfer && ran_nothing && (!ok || host_keys_seen_ > 0);
    case core::TaskKind::put:
    case core::TaskKind::get:
      return !ok || (has_run && outcome.transfer && (ran_well || ran_nothing));
    case core::TaskKind::clean_up:
      return !outcome.exit_status && outcome.signal.empty() && (!ok || has_run);
  }
  return false;
}

Result<void> WorkerProtocol::accept(const WorkerMessage &message) {
  using core::Phase;
  if (finished_) return fail(ErrorKind::protocol, "bad frame: after the final one");
  const bool in_order = std::visit(
      Overloaded{
          [&](const PhaseMessage &m) { return may_enter(m.phase) && (phase_ = m.phase, true); },
          [&](const HostKeyMessage &) {
            const int most = task_ == core::TaskKind::keyscan ? max_scanned_keys : 1;
            return phase_ == Phase::verify && ++host_keys_seen_ <= most;
          },
          [&](const OutputMessage &) { return may_print(); },
          [&](const NoteMessage &) { return ++notes_seen_ <= max_notes; },
          [&](const PasswordMessage &) {
            return phase_ == Phase::auth && !std::exchange(password_seen_, true);
          },
          [&](const ProgressMessage &m) { return may_progress(m); },
          [&](const FetchedMessage &) {
            return phase_ == Phase::run && task_ == core::TaskKind::get &&
                   ++fetched_seen_ <= max_fetched;
          },
          [&](const FinalMessage &m) { return plausible_end(m.outcome) && (finished_ = true); },
      },
      message);
  if (!in_order) return fail(ErrorKind::protocol, "bad frame: out of order");
  return {};
}

}  // namespace fanout::wire
