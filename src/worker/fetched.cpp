#include "fetched.hpp"

#include <utility>

#include <fmt/format.h>

namespace fanout::worker {

using core::Error;
using core::ErrorKind;

namespace {

constexpr std::uint64_t most_failures_noted = 20;
constexpr int hopeless_after = 16;
// A parent that reads slowly: its backlog is our memory.
constexpr std::size_t backlog_limit_bytes = 256 * 1024;

// Several things can fail, the host's status is one: what the server did to SSH itself comes first, then what is wrong
// here, which the next host will meet as well.
int weight(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::protocol: return 2;
    case ErrorKind::local:
    case ErrorKind::internal: return 1;
    case ErrorKind::usage:
    case ErrorKind::resolve:
    case ErrorKind::unreachable:
    case ErrorKind::host_key:
    case ErrorKind::auth:
    case ErrorKind::remote:
    case ErrorKind::timeout:
    case ErrorKind::interrupted: return 0;
  }
  return 0;
}

}  // namespace

void Fetched::stands(core::FetchedFile file, bool unchanged) {
  local_failures_ = 0;
  core::TransferRecord &record = transfer_.record;
  ++record.files;
  record.bytes += file.size;
  if (unchanged) ++record.unchanged;
  record.sha256 = record.files == 1 ? file.sha256 : std::string();
  if (!transfer_.card.wants_list) return;
  transfer_.parent.send(wire::FetchedMessage{std::move(file)}, Urgency::with_the_next);
  while (transfer_.parent.backlog_bytes() > backlog_limit_bytes && !transfer_.parent.stop())
    transfer_.parent.wait_for_anything(-1, 0, {});
}

void Fetched::failed(Error error) {
  if (transfer_.is_broken()) return;
  ++failures_;
  if (error.kind == ErrorKind::local) ++local_failures_;
  if (failures_ > 1 && failures_ <= most_failures_noted)
    transfer_.parent.send(wire::NoteMessage{error.message}, Urgency::with_the_next);
  if (!first_ || weight(error.kind) > weight(first_->kind)) first_ = std::move(error);
}

bool Fetched::is_hopeless() const { return local_failures_ >= hopeless_after; }

void Fetched::conclude() {
  if (!first_ || transfer_.is_broken()) return;
  const std::uint64_t all = transfer_.record.files + failures_;
  if (all > 1)
    first_->message = fmt::format("{} of {} files failed{}; first: {}", failures_, all,
                                  is_hopeless() ? ", the rest was not tried" : "", first_->message);
  transfer_.fail(std::move(*first_));
}

}  // namespace fanout::worker
