// A server that is a function: it gets each request whole and says what it likes, in bytes.
#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "fanout/sys/io.hpp"
#include "fanout/wire/codec.hpp"
#include "ssh/sftp_stream.hpp"

namespace fanout::ssh {

class FakeSftpServer : public SftpStream {
public:
  struct Asked {
    std::uint8_t type = 0;
    std::uint32_t id = 0;
    std::string body;
  };

  std::function<void(const Asked &)> answer = [](const Asked &) {};
  std::function<core::Result<void>()> while_waiting;  // for a stop, or words out of turn
  std::vector<Asked> asked;
  std::size_t piece_bytes = SIZE_MAX;  // that are sent or received at once
  std::size_t ends_after = SIZE_MAX;   // bytes of what it says
  bool deaf = false;                   // takes nothing
  std::size_t committed = 0;
  std::size_t most_unsent = 0;
  std::string words = "killed by signal KILL";
  int waits = 0;

  void say(std::string_view bytes) { out_ += bytes; }
  void say_packet(std::uint8_t type, std::uint32_t id, std::string_view rest) {
    say(packet(type, id, rest));
  }
  void say_status(std::uint32_t id, std::uint32_t code, std::string_view text = {}) {
    say_packet(101, id, wire::Encoder().uint32(code).string(text).string("").bytes());
  }
  void say_handle(std::uint32_t id, std::string_view handle) {
    say_packet(102, id, wire::Encoder().string(handle).bytes());
  }
  static std::string packet(std::uint8_t type, std::uint32_t id, std::string_view rest) {
    return wire::Encoder()
        .uint32(static_cast<std::uint32_t>(5 + rest.size()))
        .byte(type)
        .uint32(id)
        .raw(rest)
        .take();
  }
  static std::string version(std::uint32_t number, std::string_view extensions = {}) {
    return packet(2, number, extensions);
  }
  // The server leaves after what it has said.
  void leave() { ends_after = out_.size(); }
  [[nodiscard]] std::size_t said_bytes() const { return out_.size(); }

  core::Result<bool> begin(std::string_view greeting, std::string & /*why*/) override {
    in_ += greeting;
    take_requests();
    return true;
  }
  core::Result<std::size_t> send(std::string_view bytes, bool /*answers_due*/) override {
    most_unsent = std::max(most_unsent, bytes.size());
    if (deaf) return 0;
    bytes = bytes.substr(0, piece_bytes);
    in_ += bytes;
    take_requests();
    return bytes.size();
  }
  [[nodiscard]] std::size_t committed_bytes() const override { return committed; }
  core::Result<std::size_t> receive(char *buffer, std::size_t size) override {
    const std::size_t left = std::min(ends_after, out_.size()) - heard_;
    const std::size_t count = std::min({size, piece_bytes, left});
    std::copy_n(out_.data() + heard_, count, buffer);
    heard_ += count;
    return count;
  }
  [[nodiscard]] bool ended() const override { return heard_ >= ends_after; }
  [[nodiscard]] std::string last_words() const override { return words; }
  core::Result<void> wait(core::Deadline until, bool hear_only) override {
    ++waits;
    if (while_waiting) return while_waiting();
    if (hear_only || heard_ < std::min(ends_after, out_.size()) || ended()) return {};
    // Nobody else is there who could change anything.
    if (until.never()) return core::fail(core::ErrorKind::internal, "nothing to wait for");
    std::this_thread::sleep_until(until.at());
    return {};
  }
  void widen_window(std::uint32_t /*bytes*/) override {}
  core::Result<void> finish() override { return {}; }

private:
  void take_requests() {
    for (;;) {
      wire::Decoder decoder(in_);
      const std::string_view whole = decoder.string();
      if (!decoder.ok()) return;
      wire::Decoder request(whole);
      Asked next;
      next.type = request.byte();
      next.id = request.uint32();
      next.body = request.rest();
      in_.erase(0, 4 + whole.size());
      asked.push_back(next);
      answer(next);
    }
  }

  std::string in_;
  std::string out_;
  std::size_t heard_ = 0;
};

}  // namespace fanout::ssh
