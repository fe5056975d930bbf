// What a captured worker may ask of the key holder: decode_slot_request() and Policy.
//
// Input: the body of a request, then decisions. The first is its type; 200 and more mean requests to sign, and then
// decisions say which host key is accepted when, whose proof comes along, and which fields of a proper login are
// replaced by bytes of the input, or grow by them, or are empty.
//
// Oracle: an accepted request is written back as the bytes it was read from, and something is signed only if a second
// reader of login requests says so, which knows one user, one host and one session: it writes down what a proper login
// looks like for each of the slot's keys and algorithms, and compares.
//
// Hosts sign in a way that nobody can get wrong here: the signature is the host's key and what it signs.
#include <array>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "../unit/ssh/sample_keys.hpp"
#include "input.hpp"
#include "keys/policy.hpp"
#include "keys/requests.hpp"
#include "oracle.hpp"

using namespace fanout;
using fuzz::must;
using fuzz::must_equal;
using ssh::sample::field;

namespace {

const std::string user = "alice";
const std::string our_host = "key of our host";
const std::string other_host = "key of another host";

const std::vector<keys::PublicKey> &slot_keys() {
  namespace sample = ssh::sample;
  static const std::vector<keys::PublicKey> all{
      keys::parse_public_key(sample::ed25519(1), "").value(),
      keys::parse_public_key(sample::decoded(sample::rsa2048_text), "").value(),
      keys::parse_public_key(sample::decoded(sample::ecdsa256_text), "").value(),
  };
  return all;
}

std::string host_signature(std::string_view host, std::string_view session_id) {
  return std::string(host).append(" signs ").append(session_id);
}

core::Result<bool> verify(const core::HostKeyProof &proof, std::string_view session_id) {
  if (proof.signature == "none") return core::fail(core::ErrorKind::protocol, "no signature");
  return proof.exchange == "exchange" &&
         proof.signature == host_signature(proof.host_key, session_id);
}

// A login request (RFC 4252, section 7) in its parts, each as it stands in the bytes.
enum Part { session, message, name, service, method, flag, algorithm, key_blob, behind, parts };
using Login = std::array<std::string, parts>;

Login proper_login(const std::string &session_id, const keys::PublicKey &key,
                   std::string_view algorithm_name) {
  return {field(session_id),
          "\x32",
          field(user),
          field("ssh-connection"),
          field("publickey"),
          "\1",
          field(algorithm_name),
          field(key.blob),
          ""};
}

std::string joined(const Login &login) {
  std::string bytes;
  for (const std::string &part : login) bytes += part;
  return bytes;
}

class Expected {
public:
  bool accept_host_key(const std::string &host) {
    if (!host_.empty()) return false;
    host_ = host;
    return true;
  }

  // The only freedom of a proper login is its session of 32, 48 or 64 bytes, its key and, for RSA, one of two algorithms.
  bool permits(const std::string &sign_with, const std::string &data,
               const core::HostKeyProof &proof) {
    for (const keys::PublicKey &key : slot_keys()) {
      std::vector<std::string> fitting{key.type};
      if (key.type == "ssh-rsa") fitting = {"rsa-sha2-256", "rsa-sha2-512"};
      for (const std::string &algorithm_name : fitting)
        for (const std::size_t size : {32, 48, 64}) {
          if (sign_with != key.blob || data.size() < 4 + size) continue;
          const std::string session_id = data.substr(4, size);
          if (joined(proper_login(session_id, key, algorithm_name)) == data)
            return is_proven(session_id, proof) && count(key.blob, session_id);
        }
    }
    return false;
  }

private:
  [[nodiscard]] bool is_proven(const std::string &session_id,
                               const core::HostKeyProof &proof) const {
    return !host_.empty() && proof.host_key == host_ && proof.exchange == "exchange" &&
           proof.signature == host_signature(host_, session_id) &&
           (session_id_.empty() || session_id_ == session_id);
  }
  bool count(const std::string &blob, const std::string &session_id) {
    if (signed_with_[blob] == keys::max_signatures_per_key) return false;
    ++signed_with_[blob];
    session_id_ = session_id;
    return true;
  }

