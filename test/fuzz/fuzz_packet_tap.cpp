// Decrypted packets of a server, given back by libssh2: PacketTap.
//
// Input: packets, each with two bytes of length before it; then decisions: how many come before there is a channel, and
// for each packet (whether its MAC was wrong).
//
// Oracle: counted output is no more than was sent, and what the sink got; a packet with a wrong MAC changes nothing;
// texts are bounded; and memory is counted to the last byte, so that the limit holds.
#include <cstring>
#include <string>
#include <string_view>
#include <tuple>

#include "fanout/ssh/packet_tap.hpp"
#include "input.hpp"
#include "oracle.hpp"

using namespace fanout;
using fuzz::must;

namespace {

constexpr std::size_t max_text_bytes = 1024;

auto state(const ssh::PacketTap &tap) {
  return std::tuple(tap.exit_status(), tap.exit_signal(), tap.exit_message(), tap.data_bytes(),
                    tap.login_methods(), tap.partial_success(), tap.login_refusals(),
                    tap.signature_algorithms(), tap.login_banner(), tap.disconnect_text());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size) {
  fuzz::Input input(data, size);
  ssh::PacketTap tap;
  std::size_t packets_of_login = input.below(4);
  std::size_t seen = 0;
  tap.pass_output_to([&](core::Stream, std::string_view bytes) { seen += bytes.size(); });
  std::size_t sent = 0;
  while (!input.rest().empty()) {
    const bool wrong_mac = input.below(4) == 3;
    const std::size_t length = std::size_t{input.byte()} << 8 | input.byte();
    const std::string packet(input.take(length));
    if (packets_of_login == 0)
      tap.watch_channel(0);
    else
      --packets_of_login;
    const auto before = state(tap);
    void *block = tap.allocate(packet.size());
    must(block != nullptr, "a small packet has its place");
    std::memcpy(block, packet.data(), packet.size());
    if (wrong_mac) {
      tap.distrust(block);
      tap.release(block);
      must(state(tap) == before, "a packet with a wrong MAC says nothing");
      continue;
    }
    tap.release(block);
    sent += packet.size();
    must(tap.data_bytes() <= sent, "no more output is counted than was sent");
    must(tap.data_bytes() == seen, "the sink gets all that is counted");
  }
  must(tap.data_bytes() == tap.data_bytes(core::Stream::out) + tap.data_bytes(core::Stream::err),
       "output is that of both streams");
  must(tap.exit_signal().size() <= max_text_bytes && tap.exit_message().size() <= max_text_bytes &&
           tap.login_methods().size() <= max_text_bytes,
       "texts are bounded");
  must(tap.login_banner().size() <= ssh::PacketTap::login_banner_limit_bytes &&
           tap.disconnect_text().value_or("").size() <= max_text_bytes,
       "texts of before the login are bounded");
  if (size % 32 != 0) return 0;  // what follows takes long
  // Everything was given back, so all of the limit is there again, and no byte more.
  void *all = tap.allocate(ssh::PacketTap::memory_limit_bytes);
  must(all != nullptr && !tap.memory_refused(), "what was given back can be had again");
  must(tap.allocate(1) == nullptr && tap.memory_refused(), "the limit holds");
  tap.release(all);
  return 0;
}
