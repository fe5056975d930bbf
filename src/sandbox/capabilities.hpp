// The parts into which Linux divides the power of root (capabilities(7)).
#pragma once

#include <linux/capability.h>

#include <cstdint>

#include "fanout/core/result.hpp"

namespace fanout::sandbox {

inline constexpr std::uint64_t capability_to_read_all = std::uint64_t{1} << CAP_DAC_READ_SEARCH;
inline constexpr std::uint64_t capability_to_write_all = std::uint64_t{1} << CAP_DAC_OVERRIDE;

// Gives up every capability of the calling thread that is not in `kept`; those in it that the thread does not have are
// not gained. For good once no_new_privs is set: exec(2) gives none back.
core::Result<void> keep_capabilities(std::uint64_t kept);

}  // namespace fanout::sandbox
