// What a server says before anything is encrypted: ServerHello.
//
// Input: the server's bytes, then the seed of the cuts.
//
// Oracle: the same answer, however the bytes are cut; never more bytes handed on than were seen, and never fewer than
// before; an identification is one of SSH 2.0 and one line; bounded memory.
#include <string>
#include <string_view>

#include "fanout/ssh/server_hello.hpp"
#include "input.hpp"
#include "oracle.hpp"

using namespace fanout;
using fuzz::must;
using fuzz::must_equal;

namespace {

// What a session goes by. A refusal ends it, whatever had been seen until then.
std::string answer(const ssh::ServerHello &hello, bool refused) {
  if (refused) return "refused";
  return std::to_string(hello.released_bytes()) + (hello.complete() ? " complete " : " waiting ") +
         hello.identification() + '|' + hello.last_line() + '|' + hello.offer().kex + '|' +
         hello.offer().host_keys + '|' + hello.offer().ciphers + '|' + hello.offer().macs;
}

std::string feed_whole(std::string_view text) {
  ssh::ServerHello hello;
  const bool refused = !hello.feed(text);
  return answer(hello, refused);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size) {
  fuzz::Input input(data, size);
  fuzz::Pieces pieces(input.decision());
  const std::string_view text = input.take_rest();

  const std::size_t before = fuzz::allocated_bytes();
  ssh::ServerHello hello;
  bool refused = false;
  std::size_t released = 0;
  for (std::string_view left = text; !left.empty() && !refused;) {
    refused = !hello.feed(pieces.next(left));
    const std::size_t fed = text.size() - left.size();
    must(hello.released_bytes() >= released, "what was handed on stays so");
    must(hello.released_bytes() <= fed, "nothing is handed on that was not seen");
    released = hello.released_bytes();
  }
  must(fuzz::allocated_bytes() <= before + 4 * text.size() + 4096,
       "memory is bounded by what came");
  must_equal(answer(hello, refused), feed_whole(text), "cuts change nothing");
  if (refused) return 0;

  if (!hello.identification().empty()) {
    must(hello.identification().starts_with("SSH-2.0-") ||
             hello.identification().starts_with("SSH-1.99-"),
         "no other version is taken");
    must(hello.identification().find_first_of(std::string_view("\0\n", 2)) == std::string::npos,
         "an identification is one line of text");
  }
  must(!hello.complete() || !hello.identification().empty(),
       "KEXINIT comes after the identification");
  (void)hello.mismatch("curve25519-sha256,ecdh-sha2-nistp256", "ssh-ed25519", "aes256-ctr",
                       "hmac-sha2-256");
  return 0;
}
