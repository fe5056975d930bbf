#include "identities.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "key_files.hpp"
#include "quoted.hpp"

namespace fanout::keys {

using core::ErrorKind;
using core::fail;
using core::Result;
using core::Secret;

namespace {

constexpr int passphrase_tries = 3;

std::string name_of(const std::string &path) { return fmt::format("key {}", quoted(path)); }

// A public key beside the private one, for what the private file does not say in clear. It is a hint: a wrong one
// leads to a key that nobody can sign with, not to a wrong signature.
std::optional<PublicKey> read_public_key(const std::string &path) {
  const Result<Secret> text = read_key_file(path);
  if (!text) return std::nullopt;
  Result<PublicKey> key = parse_public_key_file(text->reveal());
  if (!key) return std::nullopt;
  return *std::move(key);
}

// The certificate in PATH-cert.pub. Without it the key is used alone; why a file that is there is not used stands in `note`.
std::optional<PublicKey> read_certificate(const std::string &path, const PublicKey &key,
                                          std::string &note) {
  const std::string certificate_path = path + "-cert.pub";
  const auto unused = [&](std::string_view why) {
    note = fmt::format("certificate {} is not used: {}", quoted(certificate_path), why);
    return std::nullopt;
  };
  const Result<Secret> text = read_key_file(certificate_path);
  if (!text) {
    if (text.error().kind == ErrorKind::local) return std::nullopt;
    return unused(text.error().message);
  }
  Result<PublicKey> certificate = parse_public_key_file(text->reveal());
  if (!certificate) return unused(certificate.error().message);
  if (!is_certificate(*certificate)) return unused("it is a plain public key");
  if (plain_key_blob(*certificate) != key.blob) return unused("it is about another key");
  return *std::move(certificate);
}

// Offers are collected by blob, so that a key in two places is offered once.
class OfferList {
public:
  void add(Offer offer) {
    const bool known = std::any_of(offers_.begin(), offers_.end(), [&](const Offer &other) {
      return other.key.blob == offer.key.blob;
    });
    if (!known && offers_.size() < max_offered_keys) offers_.push_back(std::move(offer));
  }
  std::vector<Offer> take() { return std::move(offers_); }

private:
  std::vector<Offer> offers_;
};

}  // namespace

Identities::Identities(Agent *agent, AskPassphrase ask_passphrase)
    : agent_(agent), ask_passphrase_(std::move(ask_passphrase)) {}

void Identities::list_agent() {
  if (std::exchange(agent_listed_, true) || agent_ == nullptr) return;
  auto keys = agent_->list();
  if (keys)
    agent_keys_ = *std::move(keys);
  else
    agent_note_ = std::move(keys).error().message;
}

const PublicKey *Identities::find_in_agent(const std::string &blob) const {
  const auto found = std::find_if(agent_keys_.begin(), agent_keys_.end(),
                                  [&](const PublicKey &key) { return key.blob == blob; });
  return found == agent_keys_.end() ? nullptr : &*found;
}

Result<KeyFile> Identities::open(const std::string &path, bool configured) {
  KeyFile file;
  file.path = path;
  file.configured = configured;
  TRY_ASSIGN(Secret text, read_key_file(path));
  const bool is_public = is_public_key_file(text.reveal());
  bool encrypted = false;
  if (is_public) {
    TRY_ASSIGN(file.public_key, parse_public_key_file(text.reveal()));
  } else {
    TRY_ASSIGN(const KeyFileFacts facts, inspect_key_file(text.reveal()));
    encrypted = facts.encrypted;
    if (!encrypted) {
      TRY_ASSIGN(file.key, PrivateKey::parse(text.reveal()));
      file.public_key = file.key->public_key();
    } else if (!facts.public_blob.empty()) {
      TRY_ASSIGN(file.public_key, parse_public_key(facts.public_blob, {}));
    } else {
      file.public_key = read_public_key(path + ".pub");
    }
  }
  if (file.public_key) {
    if (!is_public) file.certificate = read_certificate(path, *file.public_key, file.note);
    file.in_agent = find_in_agent(file.public_key->blob) != nullptr;
    if (file.certificate && find_in_agent(file.certificate->blob) != nullptr) file.in_agent = true;
  }
  if (is_public && !file.in_agent)
    return fail(ErrorKind::usage, "it is a public key, and no agent holds the private one");
  if (encrypted && !file.in_agent) file.locked_text = std::move(text);
  return file;
}

Result<void> Identities::unlock(KeyFile &file) {
  std::string question = fmt::format("Enter passphrase for key {}: ", quoted(file.path));
  for (int i = 0; i < passphrase_tries; ++i) {
    TRY_ASSIGN(const Secret passphrase, ask_passphrase_(question));
    // To leave a default key out is the user's right.
    if (passphrase.empty() && !file.configured) return fail(ErrorKind::auth, "left out");
    Result<PrivateKey> key = PrivateKey::parse(file.locked_text.reveal(), passphrase.reveal());
    if (key) {
      file.key = *std::move(key);
      file.public_key = file.key->public_key();
      file.certificate = read_certificate(file.path, *file.public_key, file.note);
      file.locked_text.wipe();
      return {};
    }
    if (key.error().kind != ErrorKind::auth) return fail(key.error());
    question = fmt::format("Wrong passphrase. Enter passphrase for key {}: ", quoted(file.path));
  }
  return fail(ErrorKind::auth, fmt::format("wrong passphrase, {} times", passphrase_tries));
}

Result<std::uint32_t> Identities::add(const std::string &path, bool configured) {
  list_agent();
  // Many hosts may name one file; nobody should be asked for its passphrase more than once.
  const auto same = std::find_if(files_.begin(), files_.end(), [&](const KeyFile &file) {
    return file.path == path && file.configured == configured;
  });
  if (same != files_.end()) return static_cast<std::uint32_t>(same - files_.begin());
  const auto id = static_cast<std::uint32_t>(files_.size());
  Result<KeyFile> file = open(path, configured);
  Result<void> unlocked;
  if (file && configured && !file->locked_text.empty()) unlocked = unlock(*file);
  if (configured) {
    // Whatever it is, the user named a key that cannot be used: nobody is contacted.
    if (!file) return fail(ErrorKind::usage, name_of(path) + ": " + file.error().message);
    if (!unlocked) return fail(ErrorKind::usage, name_of(path) + ": " + unlocked.error().message);
  }
  if (!file) {
    KeyFile missing;
    missing.path = path;
    if (file.error().kind != ErrorKind::local)
      missing.note = name_of(path) + ": " + file.error().message;
    files_.push_back(std::move(missing));
    return id;
  }
  files_.push_back(*std::move(file));
  return id;
}

Result<void> Identities::finish() {
  list_agent();
  const auto any_usable = [&] {
    return !agent_keys_.empty() || std::any_of(files_.begin(), files_.end(),
                                               [](const KeyFile &file) { return file.usable(); });
  };
  for (KeyFile &file : files_) {
    if (file.locked_text.empty()) continue;
    std::string why = "encrypted, and not needed";
    if (!any_usable()) {
      Result<void> unlocked = unlock(file);
      if (unlocked) continue;
      // Interrupted, as opposed to not wanted, not known or nobody there to ask.
      if (unlocked.error().kind == ErrorKind::local) return unlocked;
      why = "encrypted: " + unlocked.error().message;
    }
    file.locked_text.wipe();
    file.note = fmt::format("{}: {}", name_of(file.path), why);
  }
  return {};
}

std::vector<Offer> Identities::offers(const std::vector<std::uint32_t> &identities) const {
  OfferList list;
  std::vector<std::size_t> wanted(identities.begin(), identities.end());
  if (identities.empty())
    for (std::size_t i = 0; i < files_.size(); ++i)
      if (!files_[i].configured) wanted.push_back(i);

  const auto add_file = [&](std::size_t index) {
    const KeyFile &file = files_[index];
    if (!file.usable()) return;
    const auto add = [&](const PublicKey &key) {
      const PublicKey *held = find_in_agent(key.blob);
      // A certificate in a file works with the plain key in the agent.
      if (held == nullptr && file.public_key) held = find_in_agent(file.public_key->blob);
      if (!file.key && held == nullptr) return;
      list.add({{key.blob, key.type, file.path},
                file.key ? std::optional<std::size_t>(index) : std::nullopt,
                held != nullptr ? std::optional<PublicKey>(*held) : std::nullopt});
    };
    if (file.certificate) add(*file.certificate);
    if (file.public_key) add(*file.public_key);
  };
  const auto add_agent_keys = [&] {
    for (const PublicKey &key : agent_keys_) list.add({key, std::nullopt, key});
  };

  for (const std::size_t index : wanted)
    if (files_[index].in_agent) add_file(index);
  // What the user named comes before what merely happens to be in the agent, and that before default places.
  if (identities.empty()) add_agent_keys();
  for (const std::size_t index : wanted) add_file(index);
  add_agent_keys();
  return list.take();
}

const PrivateKey *Identities::private_key(const Offer &offer) const {
  if (!offer.file || !files_[*offer.file].key) return nullptr;
  return &*files_[*offer.file].key;
}

}  // namespace fanout::keys
