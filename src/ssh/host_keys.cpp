// The verdict on a host key, and the memory of accepted ones.
//
// The order of the questions in judge() is the policy. A host that is known by one type of key and shows another type
// has changed (as for OpenSSH): if it were unknown, accept-new would take any attacker's key of a type that the user
// has not seen yet.
#include "fanout/ssh/host_keys.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <exception>

#include <fmt/format.h>
#include <openssl/rand.h>

#include "fanout/ssh/fingerprint.hpp"

namespace fanout::ssh {

namespace {

using core::Deadline;
using core::ErrorKind;
using core::fail;
using core::HostKeyPolicy;
using core::Result;
using Decision = Verdict::Decision;

struct KeyType {
  std::string_view type;  // in the key
  std::string_view
      algorithms;  // in the key exchange: an RSA key signs in several ways, and SHA-1 is not one of ours
};
constexpr std::array offered_types{
    KeyType{"ssh-ed25519", "ssh-ed25519"},
    KeyType{"ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256"},
    KeyType{"ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384"},
    KeyType{"ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521"},
    KeyType{"ssh-rsa", "rsa-sha2-512,rsa-sha2-256"},
};

bool contains(const std::vector<KnownKey> &keys, std::string_view blob) {
  return std::any_of(keys.begin(), keys.end(),
                     [&](const KnownKey &key) { return key.blob == blob; });
}

bool is_offered(std::string_view type) {
  return std::any_of(offered_types.begin(), offered_types.end(),
                     [&](const KeyType &offered) { return offered.type == type; });
}

bool is_certificate(std::string_view type) { return type.ends_with("-cert-v01@openssh.com"); }

std::string place(const KnownKey &key) { return fmt::format("{}:{}", key.file, key.line); }

Verdict refuse(Refusal refusal, std::string cause) {
  return {Decision::refused, refusal, std::move(cause), {}};
}

Verdict accept(Decision decision) { return {decision, Refusal::none, {}, {}}; }

}  // namespace

core::Error Verdict::error() const {
  return {refusal == Refusal::failed ? ErrorKind::internal : ErrorKind::host_key, cause};
}

Result<HostKeys> HostKeys::load(Options options) {
  std::vector<KnownHostsFile> files;
  for (const std::string &path : options.files) {
    TRY_ASSIGN(KnownHostsFile file, KnownHostsFile::read(path));
    files.push_back(std::move(file));
  }
  return HostKeys(std::move(files), std::move(options.home));
}

Result<const KnownKeys *> HostKeys::look_up(const std::string &name) {
  if (const auto at = answers_.find(name); at != answers_.end()) return &at->second;
  KnownKeys keys;
  for (const KnownHostsFile &file : files_) TRY(file.content().find(name, keys));
  return &answers_.emplace(name, std::move(keys)).first->second;
}

Result<std::string> HostKeys::offered_algorithms(const HostKeyQuery &query) {
  TRY_ASSIGN(const KnownKeys *keys, look_up(known_hosts_name(query)));
  const auto is_known = [&](const KeyType &offered) {
    return std::any_of(keys->accepted.begin(), keys->accepted.end(), [&](const KnownKey &key) {
      return key_type(key.blob) == offered.type && !contains(keys->revoked, key.blob);
    });
  };
  std::string known;
  std::string others;
  for (const KeyType &offered : offered_types) {
    std::string &list = is_known(offered) ? known : others;
    if (!list.empty()) list += ',';
    list += offered.algorithms;
  }
  if (known.empty()) return others;
  return others.empty() ? known : known + ',' + others;
}

Verdict HostKeys::check(const HostKeyQuery &query, HostKeyPolicy policy,
                        std::string_view blob) noexcept {
  Verdict refusal;
  try {
    auto verdict = judge(known_hosts_name(query), policy, blob);
    if (verdict) return std::move(*verdict);
    refusal.cause = std::move(verdict.error().message);
  } catch (const std::exception &) {
    refusal.cause = "out of memory";  // short enough to need none
  }
  return refusal;
}

Result<Verdict> HostKeys::judge(const std::string &name, HostKeyPolicy policy,
                                std::string_view blob) {
  const auto type = check_key_blob(blob);
  if (!type)
    return refuse(Refusal::malformed,
                  fmt::format("host key of {}: {}", name, type.error().message));
  TRY_ASSIGN(const std::string shown, describe_key(blob));
  TRY_ASSIGN(const KnownKeys *keys, look_up(name));

  const auto revoked = std::find_if(keys->revoked.begin(), keys->revoked.end(),
                                    [&](const KnownKey &key) { return key.blob == blob; });
  if (revoked != keys->revoked.end())
    return refuse(Refusal::revoked,
                  fmt::format("host key of {} is revoked: {} in {}", name, shown, place(*revoked)));
  // A line with a certificate and no marker accepts nobody, so this comes before the accepted keys.
  if (is_certificate(*type))
    return refuse(
        Refusal::certificate,
        fmt::format("{} shows a host certificate, and host certificates are not supported", name));
  if (policy == HostKeyPolicy::off || contains(keys->accepted, blob))
    return accept(Decision::accepted);

  if (!keys->accepted.empty()) {
    // The old key of the same type is the one that the user will compare with.
    auto old = std::find_if(keys->accepted.begin(), keys->accepted.end(),
                            [&](const KnownKey &key) { return key_type(key.blob) == *type; });
    if (old == keys->accepted.end()) old = keys->accepted.begin();
    TRY_ASSIGN(const std::string expected, describe_key(old->blob));
    return refuse(Refusal::changed,
                  fmt::format("host key of {} has changed: {} has {}, the server shows {}", name,
                              place(*old), expected, shown));
  }
  if (!keys->authorities.empty())
    return refuse(
        Refusal::certificate,
        fmt::format(
            "{} is known only by the certificate authority in {}, and host certificates are not "
            "supported; the server shows {}",
            name, place(keys->authorities.front()), shown));
  if (!is_offered(*type))
    return refuse(
        Refusal::malformed,
        fmt::format("host key of {} is of a type that was not asked for: {}", name, shown));
  if (policy == HostKeyPolicy::accept_new) return accept(Decision::accepted_new);
  Verdict unknown = refuse(
      Refusal::unknown,
      fmt::format("unknown host key {} of {}; verify it and add it with --host-key accept-new",
                  shown, name));
  unknown.line = format_known_hosts_line(name, blob);
  return unknown;
}

Result<void> HostKeys::remember(const HostKeyQuery &query, std::string_view blob,
                                Deadline deadline) try {
  if (files_.empty())
    return fail(ErrorKind::local, "remember a host key: there is no known_hosts file");
  const std::string name = known_hosts_name(query);
  if (!can_be_known_by(name))
    return fail(ErrorKind::local, "remember a host key: known_hosts cannot hold such a host name");

  make_user_folder();
  KnownHostsFile &file = files_.front();
  const unsigned generation = file.generation();
  TRY_ASSIGN(const sys::UniqueFd locked, file.lock(deadline));
  if (file.generation() != generation) answers_.clear();

  TRY_ASSIGN(const Verdict verdict, judge(name, HostKeyPolicy::accept_new, blob));
  switch (verdict.decision) {
    case Decision::accepted: return {};
    case Decision::refused: return fail(verdict.error());
    case Decision::accepted_new: break;
  }
  std::string names = name;
  if (file.content().has_hashed_names()) {
    std::array<unsigned char, 20> salt{};
    if (RAND_bytes(salt.data(), static_cast<int>(salt.size())) != 1)
      return fail(ErrorKind::internal, "remember a host key: libcrypto has no random bytes");
    TRY_ASSIGN(names, format_hashed_name(name, salt));
  }
  TRY(file.append(locked, format_known_hosts_line(names, blob)));
  answers_.erase(name);
  return {};
} catch (const std::exception &) {
  return fail(ErrorKind::internal, "remember a host key: out of memory");
}

// As ssh does: only ~/.ssh itself is made. Whether it is there then is for open(2) to say.
void HostKeys::make_user_folder() const {
  if (home_.empty()) return;
  const std::string folder = home_ + "/.ssh";
  if (files_.front().content().path().starts_with(folder + '/')) ::mkdir(folder.c_str(), 0700);
}

}  // namespace fanout::ssh
