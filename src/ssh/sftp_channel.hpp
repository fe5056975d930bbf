// SFTP over a channel of libssh2 (RFC 4254, section 6.5).
#pragma once

#include <libssh2.h>

#include "session_state.hpp"
#include "sftp_stream.hpp"

namespace fanout::ssh {

class SftpChannel : public SftpStream {
public:
  SftpChannel(Session::State &session, std::uint32_t window_bytes)
      : session_(session), window_bytes_(window_bytes) {}
  ~SftpChannel() override;

  core::Result<bool> begin(std::string_view greeting, std::string &why) override;
  core::Result<std::size_t> send(std::string_view bytes, bool answers_due) override;
  [[nodiscard]] std::size_t committed_bytes() const override { return committed_bytes_; }
  [[nodiscard]] std::size_t unsent_bytes() const override {
    return session_.transport.unsent_bytes();
  }
  core::Result<std::size_t> receive(char *buffer, std::size_t size) override;
  [[nodiscard]] bool ended() const override { return ended_; }
  [[nodiscard]] std::string last_words() const override;
  core::Result<void> wait(core::Deadline until, bool hear_only) override;
  void widen_window(std::uint32_t bytes) override;
  core::Result<void> finish() override;

private:
  core::Result<void> hear_complaints();
  void keep_window_wide();
  [[nodiscard]] core::Error broken() const;

  Session::State &session_;
  LIBSSH2_CHANNEL *channel_ = nullptr;
  std::uint32_t number_ = 0;
  std::uint32_t window_bytes_;
  unsigned long server_window_bytes_ = 0;  // at the beginning
  bool widened_ = false;
  std::size_t committed_bytes_ = 0;
  bool more_queued_ = false;
  bool queue_empty_ = true;  // as far as libssh2's answers tell
  bool ended_ = false;
  std::string complaints_;  // on standard error
};

}  // namespace fanout::ssh
