// hosts.ini: parse_ini().
//
// Input: the text of the file.
//
// Oracle: every name that comes out is one that a target may have, once; every failure is ErrorKind::usage, and its
// message is one line that begins with the file; the same text says the same twice. libFuzzer bounds time and memory.
#include <algorithm>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "fanout/inventory/inventory.hpp"
#include "fanout/inventory/pattern.hpp"
#include "input.hpp"
#include "oracle.hpp"

using namespace fanout;
using fuzz::must;

namespace {

// A million hosts are allowed, and take seconds under sanitizers; a run is to be quick.
bool is_small(std::string_view text) {
  constexpr std::uint64_t many = 2000;
  std::uint64_t names = 0;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    for (const std::string_view part : {line, line.substr(line.find('=') + 1)}) {
      const auto pattern = inventory::Pattern::parse(part.substr(0, part.find('\r')));
      if (pattern) names += pattern->count();
    }
  }
  return names <= many;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size) {
  const std::string_view text = fuzz::Input(data, size).take_rest();
  if (!is_small(text)) return 0;
  const auto inventory = inventory::parse_ini(text, "hosts.ini");
  const auto again = inventory::parse_ini(text, "hosts.ini");
  must(inventory.has_value() == again.has_value(), "the same text says the same twice");
  if (!inventory) {
    const core::Error &error = inventory.error();
    must(error.kind == core::ErrorKind::usage, "a wrong file is a wrong usage");
    must(error.message.starts_with("hosts.ini:"), "a message names the file");
    // Other control characters are escaped by whoever prints it.
    must(error.message.find('\n') == std::string::npos, "a message is one line");
    must(error.message == again.error().message, "a message says the same twice");
    return 0;
  }
  const std::vector<std::string> names = inventory->host_names();
  must(names == again->host_names() && inventory->groups() == again->groups(),
       "hosts and groups are the same twice");
  must(names.size() == inventory->host_count(), "each host is counted");
  must(std::set<std::string>(names.begin(), names.end()).size() == names.size(),
       "each host is there once");
  for (const std::string &name : names)
    must(inventory::parse_target(name).has_value(), "a host is one that can be asked for");
  return 0;
}
