// Reading key files: private ones only if nobody else can.
#pragma once

#include <string>

#include "fanout/core/result.hpp"
#include "fanout/core/secret.hpp"

namespace fanout::keys {

inline constexpr std::size_t max_key_file_bytes = 1 << 20;

// The text of a regular file of at most 1 MiB; never blocks on what is not one. ErrorKind::usage, or ErrorKind::local when
// there is no such file. The text of a private key is handed out only when the opened file belongs to us (or to root,
// or we are root) and its mode gives nothing to group and others; a public key may be readable by all.
core::Result<core::Secret> read_key_file(const std::string &path);

}  // namespace fanout::keys
