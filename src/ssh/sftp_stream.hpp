// The bytes under SFTP, both ways: a channel of libssh2, or for tests anything else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "fanout/core/deadline.hpp"
#include "fanout/core/result.hpp"

namespace fanout::ssh {

// But for begin(), wait() and finish() nothing blocks. An error of send() and receive() is for good; after one of wait()
// that is a timeout or an interruption the stream can still be used.
class SftpStream {
public:
  SftpStream() = default;
  SftpStream(const SftpStream &) = delete;
  SftpStream &operator=(const SftpStream &) = delete;
  virtual ~SftpStream() = default;

  // Starts the server and says `greeting` to it. False when there is no such server, with `why`.
  virtual core::Result<bool> begin(std::string_view greeting, std::string &why) = 0;

  // Takes as much as there is room for. With `answers_due` the server is still at work, so that more room will come by
  // itself, and crumbs are not worth sending.
  virtual core::Result<std::size_t> send(std::string_view bytes, bool answers_due) = 0;
  // The first bytes of what was offered last, of which it cannot be said whether they have been sent: they have to be
  // offered again.
  [[nodiscard]] virtual std::size_t committed_bytes() const { return 0; }
  // Taken, and still here.
  [[nodiscard]] virtual std::size_t unsent_bytes() const { return 0; }

  // 0 when there is nothing now, or ever again: ended().
  virtual core::Result<std::size_t> receive(char *buffer, std::size_t size) = 0;
  [[nodiscard]] virtual bool ended() const = 0;
  // How the server ended and what it complained about, for a message; empty when it said nothing.
  [[nodiscard]] virtual std::string last_words() const = 0;

  // Blocks until receive() or send() may have something to do, or `until`. With `hear_only` there is something already: it
  // only looks whether the deadline has passed, or we are to stop.
  virtual core::Result<void> wait(core::Deadline until, bool hear_only) = 0;

  // See Sftp.
  virtual void widen_window(std::uint32_t bytes) = 0;
  virtual core::Result<void> finish() = 0;
};

}  // namespace fanout::ssh
