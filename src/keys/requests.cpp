// A type's number is its place in the variant, plus a base that differs between the three, so that nothing that is said in
// one direction has a meaning in another.
#include "requests.hpp"

#include <algorithm>
#include <type_traits>
#include <utility>

#include "fanout/wire/codec.hpp"

namespace fanout::keys {

using core::ErrorKind;
using core::fail;
using core::Result;
using core::Secret;
using wire::Decoder;
using wire::Encoder;

namespace {

constexpr std::uint8_t control_base = 1;
constexpr std::uint8_t slot_base = 64;
constexpr std::uint8_t reply_base = 128;

std::string_view cut(std::string_view text) { return text.substr(0, max_text_bytes); }

void write(Encoder &to, const LoadIdentity &message) {
  to.string(message.path).boolean(message.configured);
}
void write(Encoder &, const FinishLoading &) {}
void write(Encoder &to, const DescribeIdentity &message) { to.uint32(message.id); }
void write(Encoder &to, const AskPassword &message) { to.string(message.question); }
void write(Encoder &, const StorePassword &) {}  // see lone_secret()
void write(Encoder &, const Seal &) {}
void write(Encoder &to, const OpenSlot &message) {
  to.uint32(message.slot).string(message.user);
  to.boolean(message.password.has_value()).uint32(message.password.value_or(0));
  to.uint32(static_cast<std::uint32_t>(message.identities.size()));
  for (const std::uint32_t id : message.identities) to.uint32(id);
}
void write(Encoder &to, const AcceptHostKey &message) {
  to.uint32(message.slot).string(message.blob);
}
void write(Encoder &to, const CloseSlot &message) { to.uint32(message.slot); }

void write(Encoder &, const ListKeys &) {}
void write(Encoder &to, const Sign &message) {
  to.string(message.blob).string(message.data);
  to.string(message.proof.host_key).string(message.proof.signature).string(message.proof.exchange);
}
void write(Encoder &, const GetPassword &) {}

void write(Encoder &, const Done &) {}
void write(Encoder &to, const Failed &message) {
  to.byte(static_cast<std::uint8_t>(message.error.kind))
      .string(cut(message.error.message))
      .byte(message.interrupted_by);
}
void write(Encoder &to, const Numbered &message) { to.uint32(message.id); }
void write(Encoder &to, const LoadingFinished &message) {
  to.uint32(message.agent_keys).string(cut(message.agent_note)).string(cut(message.memory_note));
}
void write(Encoder &to, const IdentityDescription &message) {
  to.string(message.type)
      .boolean(message.usable)
      .boolean(message.in_agent)
      .string(cut(message.note));
}
void write(Encoder &to, const KeyList &message) {
  to.uint32(static_cast<std::uint32_t>(message.keys.size()));
  for (const PublicKey &key : message.keys)
    to.string(key.blob).string(key.type).string(key.comment.substr(0, 256));
}
void write(Encoder &to, const Signature &message) { to.string(message.bytes); }
void write(Encoder &, const Password &) {}  // see lone_secret()
void write(Encoder &to, const Noticed &message) {
  to.uint32(message.slot).string(cut(message.text));
}

std::string take_text(Decoder &from) { return std::string(from.string()); }

void read(Decoder &from, LoadIdentity &message) {
  message.path = take_text(from);
  message.configured = from.boolean();
}
void read(Decoder &, FinishLoading &) {}
void read(Decoder &from, DescribeIdentity &message) { message.id = from.uint32(); }
void read(Decoder &from, AskPassword &message) { message.question = take_text(from); }
void read(Decoder &from, StorePassword &message) {
  message.password = Secret(std::string(from.raw(from.rest().size())));
}
void read(Decoder &, Seal &) {}
void read(Decoder &from, OpenSlot &message) {
  message.slot = from.uint32();
  message.user = take_text(from);
  const bool has_password = from.boolean();
  const std::uint32_t password = from.uint32();
  if (has_password) message.password = password;
  for (std::uint32_t count = from.uint32(); count > 0 && from.ok(); --count)
    message.identities.push_back(from.uint32());
}
void read(Decoder &from, AcceptHostKey &message) {
  message.slot = from.uint32();
  message.blob = take_text(from);
}
void read(Decoder &from, CloseSlot &message) { message.slot = from.uint32(); }

void read(Decoder &, ListKeys &) {}
void read(Decoder &from, Sign &message) {
  message.blob = take_text(from);
  message.data = take_text(from);
  message.proof.host_key = take_text(from);
  message.proof.signature = take_text(from);
  message.proof.exchange = take_text(from);
}
void read(Decoder &, GetPassword &) {}

void read(Decoder &, Done &) {}
void read(Decoder &from, Failed &message) {
  const std::uint8_t kind = from.byte();
  constexpr auto last = static_cast<std::uint8_t>(ErrorKind::internal);
  message.error.kind = kind <= last ? static_cast<ErrorKind>(kind) : ErrorKind::internal;
  message.error.message = take_text(from);
  message.interrupted_by = from.byte();
}
void read(Decoder &from, Numbered &message) { message.id = from.uint32(); }
void read(Decoder &from, LoadingFinished &message) {
  message.agent_keys = from.uint32();
  message.agent_note = take_text(from);
  message.memory_note = take_text(from);
}
void read(Decoder &from, IdentityDescription &message) {
  message.type = take_text(from);
  message.usable = from.boolean();
  message.in_agent = from.boolean();
  message.note = take_text(from);
}
void read(Decoder &from, KeyList &message) {
  for (std::uint32_t count = from.uint32(); count > 0 && from.ok(); --count) {
    PublicKey key;
    key.blob = take_text(from);
    key.type = take_text(from);
    key.comment = take_text(from);
    message.keys.push_back(std::move(key));
  }
}
void read(Decoder &from, Signature &message) { message.bytes = take_text(from); }
void read(Decoder &from, Password &message) {
  message.password = Secret(std::string(from.raw(from.rest().size())));
}
void read(Decoder &from, Noticed &message) {
  message.slot = from.uint32();
  message.text = take_text(from);
}

// A frame that is nothing but a secret is made in one go, without a body that would have to be wiped.
template <class Message>
const Secret *lone_secret(const Message &message) {
  if constexpr (std::is_same_v<Message, ControlRequest>) {
    if (const auto *store = std::get_if<StorePassword>(&message)) return &store->password;
  } else if constexpr (std::is_same_v<Message, Reply>) {
    if (const auto *give = std::get_if<Password>(&message)) return &give->password;
  }
  return nullptr;
}

template <class Message>
std::string encode_as(std::uint8_t base, const Message &message) {
  const auto type = static_cast<std::uint8_t>(base + message.index());
  if (const Secret *secret = lone_secret(message))
    return wire::encode_frame(type, secret->reveal());
  Encoder body;
  std::visit([&](const auto &each) { write(body, each); }, message);
  return wire::encode_frame(type, body.bytes());
}

template <class Message, std::size_t index = 0>
Result<Message> decode_as(std::size_t wanted, const wire::Frame &frame) {
  if constexpr (index == std::variant_size_v<Message>) {
    return fail(ErrorKind::protocol, "key holder: unknown message");
  } else {
    if (wanted != index) return decode_as<Message, index + 1>(wanted, frame);
    Decoder fields(frame.body);
    std::variant_alternative_t<index, Message> message;
    read(fields, message);
    if (!fields.finished()) return fail(ErrorKind::protocol, "key holder: malformed message");
    return Message(std::move(message));
  }
}

// A type below the base wraps to a large number, which no variant has.
std::size_t place(const wire::Frame &frame, std::uint8_t base) {
  return std::size_t{frame.type} - base;
}

}  // namespace

std::string encode(const ControlRequest &request) { return encode_as(control_base, request); }
std::string encode(const SlotRequest &request) { return encode_as(slot_base, request); }
std::string encode(const Reply &reply) { return encode_as(reply_base, reply); }

Result<ControlRequest> decode_control_request(const wire::Frame &frame) {
  return decode_as<ControlRequest>(place(frame, control_base), frame);
}
Result<SlotRequest> decode_slot_request(const wire::Frame &frame) {
  return decode_as<SlotRequest>(place(frame, slot_base), frame);
}
Result<Reply> decode_reply(const wire::Frame &frame) {
  return decode_as<Reply>(place(frame, reply_base), frame);
}

}  // namespace fanout::keys
