// get from a host without SFTP: `scp -f`.
#pragma once

#include "fanout/files/folder.hpp"
#include "transfer.hpp"

namespace fanout::worker {

// The whole transfer of card.remote into `folder`, with the results of get_task.hpp. The host's scp is believed nothing:
// names are checked, sizes are bounds, a message is text. Failures are given to Transfer::fail().
void get_by_scp(Transfer &transfer, files::Folder &folder);

}  // namespace fanout::worker
