// The server's half of the first key exchange, read from its unencrypted part: the message SSH_MSG_KEX_ECDH_REPLY
// (RFC 5656, section 4; RFC 8731, section 3). Pure.
//
// libssh2 checks the signature itself but hands it out to nobody. Whoever signs a login for this session wants to see it.
#pragma once

#include <string>
#include <string_view>

#include "fanout/core/host_key_proof.hpp"
#include "fanout/ssh/plain_packets.hpp"

namespace fanout::ssh {

class KexReply {
public:
  static constexpr std::size_t limit_bytes = PlainPackets::limit_bytes;

  // The next bytes of the server, in any pieces, from the end of its KEXINIT on.
  void feed(std::string_view bytes);

  // True from NEWKEYS on, behind which all is encrypted, and when there is no sense in the bytes: nothing is looked at
  // any more.
  [[nodiscard]] bool finished() const { return finished_ || packets_.broken(); }

  // Host key and signature; empty until the reply has come, and for ever when the server sent none that can be read.
  [[nodiscard]] const core::HostKeyProof &proof() const { return proof_; }
  // Its ephemeral public key, Q_S.
  [[nodiscard]] const std::string &public_key() const { return public_key_; }

private:
  void look(std::string_view payload);

  PlainPackets packets_;
  bool seen_ = false;
  bool finished_ = false;
  core::HostKeyProof proof_;
  std::string public_key_;
};

}  // namespace fanout::ssh
