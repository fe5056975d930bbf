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

#include "fanout/ssh/algorithms.hpp"
#include "fanout/ssh/fingerprint.hpp"

namespace fanout::ssh {

namespace {

using core::Deadline;
using core::ErrorKind;
using core::fail;
using core::HostKeyPolicy;
using core::Result;
using Decision = Verdict::Decision;

bool contains(const std::vector<KnownKey> &keys, std::string_view blob) {
  return std::any_of(keys.begin(), keys.end(),
                     [&](const KnownKey &key) { return key.blob == blob; });
}

bool is_offered(std::string_view type) {
  return std::any_of(host_key_types.begin(), host_key_types.end(),
                     [&](const HostKeyType &offered) { return offered.type == type; });
}

bool is_certificate(std::string_view type) { return type.ends_with("-cert-v01@openssh.com"); }

std::string place(const KnownKey &key) { return fmt::format("{}:{}", key.file, key.line); }

Verdict refuse(Refusal refusal, std::string cause) {
  return {Decision::refused, refusal, std::move(cause), {}};
}

Verdict accept(Decision decision) { return {decision, Refusal::none, {}, {}}; }

Result<Verdict> judge(const std::string &name, const KnownKeys &keys, HostKeyPolicy policy,
                      std::string_view blob) {
  const auto type = check_key_blob(blob);
  if (!type)
    return refuse(Refusal::malformed,
                  fmt::format("host key of {}: {}", name, type.error().message));
  TRY_ASSIGN(const std::string shown, describe_key(blob));

  const auto revoked = std::find_if(keys.revoked.begin(), keys.revoked.end(),
                                    [&](const KnownKey &key) { return key.blob == blob; });
  if (revoked != keys.revoked.end())
    return refuse(Refusal::revoked,
                  fmt::format("host key of {} is revoked: {} in {}", name, shown, place(*revoked)));
  // A line with a certificate and no marker accepts nobody, so this comes before the accepted keys.
  if (is_certificate(*type))
    return refuse(
        Refusal::certificate,
        fmt::format("{} shows a host certificate, and host certificates are not supported", name));
  if (policy == HostKeyPolicy::off || contains(keys.accepted, blob))
    return accept(Decision::accepted);

  if (!keys.accepted.empty()) {
    // The old key of the same type is the one that the user will compare with.
    auto old = std::find_if(keys.accepted.begin(), keys.accepted.end(),
                            [&](const KnownKey &key) { return key_type(key.blob) == *type; });
    if (old == keys.accepted.end()) old = keys.accepted.begin();
    TRY_ASSIGN(const std::string expected, describe_key(old->blob));
    return refuse(Refusal::changed,
                  fmt::format("host key of {} has changed: {} has {}, the server shows {}", name,
                              place(*old), expected, shown));
  }
  if (!keys.authorities.empty())
    return refuse(
        Refusal::certificate,
        fmt::format(
            "{} is known only by the certificate authority in {}, and host certificates are not "
            "supported; the server shows {}",
            name, place(keys.authorities.front()), shown));
  if (!is_offered(*type))
    return refuse(
        Refusal::malformed,
        fmt::format("host key of {} is of a type that was not asked for: {}", name, shown));
  if (policy == HostKeyPolicy::accept_new) return accept(Decision::accepted_new);
  Verdict unknown =
      refuse(Refusal::unknown,
             fmt::format("unknown host key {} of {}; verify it and record it with fanout trust",
                         shown, name));
  unknown.line = format_known_hosts_line(name, blob);
  return unknown;
}

}  // namespace

Result<std::vector<ScannedKey>> weigh(const std::string &name, const KnownKeys &known,
                                      std::span<const std::string> proven) {
  const bool proves_a_known_one =
      std::any_of(proven.begin(), proven.end(), [&](const std::string &blob) {
        return contains(known.accepted, blob) && !contains(known.revoked, blob);
      });
  std::vector<ScannedKey> keys;
  for (const std::string &blob : proven) {
    using Standing = ScannedKey::Standing;
    if (std::any_of(keys.begin(), keys.end(),
                    [&](const ScannedKey &other) { return other.blob == blob; }))
      continue;
    TRY_ASSIGN(Verdict verdict, judge(name, known, HostKeyPolicy::accept_new, blob));
    ScannedKey &key = keys.emplace_back(
        ScannedKey{blob, Standing::refused, verdict.refusal, std::move(verdict.cause)});
    switch (verdict.decision) {
      case Decision::accepted: key.standing = Standing::known; break;
      case Decision::accepted_new: key.standing = Standing::first; break;
      case Decision::refused:
        // judge() sees one key at a time, and so cannot know of the other one. A host that still has its known key has
        // not changed, which is all that the known one says: it does not make this one the host's. Where a key of the
        // same type is known, it is that one which has changed.
        if (verdict.refusal == Refusal::changed && proves_a_known_one &&
            is_offered(key_type(blob).value_or(std::string_view())) &&
            std::none_of(known.accepted.begin(), known.accepted.end(), [&](const KnownKey &other) {
              return key_type(other.blob) == key_type(blob);
            }))
          key = {blob, Standing::further, Refusal::none, {}};
        break;
    }
  }
  return keys;
}

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
  const auto is_known = [&](const HostKeyType &offered) {
    return std::any_of(keys->accepted.begin(), keys->accepted.end(), [&](const KnownKey &key) {
      return key_type(key.blob) == offered.type && !contains(keys->revoked, key.blob);
    });
  };
  std::string known;
  std::string others;
  for (const HostKeyType &offered : host_key_types) {
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
    const std::string name = known_hosts_name(query);
    const auto keys = look_up(name);
    auto verdict = keys ? judge(name, **keys, policy, blob) : fail(keys.error());
    if (verdict) return std::move(*verdict);
    refusal.cause = std::move(verdict.error().message);
  } catch (const std::exception &) {
    refusal.cause = "out of memory";  // short enough to need none
  }
  return refusal;
}

