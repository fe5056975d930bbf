// Two hosts must never share a file. What is cut has a character in it that no other name has, and behind it what tells
// it from others that begin in the same way.
#include <fmt/format.h>

#include "fanout/files/sha256.hpp"
#include "fanout/report/output_folder.hpp"

namespace fanout::report {

namespace {

// NAME_MAX less ".out".
constexpr std::size_t longest = 255 - 4;
constexpr char before_hash = '~';

// Of ASCII, whatever the locale.
bool is_plain(char byte) {
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
         (byte >= '0' && byte <= '9') || byte == '-' || byte == '_' || byte == '.';
}

std::string encode(std::string_view host) {
  std::string name;
  for (const char byte : host) {
    const bool hides_the_file = byte == '.' && name.empty();
    if (is_plain(byte) && !hides_the_file)
      name += byte;
    else
      name += fmt::format("%{:02X}", static_cast<unsigned char>(byte));
  }
  return name;
}

}  // namespace

std::string file_name_of(std::string_view host) {
  std::string name = encode(host);
  if (name.size() <= longest) return name;
  files::Sha256 hash;
  hash.add(host);
  const std::string end = before_hash + files::hexadecimal(hash.finish());
  std::size_t room = longest - end.size();
  // No half of a %XX.
  const std::size_t percent = name.find_last_of('%', room - 1);
  if (percent != std::string::npos && percent + 3 > room) room = percent;
  return name.substr(0, room) + end;
}

}  // namespace fanout::report
