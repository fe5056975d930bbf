// Which keys known_hosts lines hold for a host: sshd(8), SSH_KNOWN_HOSTS FILE FORMAT, read as tolerantly as ssh reads
// it.
//
// Pure: text in, lists of keys out; what they mean for a connection is decided in host_keys.hpp. Used in the parent
// alone.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "fanout/core/result.hpp"

namespace fanout::ssh {

// A host as it is connected to: what ssh(1) would look up for the same name and port.
struct HostKeyQuery {
  std::string name;
  std::uint16_t port = 22;
};

// The name under which OpenSSH keeps this host: lower case, numeric addresses in their one usual form
// ("2001:db8::1", "127.0.0.1" for 127.1), "[name]:port" when the port is not 22. Asks no name service.
std::string known_hosts_name(const HostKeyQuery &query);

// ~/.ssh/known_hosts, ~/.ssh/known_hosts2 and the two of /etc/ssh, in the order in which ssh reads them.
std::vector<std::string> default_known_hosts_files(std::string_view home);

struct KnownKey {
  std::string blob;
  std::string file;
  std::size_t line = 0;  // counted from 1
};

// Every line that names one host, by its marker, in the order of the lines.
struct KnownKeys {
  std::vector<KnownKey>
      accepted;  // no marker. A key may be here and in `revoked`: then it is revoked
  std::vector<KnownKey> revoked;      // @revoked
  std::vector<KnownKey> authorities;  // @cert-authority
};

// The lines of one file, indexed so that looking up a plain name does not depend on how many there are. Lines with
// wildcards or negation are tried one after the other. Each hashed line costs every lookup an HMAC (half a
// microsecond): 10,000 hosts against 10,000 hashed lines are 50 s, which is the price of hashing and cannot be shared
// among names, because each line has a salt of its own.
//
// Comments, blank and malformed lines are left out and never stop the reading. A line ends at its first NUL.
class KnownHosts {
public:
  // Takes over the text. `path` is only for KnownKey::file.
  explicit KnownHosts(std::string path, std::string text = {});

  // Adds lines at the end, as if they stood in the file after what was read before.
  void append(std::string text);

  // Adds to `keys` what the lines say of `name`, which is of the form that known_hosts_name() gives. Fails only when
  // libcrypto does (ErrorKind::internal); then the answer is incomplete and must not be used.
  core::Result<void> find(std::string_view name, KnownKeys &keys) const;

  // Whether any name in this file is hashed: then its owner wants new ones hashed too.
  [[nodiscard]] bool has_hashed_names() const { return !hashed_.empty(); }
  [[nodiscard]] const std::string &path() const { return path_; }

private:
  enum class Marker : std::uint8_t { none, revoked, cert_authority };
  struct Line {
    std::size_t number = 0;
    Marker marker = Marker::none;
    std::string_view names;  // lower case unless hashed
    std::string_view key;    // type, key and comment; looked at when the line is asked for
  };
  struct HashedName {
    std::array<unsigned char, 20> salt;
    std::array<unsigned char, 20> hash;
    std::size_t line;  // index into lines_
  };

  void read_line(char *begin, char *end);
  void index_names(char *begin, char *end);

  std::string path_;
  std::vector<std::unique_ptr<std::string>> texts_;  // what every view here points into
  std::size_t line_count_ = 0;
  std::vector<Line> lines_;
  std::unordered_multimap<std::string_view, std::size_t> plain_;  // name to index into lines_
  std::vector<std::size_t> patterns_;  // indices of lines with wildcards or negation
  std::vector<HashedName> hashed_;
};

// Whether a line for this name (from known_hosts_name()) would be read back as this name and nothing else: no spaces,
// control characters, commas, wildcards or leading marks, and not over-long.
bool can_be_known_by(std::string_view name);

// "|1|salt|hash", the form that hides the name. The salt is 20 random bytes that the caller made.
core::Result<std::string> format_hashed_name(std::string_view name,
                                             const std::array<unsigned char, 20> &salt);

// "NAMES TYPE BASE64" and no newline, as ssh writes it. The blob has passed check_key_blob().
std::string format_known_hosts_line(std::string_view names, std::string_view blob);

}  // namespace fanout::ssh
