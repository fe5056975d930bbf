// What a host's scp says: take_scp_item().
//
// Input: the bytes that come.
//
// Oracle: something is taken or nothing is, and never more than there is; a line is taken whole; numbers are in their
// bounds; the same bytes in two pieces give the same items; and what was read can be written again.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "input.hpp"
#include "oracle.hpp"
#include "worker/scp_lines.hpp"

using namespace fanout;
using namespace fanout::worker;
using fuzz::must;

namespace {

void check(const ScpItem &item, std::string_view taken) {
  if (const auto *entry = std::get_if<ScpEntry>(&item)) {
    must(entry->mode <= 07777, "a mode has twelve bits");
    must(entry->size <= INT64_MAX, "a size can be an offset");
    must(!entry->name.empty() && entry->name.find('\n') == std::string::npos,
         "a name is part of a line");
    std::string again = scp_file_line(entry->mode, entry->size, entry->name);
    if (entry->directory) again[0] = 'D';
    std::string_view rest = again;
    const auto read = take_scp_item(rest);
    must(read && *read && rest.empty(), "what was read can be written and read again");
    must(std::get<ScpEntry>(**read).size == entry->size, "a size stays what it is");
  }
  if (const auto *times = std::get_if<ScpTimes>(&item))
    must(times->modification >= 0 && times->access >= 0, "no time is negative");
  if (std::holds_alternative<ScpYes>(item))
    must(taken == std::string_view("\0", 1), "yes is one byte");
  else
    must(taken.ends_with('\n') && std::count(taken.begin(), taken.end(), '\n') == 1,
         "everything else is one line");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size) {
  const std::string_view all = fuzz::Input(data, size).take_rest();
  std::string_view rest = all;
  while (!rest.empty()) {
    const std::string_view before = rest;
    const auto item = take_scp_item(rest);
    if (!item) {
      must(item.error().kind == core::ErrorKind::protocol, "only the host can be wrong");
      break;
    }
    if (!*item) {
      must(rest == before, "what is not whole is left");
      must(rest.size() < max_scp_line_bytes, "nobody waits for a line without an end");
      break;
    }
    must(rest.size() < before.size(), "an item has a length");
    const std::string_view taken = before.substr(0, before.size() - rest.size());
    check(**item, taken);
    std::string_view part = taken.substr(0, taken.size() / 2);
    const auto half = take_scp_item(part);
    must(half && !*half, "half an item is none");
  }
  return 0;
}
