// A block starts with its size, so that release() knows how much of it may be looked at and wiped.

#include "fanout/ssh/packet_tap.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "fanout/wire/codec.hpp"

namespace fanout::ssh {

namespace {

struct alignas(std::max_align_t) BlockHeader {
  std::size_t size;
};

// RFC 4250, section 4.1.2
constexpr std::uint8_t msg_ext_info = 7;
constexpr std::uint8_t msg_userauth_failure = 51;
constexpr std::uint8_t msg_channel_data = 94;
constexpr std::uint8_t msg_channel_extended_data = 95;
constexpr std::uint8_t msg_channel_request = 98;

constexpr std::size_t max_text_bytes = 1024;

char *bytes_of(BlockHeader *header) { return static_cast<char *>(static_cast<void *>(header + 1)); }
BlockHeader *header_of(void *block) { return static_cast<BlockHeader *>(block) - 1; }

}  // namespace

void *PacketTap::allocate(std::size_t size) {
  if (size > memory_limit_bytes - used_bytes_) {
    memory_refused_ = true;
    return nullptr;
  }
  auto *header = static_cast<BlockHeader *>(std::malloc(sizeof(BlockHeader) + size));
  if (header == nullptr) return nullptr;
  header->size = size;
  used_bytes_ += size;
  return bytes_of(header);
}

void PacketTap::release(void *block) {
  if (block == nullptr) return;
  BlockHeader *header = header_of(block);
  if (block != distrusted_) look({bytes_of(header), header->size});
  distrusted_ = nullptr;
  used_bytes_ -= header->size;
  explicit_bzero(bytes_of(header), header->size);
  std::free(header);
}

void *PacketTap::reallocate(void *block, std::size_t size) {
  void *larger = allocate(size);
  if (larger == nullptr || block == nullptr) return larger;
  std::memcpy(larger, block, std::min(size, header_of(block)->size));
  release(block);
  return larger;
}

// Every block that libssh2 gives back comes here, not only packets, so each form is matched as strictly as it allows. The
// bytes after a payload are padding and MAC, so what follows the last field is not looked at. Whatever is matched is of
// the server's making: output of a command cannot be taken for it, since the payload of output begins with its own type.
void PacketTap::look(std::string_view payload) {
  wire::Decoder packet(payload);
  switch (packet.byte()) {
    case msg_ext_info: look_at_extensions(packet.rest()); break;
    case msg_userauth_failure: {
      const std::string_view methods = packet.string();
      const std::uint8_t partial = packet.byte();
      const bool plausible =
          methods.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789,-@._") ==
              std::string_view::npos &&
          methods.size() <= max_text_bytes && partial <= 1;
      if (!packet.ok() || !plausible) break;
      ++login_refusals_;
      login_methods_ = methods;
      partial_success_ = partial_success_ || partial == 1;
      break;
    }
    case msg_channel_data:
      if (packet.uint32() == channel_) {
        const std::string_view data = packet.string();
        if (packet.ok()) take_output(core::Stream::out, data);
      }
      break;
    case msg_channel_extended_data:
      if (packet.uint32() == channel_) {
        packet.uint32();
        const std::string_view data = packet.string();
        if (packet.ok()) take_output(core::Stream::err, data);
      }
      break;
    case msg_channel_request:
      if (packet.uint32() == channel_) look_at_request(packet.rest());
      break;
    default: break;
  }
}

void PacketTap::take_output(core::Stream stream, std::string_view data) {
  data_bytes_[static_cast<std::size_t>(stream)] += data.size();
  if (output_sink_) output_sink_(stream, data);
}

void PacketTap::look_at_request(std::string_view rest) {
  wire::Decoder request(rest);
  const std::string_view type = request.string();
  request.byte();  // want reply; false by rule, but not every server keeps it
  if (type == "exit-status") {
    const std::uint32_t status = request.uint32();
    if (request.ok()) exit_status_ = status;
  } else if (type == "exit-signal") {
    const std::string_view name = request.string();
    request.byte();  // core dumped
    const std::string_view message = request.string();
    if (!request.ok() || name.empty()) return;
    exit_signal_ = name.substr(0, max_text_bytes);
    exit_message_ = message.substr(0, max_text_bytes);
  }
}

void PacketTap::look_at_extensions(std::string_view rest) {
  wire::Decoder extensions(rest);
  const std::uint32_t count = extensions.uint32();
  // The count is the server's word; the loop ends with the bytes.
  for (std::uint32_t i = 0; i < count && extensions.ok(); ++i) {
    const std::string_view name = extensions.string();
    const std::string_view value = extensions.string();
    if (extensions.ok() && name == "server-sig-algs") signature_algorithms_ = value;
  }
}

}  // namespace fanout::ssh
