#include <catch2/catch_test_macros.hpp>

#include "ssh/sftp_packets.hpp"

using namespace fanout;
using namespace fanout::ssh;
using sftp::Wanted;
using wire::Encoder;

namespace {

core::Result<sftp::Reply> reply(Wanted wanted, std::uint8_t type, const std::string &rest,
                                std::size_t asked_bytes = 0) {
  return sftp::parse_reply(wanted, asked_bytes, {type, 1, rest});
}

std::string entry(std::string_view name) {
  return Encoder().string(name).string("").uint32(0).take();
}

}  // namespace

TEST_CASE("sftp packets: a request is length, type, id and body, and counts content that follows",
          "[ssh]") {
  using namespace std::string_literals;
  CHECK(sftp::request(sftp::Request::close, 7, "abc") == "\0\0\0\x08\x04\0\0\0\x07"s + "abc");
  CHECK(sftp::request(sftp::Request::write, 1, "", 256) == "\0\0\x01\x05\x06\0\0\0\x01"s);
  CHECK(sftp::init() == "\0\0\0\x05\x01\0\0\0\x03"s);
}

TEST_CASE("sftp packets: attributes come back as they were sent", "[ssh]") {
  Attributes sent;
  sent.size = 0x1'0000'0001;
  sent.owner = {1000, 2000};
  sent.mode = 0100644;
  sent.times = {5, 6};
  Encoder encoder;
  sftp::append(encoder, sent);
  wire::Decoder decoder(encoder.bytes());
  const Attributes got = sftp::attributes_of(decoder);
  CHECK(decoder.finished());
  CHECK(got.size == sent.size);
  CHECK(got.owner->user == 1000);
  CHECK(got.owner->group == 2000);
  CHECK(got.mode == sent.mode);
  CHECK(got.times->access == 5);
  CHECK(got.times->modification == 6);
  CHECK(got.is_file());
}

TEST_CASE("sftp packets: what is not there is not sent", "[ssh]") {
  Encoder encoder;
  sftp::append(encoder, {});
  CHECK(encoder.bytes() == std::string(4, '\0'));
  CHECK(Attributes{}.type() == Attributes::Type::unknown);
}

TEST_CASE("sftp packets: the kind of a file is in its mode", "[ssh]") {
  const auto type_of = [](std::uint32_t mode) {
    Attributes attributes;
    attributes.mode = mode;
    return attributes.type();
  };
  CHECK(type_of(0040755) == Attributes::Type::directory);
  CHECK(type_of(0120777) == Attributes::Type::link);
  CHECK(type_of(0010600) == Attributes::Type::other);
  CHECK(type_of(0644) == Attributes::Type::unknown);
}

