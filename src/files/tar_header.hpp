// The header of a member of a tar archive (POSIX ustar: pax, "ustar Interchange Format"). Pure.
#pragma once

#include <cstdint>
#include <string>

namespace fanout::files {

struct TarMember {
  std::uint64_t number = 0;  // its name, in decimal
  std::uint32_t mode = 0;
  std::uint64_t size = 0;
  std::int64_t mtime = 0;
};

// The fields are octal digits, eleven for size and time: 8 GiB, and 1970 to 2242. Extensions go further, but not every
// tar knows them.
bool fits_tar_header(std::uint64_t size, std::int64_t mtime);

// tar_header_bytes of a regular file that belongs to root, for a member that fits.
std::string format_tar_header(const TarMember &member);

// Zeros after the content, up to the next whole block.
std::uint64_t tar_padding(std::uint64_t size);

}  // namespace fanout::files
