// Names that come from elsewhere, and what becomes of them here. Pure.
#include <algorithm>

#include <fmt/format.h>

#include "fanout/files/folder.hpp"
#include "place.hpp"

namespace fanout::files {

using core::ErrorKind;
using core::fail;
using core::Result;

namespace {

bool stands_for_itself(unsigned char byte, bool first) {
  if (byte <= ' ' || byte >= 0x7f) return byte == ' ' && !first;
  if (first && (byte == '.' || byte == '-')) return false;
  return byte != '/' && byte != '%';
}

}  // namespace

std::optional<std::string> wrong_with_entry_name(std::string_view name) {
  if (name.empty()) return "a name is empty";
  if (name == "." || name == "..") return fmt::format("a name is \"{}\"", name);
  if (name.find('/') != std::string_view::npos) return "a name has a slash";
  if (name.find('\0') != std::string_view::npos) return "a name has a NUL byte";
  if (name.size() > max_name_bytes)
    return fmt::format("a name is longer than {} bytes", max_name_bytes);
  return std::nullopt;
}

std::string join(std::string_view parent, std::string_view name) {
  if (parent.empty()) return std::string(name);
  std::string path(parent);
  path += '/';
  return path += name;
}

Result<std::string> folder_name_of(std::string_view host) {
  if (host.empty()) return fail(ErrorKind::usage, "a host without a name has no folder");
  std::string name;
  for (const char each : host) {
    const auto byte = static_cast<unsigned char>(each);
    if (stands_for_itself(byte, name.empty()))
      name += each;
    else
      name += fmt::format("%{:02X}", byte);
  }
  if (name.size() > max_name_bytes)
    return fail(ErrorKind::usage,
                fmt::format("{}: too long for the name of a folder, which has at most {} bytes",
                            host, max_name_bytes));
  return name;
}

Result<std::string> place_of_remote(std::string_view remote) {
  std::string_view rest = remote;
  if (rest == "~" || rest.starts_with("~/")) rest.remove_prefix(1);
  std::string place;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('/'), rest.size());
    const std::string_view component = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (component.empty() || component == ".") continue;
    if (const auto wrong = wrong_with_entry_name(component))
      return fail(ErrorKind::usage, fmt::format("{}: {}", remote, *wrong));
    place = join(place, component);
  }
  if (place.empty())
    return fail(
        ErrorKind::usage,
        fmt::format("{}: no name is left for the copy beneath the folder of a host", remote));
  return place;
}

}  // namespace fanout::files
