// Requests that wait to be sent: one piece of memory, into which content is read and from which it is sent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string_view>
#include <vector>

namespace fanout::ssh::sftp {

class Outbox {
public:
  // Room for a packet of so many bytes, for the caller to fill; valid until the next call.
  char *add(std::uint32_t id, std::size_t size);
  // Takes back the packet that was added last.
  void take_back();

  [[nodiscard]] std::string_view unsent() const { return {memory_.get() + begin_, end_ - begin_}; }
  void sent(std::size_t bytes);
  // Packets that have been added and have not left as a whole.
  [[nodiscard]] std::size_t packets() const { return packets_.size(); }
  // Whether that one is among them; ids only grow.
  [[nodiscard]] bool holds(std::uint32_t id) const {
    return !packets_.empty() &&
           id - packets_.front().id <= packets_.back().id - packets_.front().id;
  }

  // Forgets the packets of which nothing is sent, beyond the first `kept_bytes`, and tells their ids.
  std::vector<std::uint32_t> drop(std::size_t kept_bytes);

private:
  struct Packet {
    std::uint32_t id;
    std::size_t unsent_bytes;
    bool whole;
  };

  std::unique_ptr<char[]> memory_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::deque<Packet> packets_;
};

}  // namespace fanout::ssh::sftp
