// A failure as a value.
//
// A failure crosses process boundaries, is counted, is printed by several reports and decides the exit code, so it is
// a closed kind plus one line of text: operation and object first ("connect 10.0.0.7:22: Connection refused"), one
// prefix a layer, lower case, no full stop. Made anywhere, owned by whoever holds it, never thrown.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace fanout::core {

enum class ErrorKind {
  usage,        // command line, inventory or selection: nobody was contacted
  local,        // this machine refused: a file, a descriptor, memory, the terminal
  resolve,      // the name has no address
  unreachable,  // no connection, or a connection that was lost
  host_key,     // unknown, changed or revoked
  auth,         // the server took none of what we may offer
  protocol,     // the peer broke SSH, or speaks no algorithm of ours
  remote,       // the host refused: a file, a folder, a command
  timeout,      // a deadline passed
  interrupted,  // the user told us to stop
  internal,     // a fault of our own
};

struct Error {
  ErrorKind kind = ErrorKind::internal;
  std::string message;

  // The same failure seen from one layer further up: "prefix: message".
  [[nodiscard]] Error within(std::string_view prefix) const {
    return {kind, std::string(prefix) + ": " + message};
  }
};

// "OPERATION OBJECT: strerror(error_number)"; the text form every failed system call takes.
Error system_error(ErrorKind kind, std::string_view operation, int error_number);

}  // namespace fanout::core
