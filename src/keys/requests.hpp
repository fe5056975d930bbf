// What the parent and the workers say to the key holder, and what it answers: frames of wire/frame.hpp.
//
// The parent waits for the answer to everything up to Seal; to OpenSlot, AcceptHostKey and CloseSlot there is none. After Seal
// only these three may come, and all that the parent is still told is Noticed. A worker waits for each answer before it
// asks again; whoever does not is not one of our workers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "fanout/core/deadline.hpp"
#include "fanout/core/error.hpp"
#include "fanout/core/host_key_proof.hpp"
#include "fanout/core/result.hpp"
#include "fanout/core/secret.hpp"
#include "fanout/keys/public_key.hpp"
#include "fanout/wire/frame.hpp"

namespace fanout::keys {

// parent -> holder
struct LoadIdentity {
  std::string path;
  bool configured = false;
};
struct FinishLoading {};
struct DescribeIdentity {
  std::uint32_t id = 0;
};
struct AskPassword {
  std::string question;
};
struct StorePassword {
  core::Secret password;
};
struct Seal {};    // loading is over: the holder gives up what it has no more use for
struct OpenSlot {  // comes with a descriptor
  std::uint32_t slot = 0;
  std::string user;
  std::vector<std::uint32_t> identities;
  std::optional<std::uint32_t> password;
};
struct AcceptHostKey {
  std::uint32_t slot = 0;
  std::string blob;
};
struct CloseSlot {
  std::uint32_t slot = 0;
};
using ControlRequest = std::variant<LoadIdentity, FinishLoading, DescribeIdentity, AskPassword,
                                    StorePassword, Seal, OpenSlot, AcceptHostKey, CloseSlot>;

// worker -> holder
struct ListKeys {};
struct Sign {
  std::string blob;
  std::string data;
  core::HostKeyProof proof;
};
struct GetPassword {};
using SlotRequest = std::variant<ListKeys, Sign, GetPassword>;

// holder -> both
struct Done {};
struct Failed {
  core::Error error;
  std::uint8_t interrupted_by = 0;
};
struct Numbered {  // what was loaded or stored
  std::uint32_t id = 0;
};
struct LoadingFinished {
  std::uint32_t agent_keys = 0;
  std::string agent_note;
  std::string memory_note;
};
struct IdentityDescription {
  std::string type;
  bool usable = false;
  bool in_agent = false;
  std::string note;
};
struct KeyList {
  std::vector<PublicKey> keys;
};
struct Signature {
  std::string bytes;
};
struct Password {
  core::Secret password;
};
struct Noticed {
  std::uint32_t slot = 0;
  std::string text;
};
using Reply = std::variant<Done, Failed, Numbered, LoadingFinished, IdentityDescription, KeyList,
                           Signature, Password, Noticed>;

// What one message may carry; the sender keeps to it, so that the body always fits a frame.
inline constexpr std::size_t max_path_bytes = 4096;
inline constexpr std::size_t max_name_bytes = 1024;  // of users; questions
inline constexpr std::size_t max_password_bytes = 4096;
inline constexpr std::size_t max_slot_identities = 1024;
inline constexpr std::size_t max_host_key_bytes = 16 * 1024;
// What is to be signed, by which key, and the proof, together.
inline constexpr std::size_t max_sign_bytes = 60'000;
inline constexpr std::size_t max_text_bytes = 2048;

// A whole frame. May hold a secret: send_frame() wipes it.
std::string encode(const ControlRequest &request);
std::string encode(const SlotRequest &request);
std::string encode(const Reply &reply);

core::Result<ControlRequest> decode_control_request(const wire::Frame &frame);
core::Result<SlotRequest> decode_slot_request(const wire::Frame &frame);
core::Result<Reply> decode_reply(const wire::Frame &frame);

}  // namespace fanout::keys
