#include "fanout/report/trust.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "fanout/console/sanitize.hpp"

namespace fanout::report {

namespace {

std::string count(std::size_t number, std::string_view one) {
  return fmt::format("{} {}{}", number, one, number == 1 ? "" : "s");
}

std::string describe(TrustCounts counts) {
  return fmt::format("{} of {}", count(counts.keys, "key"), count(counts.hosts, "host"));
}

std::string heading(const HostToTrust &host) {
  std::string text = console::safe_line(host.host);
  if (host.recorded_as != host.host)
    text += ", recorded as " + console::safe_line(host.recorded_as);
  return text + "\n";
}

std::string pictures_of(const HostToTrust &host) {
  std::size_t lines = 0;
  for (const KeyToRecord &key : host.keys) lines = std::max(lines, key.picture.size());
  std::string text;
  for (std::size_t i = 0; i < lines; ++i) {
    for (const KeyToRecord &key : host.keys)
      text += "  " + (i < key.picture.size() ? key.picture[i] : std::string());
    text += '\n';
  }
  return text;
}

}  // namespace

std::string format_keys(std::span<const HostToTrust> hosts, bool pictures) {
  std::string text;
  for (const HostToTrust &host : hosts) {
    text += heading(host);
    for (const KeyToRecord &key : host.keys)
      text += fmt::format("  {:<7}  {}\n", key.type, key.fingerprint);
    if (pictures) text += pictures_of(host) + "\n";
  }
  return text;
}

std::string format_keys_not_recorded(std::span<const KeyNotRecorded> keys) {
  std::string text;
  for (const KeyNotRecorded &key : keys)
    text += fmt::format(
        "{}: {} {}: the host is known already by a key of another type; this one is not recorded, "
        "since nothing ties it to that one\n",
        console::safe_line(key.host), key.type, key.fingerprint);
  return text;
}

std::string format_question(TrustCounts counts, std::string_view file) {
  return fmt::format("Record {} in {}? [y/N] ", describe(counts), console::safe_line(file));
}

std::string format_trust_end(TrustCounts recorded, std::size_t known_hosts, std::string_view file) {
  std::string text;
  if (known_hosts > 0)
    text += fmt::format("fanout: {} known already\n",
                        count(known_hosts, "host") + (known_hosts == 1 ? " is" : " are"));
  if (recorded.keys > 0)
    text +=
        fmt::format("fanout: recorded {} in {}\n", describe(recorded), console::safe_line(file));
  return text;
}

}  // namespace fanout::report
