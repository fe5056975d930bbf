// put to a host without SFTP: `scp -t` carries the content, and small shell scripts do what SFTP requests do elsewhere.
#pragma once

#include "fanout/core/result.hpp"
#include "fanout/files/source.hpp"
#include "transfer.hpp"

namespace fanout::worker {

// The whole transfer, by the rules of destination.hpp, with the same results as by SFTP: nothing is replaced before all of
// it is there and flushed. Needs scp and a POSIX shell on the host. Failures are given to Transfer::fail(); what could not
// be removed to Transfer::leave(). --update and --resume are ErrorKind::remote: "needs SFTP, which the server does not have".
void put_by_scp(Transfer &transfer, files::Source &source);

// Removes the temporary names of card.token below card.remote[0], for the folders that `source` would make there.
core::Result<void> clean_up_by_shell(Transfer &transfer, files::Source &source);

}  // namespace fanout::worker
