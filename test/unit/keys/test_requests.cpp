#include <catch2/catch_test_macros.hpp>

#include "keys/requests.hpp"

using namespace fanout::keys;
using fanout::core::ErrorKind;
using fanout::core::Secret;
using fanout::wire::Frame;
using fanout::wire::FrameReader;

namespace {

Frame frame_of(const std::string &bytes) {
  FrameReader reader;
  reader.feed(bytes);
  Frame frame = reader.next().value().value();
  REQUIRE_FALSE(reader.in_frame());
  return frame;
}

}  // namespace

TEST_CASE("requests: a slot with everything survives the way", "[keys]") {
  const auto decoded =
      decode_control_request(frame_of(encode(ControlRequest(OpenSlot{7, "alice", {0, 3, 2}, 9}))));
  REQUIRE(decoded);
  const auto &slot = std::get<OpenSlot>(*decoded);
  CHECK(slot.slot == 7);
  CHECK(slot.user == "alice");
  CHECK(slot.identities == std::vector<std::uint32_t>{0, 3, 2});
  CHECK(slot.password == 9U);
}

TEST_CASE("requests: secrets survive the way, whatever bytes they hold", "[keys]") {
  const std::string odd("p\0\n\xff", 4);
  auto stored =
      decode_control_request(frame_of(encode(ControlRequest(StorePassword{Secret(odd)}))));
  REQUIRE(stored);
  CHECK(std::get<StorePassword>(*stored).password.reveal() == odd);
  auto given = decode_reply(frame_of(encode(Reply(Password{Secret(odd)}))));
  REQUIRE(given);
  CHECK(std::get<Password>(*given).password.reveal() == odd);
}

TEST_CASE(
    "requests: a failure keeps kind, text and signal, and a kind that does not exist is internal",
    "[keys]") {
  Frame frame = frame_of(encode(Reply(Failed{{ErrorKind::auth, "no"}, 2})));
  auto failed = std::get<Failed>(decode_reply(frame).value());
  CHECK(failed.error.kind == ErrorKind::auth);
  CHECK(failed.error.message == "no");
  CHECK(failed.interrupted_by == 2);
  frame.body[0] = '\x7f';
  CHECK(std::get<Failed>(decode_reply(frame).value()).error.kind == ErrorKind::internal);
}

TEST_CASE("requests: what is to be signed keeps its proof, and the largest fits one frame",
          "[keys]") {
  const Sign request{std::string(10'000, 'b'),
                     std::string(30'000, 'd'),
                     {std::string(16 * 1024, 'k'), std::string(4 * 1024, 's')}};
  const auto decoded = decode_slot_request(frame_of(encode(SlotRequest(request))));
  REQUIRE(decoded);
  const auto &sign = std::get<Sign>(*decoded);
  CHECK(sign.blob == request.blob);
  CHECK(sign.data == request.data);
  CHECK(sign.proof.host_key == request.proof.host_key);
  CHECK(sign.proof.signature == request.proof.signature);
}

TEST_CASE("requests: an accepted host key and a notice survive the way", "[keys]") {
  const auto accepted =
      decode_control_request(frame_of(encode(ControlRequest(AcceptHostKey{7, "blob"}))));
  REQUIRE(accepted);
  CHECK(std::get<AcceptHostKey>(*accepted).slot == 7);
  CHECK(std::get<AcceptHostKey>(*accepted).blob == "blob");
  const auto noticed = decode_reply(frame_of(encode(Reply(Noticed{7, std::string(5000, 't')}))));
  REQUIRE(noticed);
  CHECK(std::get<Noticed>(*noticed).slot == 7);
  CHECK(std::get<Noticed>(*noticed).text == std::string(max_text_bytes, 't'));
}

TEST_CASE("requests: five keys of the largest size fit one frame", "[keys]") {
  KeyList list;
  for (int i = 0; i < 5; ++i)
    list.keys.push_back(
        {std::string(10 * 1024, 'b'), "ssh-ed25519-cert-v01@openssh.com", std::string(5000, 'c')});
  const auto decoded = decode_reply(frame_of(encode(Reply(list))));
  REQUIRE(decoded);
  CHECK(std::get<KeyList>(*decoded).keys.size() == 5);
}

TEST_CASE("requests: what one side says means nothing from the other", "[keys]") {
  const Frame control = frame_of(encode(ControlRequest(CloseSlot{1})));
  const Frame slot = frame_of(encode(SlotRequest(GetPassword{})));
  const Frame reply = frame_of(encode(Reply(Done{})));
  CHECK_FALSE(decode_slot_request(control));
  CHECK_FALSE(decode_slot_request(reply));
  CHECK_FALSE(decode_control_request(slot));
  CHECK_FALSE(decode_control_request(reply));
  CHECK_FALSE(decode_reply(control));
  CHECK_FALSE(decode_reply(slot));
}

TEST_CASE("requests: every type number that is not one is refused", "[keys]") {
  int known = 0;
  for (int type = 0; type < 256; ++type)
    known += decode_slot_request(Frame{static_cast<std::uint8_t>(type), {}}).has_value() ? 1 : 0;
  CHECK(known == 2);  // the two without a body
}

TEST_CASE("requests: bodies that are cut or go on are refused", "[keys]") {
  const Frame good = frame_of(encode(SlotRequest(Sign{"blob", "data", {"host key", "signature"}})));
  REQUIRE(decode_slot_request(good));
  for (std::size_t size = 0; size < good.body.size(); ++size)
    CHECK_FALSE(decode_slot_request(Frame{good.type, good.body.substr(0, size)}));
  CHECK_FALSE(decode_slot_request(Frame{good.type, good.body + "x"}));
  const Frame list = frame_of(encode(Reply(KeyList{})));
  CHECK_FALSE(decode_reply(Frame{list.type, "\xff\xff\xff\xff"}));
}
