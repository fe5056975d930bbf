#include "channel.hpp"

#include <poll.h>

#include <array>
#include <utility>

#include "fanout/core/secret.hpp"
#include "fanout/sys/io.hpp"
#include "fanout/sys/passing.hpp"
#include "fanout/wire/codec.hpp"

namespace fanout::keys {

using core::Deadline;
using core::ErrorKind;
using core::fail;
using core::Result;

Result<void> send_frame(int socket, std::string frame, Deadline deadline) {
  const core::Secret bytes(std::move(frame));
  return sys::write_all(socket, bytes.reveal(), deadline);
}

Result<ReceivedFrame> receive_frame(int socket, Deadline deadline) {
  ReceivedFrame received;
  std::array<char, wire::header_bytes> header{};
  if (!sys::wait_ready(socket, POLLIN, deadline))
    return fail(ErrorKind::timeout, "read: timed out");
  // A descriptor comes with the first byte.
  TRY_ASSIGN(sys::Received first, sys::receive_with_fd(socket, header.data(), header.size()));
  if (first.count == 0 && !first.would_block) return fail(ErrorKind::local, "read: end");
  received.fd = std::move(first.fd);
  TRY(sys::read_exactly(socket, header.data() + first.count, header.size() - first.count,
                        deadline));
  wire::Decoder fields({header.data(), header.size()});
  const std::uint32_t size = fields.uint32();
  received.frame.type = fields.byte();
  if (size > wire::max_body_bytes) return fail(ErrorKind::protocol, "a frame over the bound");
  received.frame.body.resize(size);
  TRY(sys::read_exactly(socket, received.frame.body.data(), size, deadline));
  return received;
}

}  // namespace fanout::keys