Result<void> HostKeys::remember(const HostKeyQuery &query, std::string_view blob,
                                Deadline deadline) try {
  const std::array<std::string, 1> alone{std::string(blob)};
  TRY(remember_all(query, alone, deadline));
  return {};
} catch (const std::exception &) {
  return fail(ErrorKind::internal, "remember a host key: out of memory");
}

Result<std::vector<ScannedKey>> HostKeys::compare(const HostKeyQuery &query,
                                                  std::span<const std::string> proven) {
  const std::string name = known_hosts_name(query);
  TRY_ASSIGN(const KnownKeys *known, look_up(name));
  return weigh(name, *known, proven);
}

Result<std::size_t> HostKeys::remember_all(const HostKeyQuery &query,
                                           std::span<const std::string> proven,
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

  TRY_ASSIGN(const std::vector<ScannedKey> keys, compare(query, proven));
  for (const ScannedKey &key : keys)
    if (key.standing == ScannedKey::Standing::refused)
      return fail(refuse(key.refusal, key.cause).error());
  std::size_t written = 0;
  for (const ScannedKey &key : keys) {
    if (key.standing != ScannedKey::Standing::first) continue;
    TRY_ASSIGN(const std::string names, written_name(name));
    answers_.erase(name);
    TRY(file.append(locked, format_known_hosts_line(names, key.blob)));
    ++written;
  }
  return written;
} catch (const std::exception &) {
  return fail(ErrorKind::internal, "remember a host key: out of memory");
}

// Each line gets a salt of its own, as ssh does it.
Result<std::string> HostKeys::written_name(const std::string &name) const {
  if (!files_.front().content().has_hashed_names()) return name;
  std::array<unsigned char, 20> salt{};
  if (RAND_bytes(salt.data(), static_cast<int>(salt.size())) != 1)
    return fail(ErrorKind::internal, "remember a host key: libcrypto has no random bytes");
  return format_hashed_name(name, salt);
}

// As ssh does: only ~/.ssh itself is made. Whether it is there then is for open(2) to say.
void HostKeys::make_user_folder() const {
  if (home_.empty()) return;
  const std::string folder = home_ + "/.ssh";
  if (files_.front().content().path().starts_with(folder + '/')) ::mkdir(folder.c_str(), 0700);
}

}  // namespace fanout::ssh