TEST_CASE("sftp packets: extended attributes are stepped over, and end with the bytes", "[ssh]") {
  const std::string good = Encoder().uint32(0x8000'0000).uint32(1).string("a@b").string("c").take();
  CHECK(reply(Wanted::attributes, 105, good));
  const std::string endless = Encoder().uint32(0x8000'0000).uint32(0xffff'ffff).take();
  CHECK_FALSE(reply(Wanted::attributes, 105, endless));
}

TEST_CASE("sftp packets: of the extensions those count that have the version we know", "[ssh]") {
  const std::string packet = Encoder()
                                 .byte(2)
                                 .uint32(3)
                                 .string("posix-rename@openssh.com")
                                 .string("1")
                                 .string("fsync@openssh.com")
                                 .string("2")
                                 .string("other@example.com")
                                 .string("1")
                                 .take();
  const auto abilities = sftp::parse_version(packet);
  REQUIRE(abilities);
  CHECK(abilities->posix_rename);
  CHECK_FALSE(abilities->fsync);
  CHECK_FALSE(abilities->limits);
}

TEST_CASE("sftp packets: another version is refused in words", "[ssh]") {
  const auto old = sftp::parse_version(Encoder().byte(2).uint32(2).bytes());
  REQUIRE_FALSE(old);
  CHECK(old.error().kind == core::ErrorKind::protocol);
  CHECK(old.error().message == "the server speaks SFTP version 2 only; version 3 is needed");
  // Nobody may answer with more than was asked for.
  CHECK_FALSE(sftp::parse_version(Encoder().byte(2).uint32(6).bytes()));
  CHECK_FALSE(sftp::parse_version(Encoder().byte(101).uint32(3).bytes()));
  CHECK_FALSE(sftp::parse_version(Encoder().byte(2).uint32(3).string("half").bytes()));
}

TEST_CASE("sftp packets: a status has the server's words, or ours when it has none", "[ssh]") {
  const auto said =
      reply(Wanted::status, 101, Encoder().uint32(3).string("Permission denied").string("").take());
  REQUIRE(said);
  CHECK(said->status->code == FileStatus::permission_denied);
  CHECK(said->status->text == "Permission denied");
  const auto silent = reply(Wanted::status, 101, Encoder().uint32(2).take());
  REQUIRE(silent);
  CHECK(silent->status->text == "no such file");
  const auto unknown = reply(Wanted::status, 101, Encoder().uint32(11).take());
  REQUIRE(unknown);
  CHECK(unknown->status->code == FileStatus::failure);
  CHECK(unknown->status->text == "failure 11");
}

TEST_CASE("sftp packets: \"done\" is no answer where something was asked for", "[ssh]") {
  const std::string done = Encoder().uint32(0).string("").string("").take();
  CHECK(reply(Wanted::status, 101, done));
  for (const Wanted wanted : {Wanted::handle, Wanted::data, Wanted::path, Wanted::entries,
                              Wanted::attributes, Wanted::limits})
    CHECK_FALSE(reply(wanted, 101, done));
}

TEST_CASE("sftp packets: each question has one type of answer", "[ssh]") {
  const std::string handle = Encoder().string("h").take();
  CHECK(reply(Wanted::handle, 102, handle));
  CHECK_FALSE(reply(Wanted::handle, 103, handle));
  CHECK_FALSE(reply(Wanted::status, 102, handle));
  CHECK_FALSE(reply(Wanted::handle, 102, handle + "x"));
  CHECK_FALSE(reply(Wanted::handle, 102, Encoder().string(std::string(257, 'h')).take()));
}

TEST_CASE("sftp packets: content is at least a byte and at most what was asked for", "[ssh]") {
  const std::string data = Encoder().string("abcd").take();
  CHECK(reply(Wanted::data, 103, data, 4)->text == "abcd");
  CHECK(reply(Wanted::data, 103, data, 5));
  CHECK_FALSE(reply(Wanted::data, 103, data, 3));
  CHECK_FALSE(reply(Wanted::data, 103, Encoder().string("").take(), 5));
  CHECK_FALSE(reply(Wanted::data, 103, Encoder().uint32(4).raw("abc").take(), 5));
}

TEST_CASE("sftp packets: a list of names is as long as it says", "[ssh]") {
  const auto list = [](std::uint32_t count, const std::string &entries) {
    return reply(Wanted::entries, 104, Encoder().uint32(count).raw(entries).take());
  };
  const std::string three = entry(".") + entry("..") + entry("a");
  const auto good = list(3, three);
  REQUIRE(good);
  REQUIRE(good->entries.size() == 1);
  CHECK(good->entries[0].name == "a");
  CHECK(list(1, entry(""))->entries.size() == 1);
  CHECK_FALSE(list(4, three));
  CHECK_FALSE(list(2, three));
  CHECK_FALSE(list(0xffff'ffff, three));
  std::string many;
  for (std::size_t i = 0; i <= sftp::max_entries; ++i) many += entry("n");
  CHECK_FALSE(list(static_cast<std::uint32_t>(sftp::max_entries + 1), many));
}

TEST_CASE("sftp packets: a path is one name", "[ssh]") {
  const auto path = [](std::uint32_t count, const std::string &entries) {
    return reply(Wanted::path, 104, Encoder().uint32(count).raw(entries).take());
  };
  const std::string home = Encoder().uint32(1).raw(entry("/home/u")).take();
  CHECK(reply(Wanted::path, 104, home)->text == "/home/u");
  CHECK_FALSE(path(0, ""));
  CHECK_FALSE(path(2, entry("a") + entry("b")));
}
