// A block starts with its size, so that release() knows how much of it may be looked at and wiped. Blocks know their
// neighbours, too: a login banner stays in libssh2's queue until the session is freed, and has to be found there.

#include "fanout/ssh/packet_tap.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "fanout/core/secret.hpp"
#include "fanout/wire/codec.hpp"

namespace fanout::ssh {

struct alignas(std::max_align_t) PacketTap::Block {
  Block *older;
  Block *newer;
  std::size_t size;

  char *bytes() { return static_cast<char *>(static_cast<void *>(this + 1)); }
  [[nodiscard]] std::string_view view() { return {bytes(), size}; }
  static Block *of(void *bytes) { return static_cast<Block *>(bytes) - 1; }
};

namespace {

// RFC 4250, section 4.1.2
constexpr std::uint8_t msg_disconnect = 1;
constexpr std::uint8_t msg_ext_info = 7;
constexpr std::uint8_t msg_userauth_failure = 51;
constexpr std::uint8_t msg_userauth_banner = 53;
constexpr std::uint8_t msg_channel_data = 94;
constexpr std::uint8_t msg_channel_extended_data = 95;
constexpr std::uint8_t msg_channel_request = 98;

constexpr std::uint32_t last_disconnect_reason = 15;  // RFC 4250, section 4.2.2
constexpr std::uint32_t extended_data_stderr = 1;     // RFC 4254, section 5.2

constexpr std::size_t max_text_bytes = 1024;

// 521 bits and a leading zero; and far more blocks than look like a secret.
constexpr std::size_t max_secret_bytes = 67;
constexpr std::size_t max_secrets = 16;

// The text of a login banner, empty for anything else.
std::string_view banner_of(std::string_view payload) {
  wire::Decoder packet(payload);
  if (packet.byte() != msg_userauth_banner) return {};
  const std::string_view text = packet.string();
  packet.string();  // language
  return packet.ok() ? text : std::string_view();
}

void append_banner(std::string &banner, std::string_view text) {
  banner += text.substr(0, PacketTap::login_banner_limit_bytes - banner.size());
}

}  // namespace

void *PacketTap::allocate(std::size_t size) {
  if (size > memory_limit_bytes - used_bytes_) {
    memory_refused_ = true;
    return nullptr;
  }
  // Zeroed as long as blocks are searched for banners: a packet of which half has come must not end in old memory.
  void *memory =
      channel_ ? std::malloc(sizeof(Block) + size) : std::calloc(1, sizeof(Block) + size);
  if (memory == nullptr) return nullptr;
  auto *block = static_cast<Block *>(memory);
  block->size = size;
  block->older = newest_;
  block->newer = nullptr;
  (newest_ == nullptr ? oldest_ : newest_->newer) = block;
  newest_ = block;
  used_bytes_ += size;
  return block->bytes();
}

void PacketTap::release(void *bytes) {
  if (bytes == nullptr) return;
  Block *block = Block::of(bytes);
  if (collects_secrets_) look_for_secret(block->view());
  if (bytes != distrusted_) look(block->view());
  distrusted_ = nullptr;
  (block->older == nullptr ? oldest_ : block->older->newer) = block->newer;
  (block->newer == nullptr ? newest_ : block->newer->older) = block->older;
  used_bytes_ -= block->size;
  explicit_bzero(block->bytes(), block->size);
  std::free(block);
}

void PacketTap::look_for_secret(std::string_view block) {
  if (block.size() < 5 || block.size() > 4 + max_secret_bytes || secrets_.size() == max_secrets)
    return;
  wire::Decoder value(block);
  const std::string_view number = value.string();
  if (value.finished() && static_cast<signed char>(number.front()) >= 0)
    secrets_.emplace_back(block);
}

void PacketTap::forget_secrets() {
  for (std::string &secret : secrets_) core::wipe(secret);
  secrets_.clear();
  collects_secrets_ = false;
}

void *PacketTap::reallocate(void *bytes, std::size_t size) {
  void *larger = allocate(size);
  if (larger == nullptr || bytes == nullptr) return larger;
  std::memcpy(larger, bytes, std::min(size, Block::of(bytes)->size));
  release(bytes);
  return larger;
}

std::string PacketTap::login_banner() const {
  std::string banner = login_banner_;
  for (Block *block = oldest_; block != nullptr; block = block->newer)
    append_banner(banner, banner_of(block->view()));
  return banner;
}

void PacketTap::watch_channel(std::uint32_t local_channel) {
  if (channel_ == local_channel) return;
  channel_ = local_channel;
  exit_status_.reset();
  exit_signal_.clear();
  exit_message_.clear();
  input_refused_ = false;
  data_bytes_ = {};
  undefined_data_type_.reset();
}

void PacketTap::look_for_undefined_data() {
  for (Block *block = oldest_; block != nullptr; block = block->newer) {
    wire::Decoder packet(block->view());
    if (packet.byte() != msg_channel_extended_data || packet.uint32() != channel_) continue;
    const std::uint32_t type = packet.uint32();
    packet.string();
    if (packet.ok() && type != extended_data_stderr) undefined_data_type_ = type;
  }
}

// Every block that libssh2 gives back comes here, not only packets, so each form is matched as strictly as it allows. The
// bytes after a payload are padding and MAC, so what follows the last field is not looked at. Whatever is matched is of
// the server's making: output of a command cannot be taken for it, since the payload of output begins with its own type.
void PacketTap::look(std::string_view payload) {
  wire::Decoder packet(payload);
  switch (packet.byte()) {
    case msg_disconnect:
      if (!channel_) look_at_disconnect(packet.rest());
      break;
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
      partial_successes_ += partial;
      break;
    }
    case msg_userauth_banner:
      if (!channel_) append_banner(login_banner_, banner_of(payload));
      break;
    case msg_channel_data:
      if (packet.uint32() == channel_) {
        const std::string_view data = packet.string();
        if (packet.ok()) take_output(core::Stream::out, data);
      }
      break;
    case msg_channel_extended_data:
      if (packet.uint32() == channel_) {
        const std::uint32_t type = packet.uint32();
        const std::string_view data = packet.string();
        if (!packet.ok()) break;
        if (type == extended_data_stderr)
          take_output(core::Stream::err, data);
        else
          undefined_data_type_ = type;
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

void PacketTap::look_at_disconnect(std::string_view rest) {
  wire::Decoder message(rest);
  const std::uint32_t reason = message.uint32();
  const std::string_view text = message.string();
  message.string();  // language
  if (message.ok() && reason > 0 && reason <= last_disconnect_reason)
    disconnect_text_ = text.substr(0, max_text_bytes);
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
  } else if (type == "eow@openssh.com") {
    input_refused_ = true;
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
