// Reads known_hosts in two steps, as OpenSSH does: when a file is read only the names are looked at; type and key of a
// line are decoded when its name is asked for, so that 10,000 lines are read in a few milliseconds and a bad key on a
// line harms nobody but the hosts on that line.
//
// Where this reader differs from OpenSSH it is the stricter one: a tab after a marker ends it even if a space follows
// later (OpenSSH skips such a line, and so does not honour that @revoked), and keys of types that nobody knows still
// make a host a known one.
#include "fanout/ssh/known_hosts.hpp"

#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <memory>
#include <optional>

#include <fmt/format.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "fanout/core/base64.hpp"
#include "fanout/ssh/fingerprint.hpp"

namespace fanout::ssh {

namespace {

using core::ErrorKind;
using core::fail;
using core::Result;

using Hash = std::array<unsigned char, 20>;  // of SHA-1: the format knows no other

constexpr std::string_view hash_magic = "|1|";
// OpenSSH matches no line that has a pattern of this many characters or more.
constexpr std::size_t too_long_pattern = 1023;

constexpr bool is_blank(char c) { return c == ' ' || c == '\t'; }
constexpr char to_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// std::find, but as fast as the C library.
char *find_byte(char *begin, char *end, char byte) {
  void *const found = std::memchr(begin, byte, static_cast<std::size_t>(end - begin));
  return found == nullptr ? end : static_cast<char *>(found);
}

// HMAC-SHA1 keyed with salts. Fetching the algorithm costs more than a hash, so one of these serves a whole lookup.
class NameHasher {
public:
  static Result<NameHasher> create() {
    const std::unique_ptr<EVP_MAC, decltype(&EVP_MAC_free)> mac(
        EVP_MAC_fetch(nullptr, "HMAC", nullptr), EVP_MAC_free);
    NameHasher hasher;
    hasher.context_.reset(mac ? EVP_MAC_CTX_new(mac.get()) : nullptr);
    std::string digest = "SHA1";
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), digest.size()),
        OSSL_PARAM_construct_end()};
    if (!hasher.context_ || EVP_MAC_CTX_set_params(hasher.context_.get(), parameters) != 1)
      return failed();
    return hasher;
  }

  Result<Hash> hash(std::string_view name, const Hash &salt) {
    Hash result{};
    std::size_t length = 0;
    EVP_MAC_CTX *context = context_.get();
    if (EVP_MAC_init(context, salt.data(), salt.size(), nullptr) != 1 ||
        EVP_MAC_update(context, reinterpret_cast<const unsigned char *>(name.data()),
                       name.size()) != 1 ||
        EVP_MAC_final(context, result.data(), &length, result.size()) != 1 ||
        length != result.size())
      return failed();
    return result;
  }

private:
  static tl::unexpected<core::Error> failed() {
    return fail(ErrorKind::internal, "hash a host name for known_hosts: libcrypto failed");
  }

  NameHasher() : context_(nullptr, EVP_MAC_CTX_free) {}
  std::unique_ptr<EVP_MAC_CTX, decltype(&EVP_MAC_CTX_free)> context_;
};

std::optional<Hash> decode_hash(std::string_view text) {
  const auto bytes = core::decode_base64(text);
  Hash hash{};
  if (!bytes || bytes->size() != hash.size()) return std::nullopt;
  std::memcpy(hash.data(), bytes->data(), hash.size());
  return hash;
}

std::string encode_hash(const Hash &hash) {
  return core::encode_base64({reinterpret_cast<const char *>(hash.data()), hash.size()});
}

