// Whole frames over a socket, for the sides that wait: the parent, the workers, and the key holder on its control socket.
#pragma once

#include <optional>
#include <string>

#include "fanout/core/deadline.hpp"
#include "fanout/core/result.hpp"
#include "fanout/sys/fd.hpp"
#include "fanout/wire/frame.hpp"

namespace fanout::keys {

// Blocks until everything is sent, wipes the bytes. ErrorKind::local when the peer is gone, ErrorKind::timeout.
core::Result<void> send_frame(int socket, std::string frame, core::Deadline deadline = {});

struct ReceivedFrame {
  wire::Frame frame;
  sys::UniqueFd fd;  // if one came with it
};
// Blocks until a whole frame is there. Reads no byte beyond it and keeps no copy, so that the receiver of a secret has
// the only one. ErrorKind::local when the peer is gone, ErrorKind::timeout, ErrorKind::protocol for a length over the bound.
core::Result<ReceivedFrame> receive_frame(int socket, core::Deadline deadline = {});
// The same, but nullopt when none has begun. Once it has, the rest is waited for.
core::Result<std::optional<ReceivedFrame>> receive_frame_if_any(int socket);

}  // namespace fanout::keys
