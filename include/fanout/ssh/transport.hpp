// The byte stream under libssh2: what its receive and send callbacks do.
//
// They are the only place where a deadline, a budget, a late end of stream and "no half-sent packet" can be enforced:
//   - a server that floods keeps one non-blocking call of libssh2 busy for ever, so the clock is read here;
//   - at an end of stream libssh2 forgets packets that it has already decrypted, so an end looks like "nothing now" here
//     and is told by ended();
//   - a packet of which only a part was sent can make a later key exchange wait for ever, so every packet is taken whole,
//     into a buffer that flush() empties.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "fanout/core/deadline.hpp"
#include "fanout/core/result.hpp"
#include "fanout/ssh/client_words.hpp"
#include "fanout/ssh/kex_reply.hpp"
#include "fanout/ssh/server_hello.hpp"
#include "fanout/sys/fd.hpp"

namespace fanout::ssh {

class Transport {
public:
  // Takes over a connected, non-blocking socket.
  explicit Transport(sys::UniqueFd socket);

  [[nodiscard]] int fd() const { return socket_.get(); }

  // After it every receive fails; libssh2's call then returns whatever it was doing.
  void set_deadline(core::Deadline deadline) { deadline_ = deadline; }
  // From now on at most so many bytes may come in; 0 lifts the limit.
  void limit_incoming(std::uint64_t bytes, std::string_view what_for);
  // Call before each call of libssh2: one call reads at most 1 MiB, so that the caller's loop runs again.
  void begin_call() { received_in_call_ = 0; }

  // Call when the socket has been waited for. A read that finds it empty is not repeated before: libssh2 asks again after
  // every packet, and would be told the same by the kernel.
  void waited() { drained_ = false; }

  // As libssh2 wants them: bytes, or -errno. receive() never answers 0. What is sent waits for flush(), so that the packets
  // of one call leave in one piece, until they are many or large. A server that makes us answer and does not read the
  // answers is refused before they fill the memory.
  ssize_t receive(char *buffer, std::size_t size);
  ssize_t send(const char *buffer, std::size_t size);

  // Until hand_out() receive() has nothing, so that the hello can be looked at before libssh2 answers it: listen() reads
  // what there is of it, and never blocks.
  void listen();
  void hand_out();

  // The kernel waits up to 40 ms for something of ours to send the next acknowledgement with (tcp(7), TCP_QUICKACK). A
  // server that must have it before it says more (Nagle's algorithm) waits as long; this time it does not.
  void acknowledge_at_once();

  // Sends what is buffered, as far as the socket takes it. Never blocks.
  void flush();
  // From now on nothing is sent any more.
  void mute();
  [[nodiscard]] bool has_unsent() const { return unsent_bytes() != 0; }
  [[nodiscard]] std::size_t unsent_bytes() const { return unsent_.size() - sent_; }

  // True when bytes for libssh2 are here already: then the socket must not be waited for.
  [[nodiscard]] bool has_unread() const { return taken_ < readable(); }
  // True once the peer has closed or reset the connection and everything it sent before has been handed out.
  [[nodiscard]] bool ended() const { return ended_ && !has_unread(); }
  // The socket's error when it ended with one; empty when the peer closed it in an orderly way.
  [[nodiscard]] const std::string &end_reason() const { return end_reason_; }
  // Why the stream can no longer be used: refusal, broken rule, passed deadline, socket error; success while it can.
  [[nodiscard]] const core::Result<void> &state() const { return state_; }

  [[nodiscard]] const ServerHello &hello() const { return hello_; }
  // Of the first key exchange; empty until it has come. The exchange in it lacks its end, the shared secret, which does not
  // travel.
  [[nodiscard]] core::HostKeyProof proof() const;
  [[nodiscard]] std::uint64_t handed_out_bytes() const { return handed_out_; }

private:
  [[nodiscard]] std::size_t readable() const;
  // Nothing that comes is looked at any more here: hello and first key exchange are over.
  [[nodiscard]] bool passes_through() const;
  ssize_t refuse(core::Error error);
  std::size_t read(char *buffer, std::size_t size);
  void fill();
  std::size_t put(std::string_view bytes);
  std::size_t transmit(std::string_view packet);

  sys::UniqueFd socket_;
  core::Deadline deadline_;
  core::Result<void> state_;
  ServerHello hello_;
  ClientWords client_words_;
  KexReply kex_reply_;
  std::unique_ptr<char[]>
      buffer_;            // what a read fills at first; not one on the stack, cleared at every read
  bool drained_ = false;  // the last read has emptied the socket
  std::string incoming_;  // read from the socket, not yet handed to libssh2
  std::size_t taken_ = 0;         // of incoming_
  std::uint64_t handed_out_ = 0;  // since the beginning
  std::string unsent_;
  std::size_t sent_ = 0;  // of unsent_
  bool full_ = false;     // the socket took less than it was given
  bool handing_out_ = false;
  bool muted_ = false;
  std::uint64_t received_ = 0;
  std::uint64_t received_limit_ = 0;
  std::string limit_purpose_;
  std::size_t received_in_call_ = 0;
  bool ended_ = false;
  std::string end_reason_;
};

}  // namespace fanout::ssh
