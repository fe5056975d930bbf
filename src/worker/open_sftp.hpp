// SFTP for a transfer, or scp instead where the host has none.
#pragma once

#include <memory>

#include "fanout/ssh/sftp.hpp"
#include "transfer.hpp"

namespace fanout::worker {

// Whose breaks and silence are the transfer's. Null when there is none: either something has failed, which is recorded, or
// scp is to be used, by --method or because the server has no SFTP, which a note says. Blocks for no longer than a server
// may be silent (--stall-timeout).
std::unique_ptr<ssh::Sftp> open_sftp(Transfer &transfer);

// The server may allow one channel at a time, and something else is to be run. Nothing may be under way.
void close_sftp(Transfer &transfer, ssh::Sftp &sftp);

}  // namespace fanout::worker
