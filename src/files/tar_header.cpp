#include "tar_header.hpp"

#include <string_view>

#include <fmt/format.h>

#include "fanout/files/catalogue.hpp"

namespace fanout::files {

namespace {

constexpr std::uint64_t largest_number = 077'777'777'777;

// Where the fields begin.
constexpr std::size_t name = 0;
constexpr std::size_t mode = 100;
constexpr std::size_t uid = 108;
constexpr std::size_t gid = 116;
constexpr std::size_t size = 124;
constexpr std::size_t mtime = 136;
constexpr std::size_t checksum = 148;
constexpr std::size_t checksum_bytes = 8;
constexpr std::size_t type = 156;
constexpr std::size_t magic = 257;

void put(std::string &header, std::size_t at, std::string_view text) {
  header.replace(at, text.size(), text);
}

}  // namespace

bool fits_tar_header(std::uint64_t content_bytes, std::int64_t seconds) {
  return content_bytes <= largest_number && seconds >= 0 &&
         static_cast<std::uint64_t>(seconds) <= largest_number;
}

std::string format_tar_header(const TarMember &member) {
  std::string header(tar_header_bytes, '\0');
  put(header, name, std::to_string(member.number));
  put(header, mode, fmt::format("{:07o}", member.mode & 07777U));
  put(header, uid, "0000000");
  put(header, gid, "0000000");
  put(header, size, fmt::format("{:011o}", member.size));
  put(header, mtime, fmt::format("{:011o}", member.mtime));
  put(header, type, "0");
  put(header, magic, std::string_view("ustar\00000", 8));
  // The sum of all bytes, of the checksum's own as if they were spaces.
  unsigned sum = checksum_bytes * ' ';
  for (const char byte : header) sum += static_cast<unsigned char>(byte);
  put(header, checksum, fmt::format("{:06o}", sum));
  put(header, checksum + 7, " ");
  return header;
}

std::uint64_t tar_padding(std::uint64_t content_bytes) {
  return (tar_header_bytes - content_bytes % tar_header_bytes) % tar_header_bytes;
}

}  // namespace fanout::files
