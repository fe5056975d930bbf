// What the server really said: every decrypted packet, seen through the allocator that we give to libssh2.
//
// libssh2 1.11.1 puts each decrypted payload into memory from the session's allocator and gives it back through the
// session's free function. There we read it. That tells, with public calls only and with any build of the library, what
// its interface does not: whether an exit status was sent at all (it answers 0 when there was none), that data beyond
// the window was thrown away, which login methods the server still accepts, which RSA signatures it takes.
// The same allocator bounds the memory that a server can make us use.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fanout::ssh {

class PacketTap {
public:
  // A generous multiple of a normal session's 85 KiB plus a full window; more is refused (out of memory, -6).
  static constexpr std::size_t memory_limit_bytes = 32 << 20;

  PacketTap() = default;
  PacketTap(const PacketTap &) = delete;
  PacketTap &operator=(const PacketTap &) = delete;

  // For libssh2_session_init_ex. Blocks are wiped when they are given back.
  void *allocate(std::size_t size);
  void *reallocate(void *block, std::size_t size);
  void release(void *block);

  // Channel requests and data are only looked for from here on, on this channel of ours.
  void watch_channel(std::uint32_t local_channel) { channel_ = local_channel; }

  [[nodiscard]] std::optional<std::uint32_t> exit_status() const { return exit_status_; }
  [[nodiscard]] const std::string &exit_signal() const {
    return exit_signal_;
  }  // "TERM"; empty when none came
  [[nodiscard]] const std::string &exit_message() const { return exit_message_; }
  // Bytes of output that the server sent, whether libssh2 kept them or not; complete once all of it has been read.
  [[nodiscard]] std::uint64_t data_bytes() const { return data_bytes_; }
  // "publickey,password" of the last refusal (RFC 4252, section 5.1); empty when there was none.
  [[nodiscard]] const std::string &login_methods() const { return login_methods_; }
  [[nodiscard]] bool partial_success() const { return partial_success_; }
  // Value of the extension server-sig-algs (RFC 8308, section 3.1).
  [[nodiscard]] const std::string &signature_algorithms() const { return signature_algorithms_; }
  [[nodiscard]] bool memory_refused() const { return memory_refused_; }

private:
  void look(std::string_view payload);
  void look_at_request(std::string_view rest);
  void look_at_extensions(std::string_view rest);

  std::size_t used_bytes_ = 0;
  bool memory_refused_ = false;
  std::optional<std::uint32_t> channel_;
  std::optional<std::uint32_t> exit_status_;
  std::string exit_signal_;
  std::string exit_message_;
  std::uint64_t data_bytes_ = 0;
  std::string login_methods_;
  bool partial_success_ = false;
  std::string signature_algorithms_;
};

}  // namespace fanout::ssh
