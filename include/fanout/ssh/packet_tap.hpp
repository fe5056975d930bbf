// What the server really said: every decrypted packet, seen through the allocator that we give to libssh2.
//
// libssh2 1.11.1 puts each decrypted payload into memory from the session's allocator and gives it back through the
// session's free function. There we read it. That tells, with public calls only and with any build of the library, what
// its interface does not: whether an exit status was sent at all (it answers 0 when there was none), that data beyond
// the window was thrown away, which login methods the server still accepts, which RSA signatures it takes, what its login
// banner says.
// The same allocator bounds the memory that a server can make us use.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fanout/core/status.hpp"

namespace fanout::ssh {

class PacketTap {
public:
  // A generous multiple of a normal session's 85 KiB plus a full window; more is refused (out of memory, -6).
  static constexpr std::size_t memory_limit_bytes = 32 << 20;
  static constexpr std::size_t login_banner_limit_bytes = 4 << 10;

  PacketTap() = default;
  PacketTap(const PacketTap &) = delete;
  PacketTap &operator=(const PacketTap &) = delete;

  // For libssh2_session_init_ex. Blocks are wiped when they are given back.
  void *allocate(std::size_t size);
  void *reallocate(void *block, std::size_t size);
  void release(void *block);
  // This block holds a packet whose MAC was wrong: it is not looked at when it is given back.
  void distrust(const void *block) { distrusted_ = block; }

  // What may be the secret of a key exchange, as it is hashed (an mpint, RFC 4251, section 5), of the blocks that were
  // given back since the beginning; libssh2 tells it to nobody. Nothing is collected once they are forgotten, and they are
  // wiped with it.
  [[nodiscard]] const std::vector<std::string> &secrets() const { return secrets_; }
  void forget_secrets();

  // Channel requests and data are only looked for from here on, on this channel of ours. What was seen of another one is
  // forgotten.
  void watch_channel(std::uint32_t local_channel);
  [[nodiscard]] std::optional<std::uint32_t> watched_channel() const { return channel_; }

  [[nodiscard]] std::optional<std::uint32_t> exit_status() const { return exit_status_; }
  [[nodiscard]] const std::string &exit_signal() const {
    return exit_signal_;
  }  // "TERM"; empty when none came
  [[nodiscard]] const std::string &exit_message() const { return exit_message_; }
  // The command reads no more of its standard input (eow@openssh.com; OpenSSH, PROTOCOL, section 2.1).
  [[nodiscard]] bool input_refused() const { return input_refused_; }
  // Bytes of output that the server sent, whether libssh2 kept them or not; complete once all of it has been read.
  [[nodiscard]] std::uint64_t data_bytes() const { return data_bytes_[0] + data_bytes_[1]; }
  [[nodiscard]] std::uint64_t data_bytes(core::Stream stream) const {
    return data_bytes_[static_cast<std::size_t>(stream)];
  }
  // The type of extended data that is not stderr, of which there is none (RFC 4254, section 5.2): that output is lost.
  [[nodiscard]] std::optional<std::uint32_t> undefined_data_type() const {
    return undefined_data_type_;
  }
  // Looks for it in what libssh2 holds, too: it is never read, and so never given back as long as the session lasts.
  void look_for_undefined_data();
  // Output of packets that are given back goes there as well; an empty function ends that.
  using OutputSink = std::function<void(core::Stream, std::string_view)>;
  void pass_output_to(OutputSink sink) { output_sink_ = std::move(sink); }
  // What the server said that disconnected before there was a channel. libssh2 keeps it for itself where it takes the
  // message for a violation of the strict key exchange.
  [[nodiscard]] const std::optional<std::string> &disconnect_text() const {
    return disconnect_text_;
  }
  // "publickey,password" of the last refusal (RFC 4252, section 5.1); empty when there was none.
  [[nodiscard]] const std::string &login_methods() const { return login_methods_; }
  [[nodiscard]] bool partial_success() const { return partial_successes_ > 0; }
  // Refusals that said so: a method was taken, and another is wanted besides.
  [[nodiscard]] unsigned partial_successes() const { return partial_successes_; }
  // Refusals so far: without a new one, a login that failed was not refused but broken off.
  [[nodiscard]] unsigned login_refusals() const { return login_refusals_; }
  // All banners of the login so far, one after the other as the server sent them (RFC 4252, section 5.4), cut after
  // login_banner_limit_bytes. To be asked before the session is freed.
  [[nodiscard]] std::string login_banner() const;
  // Value of the extension server-sig-algs (RFC 8308, section 3.1).
  [[nodiscard]] const std::string &signature_algorithms() const { return signature_algorithms_; }
  [[nodiscard]] bool memory_refused() const { return memory_refused_; }

private:
  struct Block;

  void look(std::string_view payload);
  void look_for_secret(std::string_view block);
  void look_at_disconnect(std::string_view rest);
  void look_at_request(std::string_view rest);
  void look_at_extensions(std::string_view rest);
  void take_output(core::Stream stream, std::string_view data);

  Block *oldest_ = nullptr;  // of those that libssh2 holds
  Block *newest_ = nullptr;
  std::size_t used_bytes_ = 0;
  bool memory_refused_ = false;
  std::vector<std::string> secrets_;
  bool collects_secrets_ = true;
  const void *distrusted_ = nullptr;
  OutputSink output_sink_;
  std::optional<std::uint32_t> channel_;
  std::optional<std::uint32_t> exit_status_;
  std::string exit_signal_;
  std::string exit_message_;
  bool input_refused_ = false;
  std::array<std::uint64_t, 2> data_bytes_{};  // by stream
  std::optional<std::uint32_t> undefined_data_type_;
  std::optional<std::string> disconnect_text_;
  std::string login_banner_;  // what was given back of it
  std::string login_methods_;
  unsigned partial_successes_ = 0;
  unsigned login_refusals_ = 0;
  std::string signature_algorithms_;
};

}  // namespace fanout::ssh
