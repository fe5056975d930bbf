// Our own half of the first key exchange, as libssh2 sends it: identification, KEXINIT and SSH_MSG_KEX_ECDH_INIT
// (RFC 5656, section 4). The session identifier is a hash over these and the server's. Pure.
#pragma once

#include <string>
#include <string_view>

#include "fanout/ssh/plain_packets.hpp"

namespace fanout::ssh {

class ClientWords {
public:
  // The next bytes that we send, from the first on.
  void feed(std::string_view bytes);

  // True from NEWKEYS on: nothing is looked at any more.
  [[nodiscard]] bool finished() const { return finished_; }

  // Each is empty until it has been sent.
  [[nodiscard]] const std::string &identification() const { return identification_; }
  [[nodiscard]] const std::string &kexinit() const { return kexinit_; }        // payload
  [[nodiscard]] const std::string &public_key() const { return public_key_; }  // ephemeral, Q_C

private:
  void look(std::string_view payload);

  std::string line_;  // the identification, as long as it has no end
  PlainPackets packets_;
  bool finished_ = false;
  std::string identification_;
  std::string kexinit_;
  std::string public_key_;
};

}  // namespace fanout::ssh
