// The server's first, unencrypted words: its identification line and its KEXINIT (RFC 4253, sections 4.2 and 7.1), read
// before libssh2 reads them. Pure.
//
// libssh2 1.11.1 accepts any version, waits for ever for an identification that does not come, and calls a null pointer
// when the server lists a name that only clients may list. So it is given nothing that has not been seen here.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "fanout/core/result.hpp"

namespace fanout::ssh {

class ServerHello {
public:
  // Looks at the next bytes of the server. ErrorKind::protocol with a sentence when they are not SSH 2.0.
  core::Result<void> feed(std::string_view bytes);

  // How many of the bytes fed so far may be handed on: nothing before KEXINIT is complete and has been found harmless,
  // because what we answer depends on it; or, after release_identification(), what has come up to the end of the
  // identification line.
  [[nodiscard]] std::size_t released_bytes() const { return released_; }
  // For a server that wants to hear ours first.
  void release_identification() { released_ = consumed_; }
  [[nodiscard]] bool complete() const { return state_ == State::done; }

  // "SSH-2.0-OpenSSH_9.2"; empty until the line is complete. Any bytes but NUL and newline.
  [[nodiscard]] const std::string &identification() const { return identification_; }
  // Whether it has said anything that may be its identification.
  [[nodiscard]] bool has_begun() const { return !identification_.empty() || !buffer_.empty(); }
  // The last line of text that came instead of an identification; for error messages.
  [[nodiscard]] const std::string &last_line() const { return last_line_; }

  // The payload of its KEXINIT; empty until complete().
  [[nodiscard]] const std::string &kexinit() const { return kexinit_; }

  // Name lists of the server's KEXINIT.
  struct Offer {
    std::string kex, host_keys, ciphers, macs;
  };
  [[nodiscard]] const Offer &offer() const { return offer_; }

  // The first algorithm kind on which the server and we have nothing in common, as a sentence; empty when there is none.
  [[nodiscard]] std::string mismatch(std::string_view our_kex, std::string_view our_host_keys,
                                     std::string_view our_ciphers, std::string_view our_macs) const;

private:
  enum class State { lines, kexinit, done };
  core::Result<void> read_lines();
  core::Result<void> read_kexinit();

  State state_ = State::lines;
  std::string buffer_;        // what is fed and not yet understood
  std::size_t consumed_ = 0;  // bytes understood so far
  std::size_t released_ = 0;
  std::string identification_;
  std::string kexinit_;
  std::string last_line_;
  Offer offer_;
};

}  // namespace fanout::ssh
