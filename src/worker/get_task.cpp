#include "get_task.hpp"

#include "open_sftp.hpp"
#include "scp_get.hpp"
#include "sftp_get.hpp"
#include "transfer.hpp"

namespace fanout::worker {

void run_get(ssh::Session &session, ParentLink &parent, const JobCard &card, files::Folder &folder,
             core::Outcome &outcome) {
  Transfer transfer(session, parent, card, outcome.transfer.emplace());
  if (const auto sftp = open_sftp(transfer)) {
    get_by_sftp(transfer, *sftp, folder);
    close_sftp(transfer, *sftp);
  } else if (!transfer.failure()) {
    transfer.record.used = "scp";
    get_by_scp(transfer, folder);
  }
  transfer.conclude(outcome);
}

}  // namespace fanout::worker
