// What a server says between its KEXINIT and its first encrypted packet: KexReply, which looks for the proof of a session.
//
// Input: the server's bytes, then the seed of the cuts.
//
// Oracle: a second reader, which has all packets before it and takes the first reply; the same answer however the bytes
// are cut; and memory that what came and the limit bound.
#include <algorithm>
#include <string>
#include <string_view>

#include "fanout/ssh/kex_reply.hpp"
#include "input.hpp"
#include "oracle.hpp"

using namespace fanout;
using fuzz::must;
using fuzz::must_equal;

namespace {

std::size_t number_at(std::string_view bytes) {
  std::size_t number = 0;
  for (std::size_t i = 0; i < 4; ++i) number = number << 8 | static_cast<unsigned char>(bytes[i]);
  return number;
}

// Takes a string (RFC 4251, section 5) off; false when it is cut short.
bool take_string(std::string_view &bytes, std::string &value) {
  if (bytes.size() < 4 || number_at(bytes) > bytes.size() - 4) return false;
  value = bytes.substr(4, number_at(bytes));
  bytes.remove_prefix(4 + value.size());
  return true;
}

std::string format_proof(const core::HostKeyProof &proof) {
  return proof.host_key + " proves by " + proof.signature;
}

// Packets of at most 35,000 bytes, up to NEWKEYS.
std::string expected_proof(std::string_view bytes) {
  while (bytes.size() >= 4) {
    const std::size_t length = number_at(bytes);
    if (length < 2 || length > 35'000 || bytes.size() - 4 < length) break;
    const auto padding = static_cast<unsigned char>(bytes[4]);
    if (padding > length - 2) break;
    std::string_view payload = bytes.substr(5, length - 1 - padding);
    bytes.remove_prefix(4 + length);
    if (payload.front() == 21) break;
    if (payload.front() != 31) continue;
    payload.remove_prefix(1);
    core::HostKeyProof proof;
    std::string half;
    const bool whole = take_string(payload, proof.host_key) && take_string(payload, half) &&
                       take_string(payload, proof.signature) && payload.empty();
    return format_proof(whole ? proof : core::HostKeyProof());
  }
  return format_proof({});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size) {
  fuzz::Input input(data, size);
  fuzz::Pieces pieces(input.decision());
  const std::string_view text = input.take_rest();
  // A piece that goes over the limit is not looked at, so there the cuts do count.
  if (text.size() > ssh::KexReply::limit_bytes) return 0;

  const std::size_t before = fuzz::allocated_bytes();
  ssh::KexReply reply;
  bool finished = false;
  std::string proof_at_end;
  for (std::string_view left = text; !left.empty();) {
    reply.feed(pieces.next(left));
    must(!finished || reply.finished(), "what is over stays over");
    if (!finished && reply.finished()) proof_at_end = format_proof(reply.proof());
    finished = reply.finished();
  }
  must(fuzz::allocated_bytes() <= before + 4 * text.size() + 4096,
       "memory is bounded by what came");
  must_equal(format_proof(reply.proof()), expected_proof(text),
             "the proof is that of the first reply before NEWKEYS");
  must(!finished || proof_at_end == format_proof(reply.proof()), "nothing is read after NEWKEYS");
  ssh::KexReply whole;
  whole.feed(text);
  must_equal(format_proof(reply.proof()), format_proof(whole.proof()), "cuts change nothing");
  must(reply.finished() == whole.finished(), "cuts change nothing about the end either");
  return 0;
}
