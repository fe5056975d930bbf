// That a session is with the server of a certain host key, for somebody who has seen nothing of it.
//
// A signature alone would not do: whoever has a host key can sign the session identifier of anybody's session with it,
// and what a client signs to log in (RFC 4252, section 7) names no host key but that identifier. The identifier is a hash,
// though, and the server's host key is part of what it is taken over (RFC 4253, section 8; RFC 5656, section 4). Who
// shows all of that has shown whose session it is.
#pragma once

#include <string>

namespace fanout::core {

struct HostKeyProof {
  std::string host_key;  // the public key blob, as on the wire
  std::string
      signature;  // the signature structure: algorithm name and bytes, over the session identifier
  // What the session identifier is the hash of: both identifications, both KEXINITs, the host key, each as a string, and
  // what the method of key exchange adds. Ends with the secret that client and server share.
  std::string exchange = {};
};

}  // namespace fanout::core
