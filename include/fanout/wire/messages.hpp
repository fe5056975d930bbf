// What a worker and the parent say to each other. src/wire/README.md shows a worked example.
//
// Identity is the link: no message names a host. Order is checked by WorkerProtocol: phases only go forward, one host key
// at most (of a key scan: four), output, progress and fetched files only in phase run, one final message, nothing after
// it.
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "fanout/core/outcome.hpp"
#include "fanout/core/result.hpp"
#include "fanout/core/task.hpp"
#include "fanout/wire/frame.hpp"

namespace fanout::wire {

// worker -> parent
struct PhaseMessage {
  core::Phase phase = core::Phase::start;
};
struct HostKeyMessage {
  std::string blob;
};
struct OutputMessage {
  core::Stream stream = core::Stream::out;
  std::string bytes;
};
struct NoteMessage {
  std::string text;
};
// Once, in phase auth, when a password was sent: whether it was taken.
struct PasswordMessage {
  bool accepted = false;
};
struct ProgressMessage {
  std::uint64_t done_bytes = 0;
  std::uint64_t total_bytes = 0;
};
struct FetchedMessage {
  core::FetchedFile file;
};
struct FinalMessage {
  core::Outcome outcome;
};
using WorkerMessage = std::variant<PhaseMessage, HostKeyMessage, OutputMessage, NoteMessage,
                                   PasswordMessage, ProgressMessage, FetchedMessage, FinalMessage>;

// parent -> worker
struct VerdictMessage {
  bool accepted = false;
  // Of a refusal: what the host's record is to say (host_key, or internal when the question could not be answered).
  core::Status status = core::Status::host_key;
  std::string cause;
};
struct StopMessage {
  // What the record is to say: interrupted or timeout, and why: "stopped by SIGTERM".
  core::Status status = core::Status::interrupted;
  std::string why;
};
using ParentMessage = std::variant<VerdictMessage, StopMessage>;

// Largest text of a cause or a note and largest piece of output in one message; encode() cuts texts, output must fit.
inline constexpr std::size_t max_text_bytes = 4096;
inline constexpr std::size_t max_output_bytes = 32 * 1024;

std::string encode(const WorkerMessage &message);
std::string encode(const ParentMessage &message);
core::Result<WorkerMessage> decode_worker_message(const Frame &frame);
core::Result<ParentMessage> decode_parent_message(const Frame &frame);

// Of one key scan; there are three families of host keys: Ed25519, ECDSA and RSA.
inline constexpr int max_scanned_keys = 4;

// Of one worker: many times what an honest one has to tell. Each costs the parent as much as a line of output, and
// unlike output it can come in any phase.
inline constexpr int max_notes = 64;

// Of one transfer: five a second for three weeks.
inline constexpr int max_progress = 10'000'000;

// Of one get; a tree has no more files than that.
inline constexpr int max_fetched = 10'000'000;

// The order in which a worker may speak. One per worker, in the parent.
class WorkerProtocol {
public:
  explicit WorkerProtocol(core::TaskKind task = core::TaskKind::exec) : task_(task) {}

  // ErrorKind::protocol when `message` may not come now.
  core::Result<void> accept(const WorkerMessage &message);
  [[nodiscard]] bool finished() const { return finished_; }

private:
  bool may_enter(core::Phase phase) const;
  bool may_print() const;
  bool may_progress(const ProgressMessage &progress);
  bool is_transfer() const;
  bool plausible_end(const core::Outcome &outcome) const;

  core::TaskKind task_;
  core::Phase phase_ = core::Phase::start;
  int host_keys_seen_ = 0;
  int notes_seen_ = 0;
  bool password_seen_ = false;
  int progress_seen_ = 0;
  int fetched_seen_ = 0;
  std::uint64_t done_bytes_ = 0;
  bool finished_ = false;
};

}  // namespace fanout::wire
