#include "fanout/ssh/server_hello.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "fanout/ssh/name_list.hpp"
#include "fanout/wire/codec.hpp"

namespace fanout::ssh {

using core::ErrorKind;
using core::fail;
using core::Result;

namespace {

constexpr std::size_t max_line_bytes = 8 * 1024;
constexpr std::size_t max_identification_bytes = 253;  // RFC 4253, section 4.2, without its end
constexpr std::size_t max_lines_bytes = 64 * 1024;
constexpr std::size_t max_packet_bytes = 35'000;  // RFC 4253, section 6.1
constexpr std::uint8_t msg_disconnect = 1;
constexpr std::uint8_t msg_kexinit = 20;

// RFC 4253, section 4.2. OpenSSH takes more, but no server in use sends it.
bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

bool share_a_name(std::string_view ours, std::string_view theirs) {
  while (!ours.empty()) {
    const std::size_t comma = std::min(ours.find(','), ours.size());
    if (lists(theirs, ours.substr(0, comma))) return true;
    ours.remove_prefix(std::min(comma + 1, ours.size()));
  }
  return false;
}

}  // namespace

Result<void> ServerHello::feed(std::string_view bytes) {
  if (state_ == State::done) return {};
  buffer_.append(bytes);
  if (state_ == State::lines) TRY(read_lines());
  if (state_ == State::kexinit) TRY(read_kexinit());
  return {};
}

Result<void> ServerHello::read_lines() {
  for (;;) {
    const std::size_t end = buffer_.find('\n');
    const std::string_view line = std::string_view(buffer_).substr(0, end);
    if (line.size() > max_line_bytes)
      return fail(ErrorKind::protocol, "no SSH server: its first line does not end");
    if (line.find('\0') != std::string_view::npos)
      return fail(ErrorKind::protocol,
                  "no SSH server: it sent a null byte before its identification");
    if (end == std::string::npos) return {};
    std::string text(line);
    if (!text.empty() && text.back() == '\r') text.pop_back();
    buffer_.erase(0, end + 1);
    consumed_ += end + 1;
    if (text.starts_with("SSH-")) {
      if (!text.starts_with("SSH-2.0-") && !text.starts_with("SSH-1.99-"))
        return fail(ErrorKind::protocol, fmt::format("not SSH 2.0: the server says '{}'", text));
      if (text.size() > max_identification_bytes || !is_printable(text))
        return fail(ErrorKind::protocol,
                    fmt::format("bad identification: the server says '{}'", text.substr(0, 80)));
      identification_ = std::move(text);
      state_ = State::kexinit;
      return {};
    }
    if (!text.empty()) last_line_ = std::move(text);
    if (consumed_ > max_lines_bytes)
      return fail(
          ErrorKind::protocol,
          fmt::format("no SSH server: no identification in its first {} bytes", max_lines_bytes));
  }
}

Result<void> ServerHello::read_kexinit() {
  while (state_ == State::kexinit) {
    wire::Decoder packet(buffer_);
    const std::uint32_t length = packet.uint32();
    if (!packet.ok()) return {};
    if (length < 2 || length > max_packet_bytes)
      return fail(ErrorKind::protocol,
                  fmt::format("bad packet length {} before the key exchange", length));
    wire::Decoder body(packet.raw(length));
    if (!packet.ok()) return {};
    const std::uint8_t padding = body.byte();
    const std::uint8_t type = body.byte();
    if (padding > length - 2)
      return fail(ErrorKind::protocol, "bad packet padding before the key exchange");
    if (type == msg_disconnect) {
      body.uint32();  // reason
      const std::string_view text = body.string();
      return fail(ErrorKind::unreachable, text.empty()
                                              ? std::string("the server disconnected")
                                              : fmt::format("the server disconnected: {}", text));
    }
    if (type == msg_kexinit) {
      body.raw(16);  // cookie
      offer_.kex = body.string();
      offer_.host_keys = body.string();
      body.string();  // ciphers client to server; what matters for a message is the other direction's twin
      offer_.ciphers = body.string();
      body.string();
      offer_.macs = body.string();
      if (!body.ok()) return fail(ErrorKind::protocol, "bad KEXINIT from the server");
      // Behind the four bytes of the length and the one of the padding's.
      kexinit_ = buffer_.substr(5, length - 1 - padding);
      for (const std::string_view name : {"ext-info-c", "kex-strict-c-v00@openssh.com"})
        if (lists(offer_.kex, name))
          return fail(ErrorKind::protocol,
                      fmt::format("the server offers '{}', which only clients may", name));
      state_ = State::done;
    }
    consumed_ += 4 + length;
    if (state_ == State::done) released_ = consumed_;
    buffer_.erase(0, 4 + length);
  }
  buffer_.clear();
  buffer_.shrink_to_fit();
  return {};
}

std::string ServerHello::mismatch(std::string_view our_kex, std::string_view our_host_keys,
                                  std::string_view our_ciphers, std::string_view our_macs) const {
  const auto nothing_common = [](std::string_view kind, std::string_view theirs,
                                 std::string_view ours) {
    return fmt::format("no common {}; the server offers only {}; we take {}", kind, theirs, ours);
  };
  if (state_ != State::done) return {};
  if (!share_a_name(our_kex, offer_.kex))
    return nothing_common("key exchange", offer_.kex, our_kex);
  if (!share_a_name(our_host_keys, offer_.host_keys))
    return nothing_common("host key type", offer_.host_keys, our_host_keys);
  if (!share_a_name(our_ciphers, offer_.ciphers))
    return nothing_common("cipher", offer_.ciphers, our_ciphers);
  if (!share_a_name(our_macs, offer_.macs)) return nothing_common("MAC", offer_.macs, our_macs);
  return {};
}

}  // namespace fanout::ssh
