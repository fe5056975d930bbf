// The keys of a run: those in files, those in the agent, and which of them a host is offered. Lives in the key holder.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agent.hpp"
#include "fanout/core/result.hpp"
#include "fanout/core/secret.hpp"
#include "fanout/keys/public_key.hpp"
#include "private_key.hpp"

namespace fanout::keys {

// sshd counts each as a try and ends the sixth (MaxAuthTries).
inline constexpr std::size_t max_offered_keys = 5;

// Asks the user on the terminal. ErrorKind::usage when there is none.
using AskPassphrase = std::function<core::Result<core::Secret>(const std::string &question)>;

// A key file as it was found. Which of the two can sign, file or agent, shows at the end of loading.
struct KeyFile {
  std::string path;
  bool configured = false;              // by the user, as opposed to a default place
  std::optional<PrivateKey> key;        // once it is open
  std::optional<PublicKey> public_key;  // known earlier, and alone when the file is a public key
  std::optional<PublicKey> certificate;
  bool in_agent = false;     // the plain key or the certificate
  core::Secret locked_text;  // of an encrypted file that nobody has asked about yet
  std::string note;          // why a default file, or a certificate, is not used

  [[nodiscard]] bool usable() const { return key.has_value() || in_agent; }
};

// One key as a host is offered it, and who signs.
struct Offer {
  PublicKey key;
  std::optional<std::size_t> file;     // index of the open key file, else the agent signs
  std::optional<PublicKey> agent_key;  // under which the agent knows it
};

class Identities {
public:
  // `agent` may be null; it is asked for its keys at the first call of add() or finish().
  Identities(Agent *agent, AskPassphrase ask_passphrase);

  // Reads one file; blocks while the user is asked, and while the agent is. ErrorKind::usage when a configured one cannot be
  // used. A default one that cannot be used is left out, with a note unless it merely does not exist.
  core::Result<std::uint32_t> add(const std::string &path, bool configured);

  // Asks for the passphrases of default files if there is no other key.
  core::Result<void> finish();

  // In the order in which they are tried, at most max_offered_keys. No identity means the default files.
  [[nodiscard]] std::vector<Offer> offers(const std::vector<std::uint32_t> &identities) const;

  // The open key file that signs for this offer; null when the agent does. Valid until the next add().
  [[nodiscard]] const PrivateKey *private_key(const Offer &offer) const;

  [[nodiscard]] const std::vector<KeyFile> &files() const { return files_; }
  [[nodiscard]] const std::vector<PublicKey> &agent_keys() const { return agent_keys_; }
  [[nodiscard]] const std::string &agent_note() const { return agent_note_; }

private:
  void list_agent();
  [[nodiscard]] const PublicKey *find_in_agent(const std::string &blob) const;
  core::Result<KeyFile> open(const std::string &path, bool configured);
  core::Result<void> unlock(KeyFile &file);

  Agent *agent_;
  AskPassphrase ask_passphrase_;
  bool agent_listed_ = false;
  std::vector<PublicKey> agent_keys_;
  std::string agent_note_;  // why there are none
  std::vector<KeyFile> files_;
};

}  // namespace fanout::keys
