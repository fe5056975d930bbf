#include "open_sftp.hpp"

#include <string>
#include <utility>

#include <fmt/format.h>

#include "fanout/core/duration.hpp"
#include "fanout/sys/io.hpp"

namespace fanout::worker {

using core::Deadline;
using core::Error;
using core::ErrorKind;
using core::TransferMethod;

namespace {

void record(Transfer &transfer, Error error, core::TimePoint began) {
  const core::Milliseconds patience = transfer.card.stall_timeout;
  switch (error.kind) {
    case ErrorKind::timeout:
      if (Deadline::in(patience, began).passed(sys::now()))
        error.message =
            fmt::format("no answer from the server for {}", core::format_duration(patience));
      transfer.broken(error);
      break;
    case ErrorKind::interrupted:
    case ErrorKind::unreachable: transfer.broken(error); break;
    case ErrorKind::usage:
    case ErrorKind::local:
    case ErrorKind::resolve:
    case ErrorKind::host_key:
    case ErrorKind::auth:
    case ErrorKind::protocol:
    case ErrorKind::remote:
    case ErrorKind::internal: transfer.fail(std::move(error)); break;
  }
}

}  // namespace

std::unique_ptr<ssh::Sftp> open_sftp(Transfer &transfer) {
  const TransferMethod method = transfer.card.transfer.method;
  if (method == TransferMethod::scp) return nullptr;
  const core::TimePoint began = sys::now();
  transfer.session.set_deadline(
      transfer.deadline().or_sooner(Deadline::in(transfer.card.stall_timeout, began)));
  std::string why;
  auto opened = ssh::Sftp::open(transfer.session, {}, why);
  transfer.session.set_deadline(transfer.deadline());
  if (!opened) {
    record(transfer, std::move(opened).error(), began);
    return nullptr;
  }
  std::unique_ptr<ssh::Sftp> sftp = *std::move(opened);
  if (sftp) {
    transfer.record.used = "sftp";
    sftp->stall_timeout = transfer.card.stall_timeout;
    sftp->broken = [&transfer](const Error &error) { transfer.broken(error); };
  } else if (method == TransferMethod::sftp) {
    transfer.fail({ErrorKind::remote, "the server has no SFTP: " + why});
  } else {
    transfer.parent.send(wire::NoteMessage{fmt::format("scp is used: no SFTP ({})", why)},
                         Urgency::with_the_next);
  }
  return sftp;
}

void close_sftp(Transfer &transfer, ssh::Sftp &sftp) {
  if (transfer.failure() || transfer.card.transfer.then.empty()) return;
  if (auto done = sftp.finish(); !done) transfer.broken(done.error());
}

}  // namespace fanout::worker