  std::string host_;
  std::string session_id_;
  std::map<std::string, int> signed_with_;
};

void check_codec(const wire::Frame &frame) {
  if (const auto request = keys::decode_slot_request(frame))
    must_equal(keys::encode(*request), wire::encode_frame(frame.type, frame.body),
               "an accepted request is written as it was read");
  // What the parent says and what the holder answers comes from our own code; it must do no harm either.
  (void)keys::decode_control_request(frame);
  (void)keys::decode_reply(frame);
}

core::HostKeyProof make_proof(fuzz::Input &input, const std::string &session_id) {
  const std::string exchange = "exchange";
  switch (input.below(9)) {
    case 1: return {other_host, host_signature(other_host, session_id), exchange};
    case 2: return {our_host, host_signature(other_host, session_id), exchange};
    case 3: return {our_host, host_signature(our_host, std::string(32, 'x')), exchange};
    case 4: return {our_host, "", exchange};
    case 5: return {"", host_signature("", session_id), exchange};
    case 6: return {our_host, "none", exchange};
    case 7: return {our_host, std::string(input.take(input.below(100))), exchange};
    case 8: return {our_host, host_signature(our_host, session_id), input.below(2) == 0 ? "" : "x"};
    default: return {our_host, host_signature(our_host, session_id), exchange};
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::uint8_t kind = input.decision();
  if (kind < 200) {
    check_codec({kind, std::string(input.take_rest())});
    return 0;
  }

  keys::Policy policy(user, slot_keys(), verify);
  Expected expected;
  constexpr std::array session_sizes{32, 48, 64, 31, 0, 20, 65};
  for (std::size_t steps = 2 + input.below(8); steps > 0; --steps) {
    const std::size_t step = input.below(8);
    if (step < 2) {
      const std::string &host = step == 0 ? our_host : other_host;
      must(policy.accept_host_key(host) == expected.accept_host_key(host),
           "a host key is accepted once");
      continue;
    }
    const std::string session_id(
        static_cast<std::size_t>(session_sizes[input.below(session_sizes.size())]),
        input.below(8) == 7 ? 'i' : 'h');
    const std::vector<std::string> algorithms{
        "ssh-ed25519",  "rsa-sha2-512", "ecdsa-sha2-nistp256",
        "rsa-sha2-256", "ssh-rsa",      "rsa-sha2-512-cert-v01@openssh.com"};
    const keys::PublicKey &key = slot_keys()[input.below(slot_keys().size())];
    Login login = proper_login(session_id, key, algorithms[input.below(algorithms.size())]);
    for (std::size_t changes = input.below(3); changes > 0; --changes) {
      std::string &part = login[input.below(parts)];
      const std::size_t length = input.below(70);
      switch (input.below(4)) {
        case 0: part = input.take(length); break;
        case 1: part = field(input.take(length)); break;
        case 2: part += input.take(length); break;
        default: part.clear(); break;
      }
    }
    const std::string &sign_with = input.below(8) == 7 ? slot_keys()[0].blob : key.blob;
    const core::HostKeyProof proof = make_proof(input, session_id);
    const std::string bytes = joined(login);
    const auto permitted = policy.permit(sign_with, bytes, proof);
    must(permitted.has_value() == expected.permits(sign_with, bytes, proof),
         "what is signed is a login of this user, with a key of this slot, over the session of "
         "this host");
    if (permitted) {
      must(slot_keys()[permitted->key].blob == sign_with,
           "the key that signs is the one asked for");
      must(bytes.substr(4, permitted->session_id.size()) == permitted->session_id,
           "the session is that of the request");
    }
  }
  return 0;
}
