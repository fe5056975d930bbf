// get from a host with SFTP.
#pragma once

#include "fanout/files/folder.hpp"
#include "fanout/ssh/sftp.hpp"
#include "transfer.hpp"

namespace fanout::worker {

// The whole transfer of card.remote into `folder`, with the results of get_task.hpp. The server is believed nothing that can
// be checked. Failures are given to Transfer::fail(), and nothing is left here of what failed, but for --resume.
void get_by_sftp(Transfer &transfer, ssh::Sftp &sftp, files::Folder &folder);

}  // namespace fanout::worker