// `*` is any characters, `?` one. Going back to the last star alone suffices, so the time is at most length times
// length.
bool matches(std::string_view name, std::string_view pattern) {
  std::size_t n = 0;
  std::size_t p = 0;
  std::size_t star = std::string_view::npos;
  std::size_t after_star = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      after_star = n;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[n])) {
      ++p;
      ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++after_star;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

// Calls `use` with each name of a comma separated list, until it returns false.
template <class Use>
void for_each_name(std::string_view names, Use use) {
  while (!names.empty()) {
    const std::size_t comma = std::min(names.find(','), names.size());
    if (!use(names.substr(0, comma))) return;
    names.remove_prefix(std::min(comma + 1, names.size()));
  }
}

bool list_matches(std::string_view name, std::string_view names) {
  bool matched = false;
  for_each_name(names, [&](std::string_view pattern) {
    const bool negated = pattern.starts_with('!');
    if (negated) pattern.remove_prefix(1);
    if (!matches(name, pattern)) return true;
    matched = !negated;
    return !negated;
  });
  return matched;
}

std::string_view take_word(std::string_view &text) {
  const auto end = std::find_if(text.begin(), text.end(), is_blank);
  const std::string_view word(text.begin(), end);
  text.remove_prefix(word.size());
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  return word;
}

// The key of a line, if it is one: a type, and a whole key that says it is of that type.
std::optional<std::string> decode_key(std::string_view key) {
  const std::string_view type = take_word(key);
  std::string_view text = take_word(key);
  if (text.empty() || text.size() > (max_key_blob_bytes + 2) / 3 * 4) return std::nullopt;
  // OpenSSH's decoder steps over white space, of which these can be in a word. A key that is revoked is not to be missed
  // for one of them.
  constexpr std::string_view skipped = "\v\f\r";
  std::string without;
  if (text.find_first_of(skipped) != std::string_view::npos) {
    std::copy_if(text.begin(), text.end(), std::back_inserter(without),
                 [&](char c) { return skipped.find(c) == std::string_view::npos; });
    text = without;
  }
  auto blob = core::decode_base64(text);
  if (!blob) return std::nullopt;
  const auto inner_type = check_key_blob(*blob);
  if (!inner_type || *inner_type != type) return std::nullopt;
  return blob;
}

}  // namespace

std::string known_hosts_name(const HostKeyQuery &query) {
  std::string name = query.name;
  std::transform(name.begin(), name.end(), name.begin(), to_lower);
  // What may be an address goes through the same two calls as in ssh, so that 127.1 and 2001:db8:0::1 get the same
  // names. A name that holds a NUL is none of them, and would be cut short on the way.
  const bool may_be_address =
      !name.empty() && ((name[0] >= '0' && name[0] <= '9') || name.find(':') != std::string::npos);
  if (may_be_address && name.find('\0') == std::string::npos) {
    addrinfo hints{};
    hints.ai_flags = AI_NUMERICHOST;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo *found = nullptr;
    if (getaddrinfo(name.c_str(), nullptr, &hints, &found) == 0) {
      const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, freeaddrinfo);
      std::array<char, NI_MAXHOST> text{};
      if (getnameinfo(found->ai_addr, found->ai_addrlen, text.data(), text.size(), nullptr, 0,
                      NI_NUMERICHOST) == 0)
        name = text.data();
    }
  }
  return query.port == 22 ? name : fmt::format("[{}]:{}", name, query.port);
}

std::vector<std::string> default_known_hosts_files(std::string_view home) {
  return {fmt::format("{}/.ssh/known_hosts", home), fmt::format("{}/.ssh/known_hosts2", home),
          "/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"};
}

KnownHosts::KnownHosts(std::string path, std::string text) : path_(std::move(path)) {
  append(std::move(text));
}

void KnownHosts::append(std::string text) {
  texts_.push_back(std::make_unique<std::string>(std::move(text)));
  char *at = texts_.back()->data();
  char *const end = at + texts_.back()->size();
  while (at < end) {
    char *const newline = find_byte(at, end, '\n');
    ++line_count_;
    read_line(at, newline);
    at = newline == end ? end : newline + 1;
  }
}

