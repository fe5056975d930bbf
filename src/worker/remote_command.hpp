// Small commands of our own on the host, to their end: sh scripts, tar, sha256sum. Nothing is installed there and nothing
// is left behind. Runs in a worker and blocks; hears the parent meanwhile.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fanout/core/result.hpp"
#include "fanout/core/transfer.hpp"
#include "running_command.hpp"
#include "shell_words.hpp"
#include "transfer.hpp"

namespace fanout::worker {

// Gives the next bytes of standard input, at most 64 KiB, an empty string at its end. Views must live until the next call.
using Feed = std::function<core::Result<std::string_view>()>;
// Takes bytes of standard output, any pieces.
using Drain = std::function<core::Result<void>(std::string_view)>;

// Runs `command` (the user's login shell gets it, whatever that is). Input and output go on at the same time, paced by
// nothing but --stall-timeout and the deadlines of the transfer. An error is one of the connection, a stop or a deadline
// (already given to Transfer::broken), of `feed`, of `drain`, or that the server runs no commands (ErrorKind::remote); a
// command that fails is none, and neither is one that does not read its input to the end.
core::Result<CommandEnd> run_command(Transfer &transfer, const std::string &command,
                                     const Feed &feed = {}, const Drain &drain = {});

// SHA-256 of files on the host (32 raw bytes each), by one run of sha256sum, shasum, openssl or sha256, whichever is
// there; nullopt for a file that could not be read. `tool` names it. ErrorKind::remote when there is none of them, or when
// no command can be run. Paths are given on standard input, so there may be ten thousand.
core::Result<std::vector<std::optional<std::string>>> hash_remotely(
    Transfer &transfer, const std::vector<std::string> &paths, std::string &tool);

// The same of one file, by reading it to here (cat). ErrorKind::remote when it cannot be read, and at the first byte behind
// `size`: what has another size is another content, and need not have an end. Without a size, the host is asked for it first.
core::Result<std::string> hash_by_reading(Transfer &transfer, const std::string &path,
                                          std::optional<std::uint64_t> size = std::nullopt);

// `by` has verified some of the files: the record names every way that was used for any, "sha256sum and reading back".
void add_verifier(core::TransferRecord &record, std::string_view by);

}  // namespace fanout::worker
