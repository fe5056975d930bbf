// Numbers of bytes for people.
#pragma once

#include <cstdint>
#include <string>

namespace fanout::report {

// "1 byte", "999 bytes", "12.3 MB"; units of 1,000.
std::string describe_bytes(std::uint64_t bytes);

// As --max-output takes it: "64M" for 64 * 1,024 * 1,024, "1500" for 1,500.
std::string format_size(std::uint64_t bytes);

}  // namespace fanout::report
