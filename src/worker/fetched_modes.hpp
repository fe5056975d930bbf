// Which mode does a file or a folder get that was fetched? Without -p the one it has on the host less the umask here, as
// with scp; with -p exactly that. Special bits never come along. Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "fanout/core/transfer.hpp"

namespace fanout::worker {

inline constexpr std::uint32_t permission_bits = 0777;

// nullopt: what the file has that is replaced, or the usual.
inline std::optional<std::uint32_t> mode_of_fetched_file(const core::TransferOptions &options,
                                                         std::optional<std::uint32_t> remote,
                                                         bool replaces, std::uint32_t umask) {
  if (options.mode) return *options.mode & permission_bits;
  if (!remote) return std::nullopt;
  if (options.preserve) return *remote & permission_bits;
  if (replaces) return std::nullopt;
  return *remote & permission_bits & ~umask;
}

// nullopt: what make_folders() has given it, or what it had.
inline std::optional<std::uint32_t> mode_of_fetched_folder(const core::TransferOptions &options,
                                                           std::optional<std::uint32_t> remote,
                                                           bool is_new, std::uint32_t umask) {
  if (!remote) return std::nullopt;
  if (options.preserve) return *remote & permission_bits;
  if (!is_new) return std::nullopt;
  return *remote & permission_bits & ~umask;
}

// Seconds since 1970, if they are to be set; SFTP has no others than the kernel takes.
inline std::optional<std::int64_t> time_of_fetched(const core::TransferOptions &options,
                                                   std::optional<std::uint32_t> remote) {
  if (!remote || !(options.preserve || options.update)) return std::nullopt;
  return static_cast<std::int64_t>(*remote);
}

}  // namespace fanout::worker
