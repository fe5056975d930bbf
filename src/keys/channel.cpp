#include "channel.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <string_view>
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
using State = sys::Transfer::State;

namespace {

using Header = std::array<char, wire::header_bytes>;

// Tried before it is waited for: most of the time there is room, and the rest of a frame is there with its beginning.
Result<void> send_all(int socket, std::string_view bytes, Deadline deadline) {
  while (!bytes.empty()) {
    const sys::Transfer sent = sys::send_some(socket, bytes);
    if (sent.state == State::failed)
      return fail(core::system_error(ErrorKind::local, "write", sent.error));
    if (sent.state == State::would_block && !sys::wait_ready(socket, POLLOUT, deadline))
      return fail(ErrorKind::timeout, "write: timed out");
    bytes.remove_prefix(sent.count);
  }
  return {};
}

Result<void> receive_exactly(int socket, char *buffer, std::size_t size, Deadline deadline) {
  while (size > 0) {
    const sys::Transfer got = sys::receive_some(socket, buffer, size);
    if (got.state == State::end) return fail(ErrorKind::local, "read: unexpected end");
    if (got.state == State::failed)
      return fail(core::system_error(ErrorKind::local, "read", got.error));
    if (got.state == State::would_block && !sys::wait_ready(socket, POLLIN, deadline))
      return fail(ErrorKind::timeout, "read: timed out");
    buffer += got.count;
    size -= got.count;
  }
  return {};
}

}  // namespace

Result<void> send_frame(int socket, std::string frame, Deadline deadline) {
  const core::Secret bytes(std::move(frame));
  return send_all(socket, bytes.reveal(), deadline);
}

namespace {

// A descriptor comes with the first byte.
Result<sys::Received> begin_to_receive(int socket, Header &header) {
  TRY_ASSIGN(sys::Received first,
             sys::receive_with_fd(socket, header.data(), header.size(), MSG_DONTWAIT));
  if (first.count == 0 && !first.would_block) return fail(ErrorKind::local, "read: end");
  return first;
}

Result<ReceivedFrame> receive_rest(int socket, Header &header, sys::Received first,
                                   Deadline deadline) {
  ReceivedFrame received;
  received.fd = std::move(first.fd);
  TRY(receive_exactly(socket, header.data() + first.count, header.size() - first.count, deadline));
  wire::Decoder fields({header.data(), header.size()});
  const std::uint32_t size = fields.uint32();
  received.frame.type = fields.byte();
  if (size > wire::max_body_bytes) return fail(ErrorKind::protocol, "a frame over the bound");
  received.frame.body.resize(size);
  TRY(receive_exactly(socket, received.frame.body.data(), size, deadline));
  return received;
}

}  // namespace

Result<ReceivedFrame> receive_frame(int socket, Deadline deadline) {
  Header header{};
  TRY_ASSIGN(sys::Received first, begin_to_receive(socket, header));
  while (first.would_block) {
    if (!sys::wait_ready(socket, POLLIN, deadline))
      return fail(ErrorKind::timeout, "read: timed out");
    TRY_ASSIGN(first, begin_to_receive(socket, header));
  }
  return receive_rest(socket, header, std::move(first), deadline);
}

Result<std::optional<ReceivedFrame>> receive_frame_if_any(int socket) {
  Header header{};
  TRY_ASSIGN(sys::Received first, begin_to_receive(socket, header));
  if (first.would_block) return std::nullopt;
  return receive_rest(socket, header, std::move(first), {});
}

}  // namespace fanout::keys