void KnownHosts::read_line(char *begin, char *end) {
  end = find_byte(begin, end, '\0');
  while (begin != end && end[-1] == '\r') --end;
  const auto skip_blanks = [&] { begin = std::find_if_not(begin, end, is_blank); };
  skip_blanks();
  if (begin == end || *begin == '#') return;

  Line line;
  line.number = line_count_;
  if (*begin == '@') {
    char *const marker_end = std::find_if(begin, end, is_blank);
    const std::string_view marker(begin, static_cast<std::size_t>(marker_end - begin));
    if (marker == "@revoked")
      line.marker = Marker::revoked;
    else if (marker == "@cert-authority")
      line.marker = Marker::cert_authority;
    else
      return;
    begin = marker_end;
    skip_blanks();
    if (begin == end || *begin == '@') return;  // only one marker is allowed
  }
  char *const names_end = std::find_if(begin, end, is_blank);
  char *const names_begin = begin;
  begin = names_end;
  skip_blanks();
  if (begin == end) return;
  line.names = {names_begin, static_cast<std::size_t>(names_end - names_begin)};
  line.key = {begin, static_cast<std::size_t>(end - begin)};
  lines_.push_back(line);
  index_names(names_begin, names_end);
}

// Of the line that was read last.
void KnownHosts::index_names(char *begin, char *end) {
  const std::size_t index = lines_.size() - 1;
  const std::string_view names = lines_[index].names;
  if (names.front() == '|') {
    if (!names.starts_with(hash_magic)) return;
    const std::string_view fields = names.substr(hash_magic.size());
    const std::size_t bar = fields.find('|');
    if (bar == std::string_view::npos) return;
    const auto salt = decode_hash(fields.substr(0, bar));
    const auto hash = decode_hash(fields.substr(bar + 1));
    if (salt && hash) hashed_.push_back({*salt, *hash, index});
    return;
  }
  std::transform(begin, end, begin, to_lower);
  bool too_long = false;
  for_each_name(names, [&](std::string_view name) {
    if (name.starts_with('!')) name.remove_prefix(1);
    too_long = name.size() >= too_long_pattern;
    return !too_long;
  });
  if (too_long) return;
  if (names.find_first_of("*?!") != std::string_view::npos) {
    patterns_.push_back(index);
    return;
  }
  for_each_name(names, [&](std::string_view name) {
    plain_.emplace(name, index);
    return true;
  });
}

Result<void> KnownHosts::find(std::string_view name, KnownKeys &keys) const {
  std::vector<std::size_t> hits;
  for (auto [at, last] = plain_.equal_range(name); at != last; ++at) hits.push_back(at->second);
  for (const std::size_t index : patterns_)
    if (list_matches(name, lines_[index].names)) hits.push_back(index);
  if (!hashed_.empty()) {
    TRY_ASSIGN(NameHasher hasher, NameHasher::create());
    for (const HashedName &hashed : hashed_) {
      TRY_ASSIGN(const Hash hash, hasher.hash(name, hashed.salt));
      if (hash == hashed.hash) hits.push_back(hashed.line);
    }
  }
  // A name can stand on one line twice.
  std::sort(hits.begin(), hits.end());
  hits.erase(std::unique(hits.begin(), hits.end()), hits.end());
  for (const std::size_t index : hits) {
    const Line &line = lines_[index];
    auto blob = decode_key(line.key);
    if (!blob) continue;
    KnownKey key{std::move(*blob), path_, line.number};
    switch (line.marker) {
      case Marker::none: keys.accepted.push_back(std::move(key)); break;
      case Marker::revoked: keys.revoked.push_back(std::move(key)); break;
      case Marker::cert_authority: keys.authorities.push_back(std::move(key)); break;
    }
  }
  return {};
}

bool can_be_known_by(std::string_view name) {
  if (name.empty() || name.size() >= too_long_pattern) return false;
  if (name.front() == '|' || name.front() == '#' || name.front() == '@') return false;
  return std::none_of(name.begin(), name.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte <= ' ' || byte == 0x7f || c == ',' || c == '*' || c == '?' || c == '!';
  });
}

Result<std::string> format_hashed_name(std::string_view name, const Hash &salt) {
  TRY_ASSIGN(NameHasher hasher, NameHasher::create());
  TRY_ASSIGN(const Hash hash, hasher.hash(name, salt));
  return fmt::format("{}{}|{}", hash_magic, encode_hash(salt), encode_hash(hash));
}

std::string format_known_hosts_line(std::string_view names, std::string_view blob) {
  return fmt::format("{} {} {}", names, key_type(blob).value_or(std::string_view()),
                     core::encode_base64(blob));
}

}  // namespace fanout::ssh
