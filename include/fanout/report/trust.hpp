// What `fanout trust` tells: the keys that would be recorded and those that never are, the question, and what was done. Pure; names are made safe
// for a terminal here.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fanout::report {

struct KeyToRecord {
  std::string type;                  // "ED25519"
  std::string fingerprint;           // "SHA256:..."
  std::vector<std::string> picture;  // lines of equal width
};

// A host that is not trusted yet, with what it has proven.
struct HostToTrust {
  std::string host;         // what the user calls it
  std::string recorded_as;  // its name in known_hosts
  std::vector<KeyToRecord> keys;
};

// A key of a host that is known by one of another type.
struct KeyNotRecorded {
  std::string host;         // what the user calls it
  std::string type;         // "RSA"
  std::string fingerprint;  // "SHA256:..."
};

//     web01, recorded as [10.0.0.7]:2201
//       ED25519  SHA256:...
//       RSA      SHA256:...
//
// With pictures they stand side by side below the fingerprints, and an empty line below each host.
std::string format_keys(std::span<const HostToTrust> hosts, bool pictures);

// Which keys are not recorded and why: a line each.
std::string format_keys_not_recorded(std::span<const KeyNotRecorded> keys);

struct TrustCounts {
  std::size_t keys = 0;
  std::size_t hosts = 0;  // that these keys belong to
};

// "Record 12 keys of 4 hosts in /home/u/.ssh/known_hosts? [y/N] "
std::string format_question(TrustCounts counts, std::string_view file);

// What was recorded and how many hosts needed nothing: up to two lines for stderr.
std::string format_trust_end(TrustCounts recorded, std::size_t known_hosts, std::string_view file);

}  // namespace fanout::report
