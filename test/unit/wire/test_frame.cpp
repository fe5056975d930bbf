#include <random>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "fanout/wire/codec.hpp"
#include "fanout/wire/frame.hpp"

using namespace fanout::wire;

TEST_CASE("frame: however the bytes are split, the frames are the same", "[wire]") {
  std::mt19937 random(7);
  for (int round = 0; round < 100; ++round) {
    std::vector<Frame> sent;
    std::string stream;
    for (int i = 0; i < 20; ++i) {
      Frame frame{static_cast<std::uint8_t>(random()),
                  std::string(random() % 300, static_cast<char>(random()))};
      stream += encode_frame(frame.type, frame.body);
      sent.push_back(std::move(frame));
    }
    FrameReader reader;
    std::vector<Frame> received;
    for (std::size_t position = 0; position < stream.size();) {
      const std::size_t size = std::min<std::size_t>(1 + random() % 97, stream.size() - position);
      reader.feed(std::string_view(stream).substr(position, size));
      position += size;
      for (;;) {
        auto frame = reader.next();
        REQUIRE(frame);
        if (!*frame) break;
        received.push_back(std::move(**frame));
      }
    }
    REQUIRE(received.size() == sent.size());
    for (std::size_t i = 0; i < sent.size(); ++i) {
      CHECK(received[i].type == sent[i].type);
      CHECK(received[i].body == sent[i].body);
    }
    CHECK_FALSE(reader.in_frame());
  }
}

TEST_CASE("frame: the largest body passes, one byte more breaks the stream for good", "[wire]") {
  FrameReader reader;
  reader.feed(encode_frame(1, std::string(max_body_bytes, 'x')));
  auto frame = reader.next();
  REQUIRE(frame);
  REQUIRE(*frame);
  CHECK((*frame)->body.size() == max_body_bytes);

  Encoder header;
  header.uint32(max_body_bytes + 1);
  reader.feed(header.bytes());  // refused by its length alone, before a byte of the body
  CHECK_FALSE(reader.next());
  reader.feed(encode_frame(1, "fine"));
  CHECK_FALSE(reader.next());
}

TEST_CASE("frame: an unfinished one is known to be unfinished", "[wire]") {
  const std::string whole = encode_frame(3, "abc");
  for (std::size_t size = 1; size < whole.size(); ++size) {
    FrameReader reader;
    reader.feed(std::string_view(whole).substr(0, size));
    const auto frame = reader.next();
    REQUIRE(frame);
    CHECK_FALSE(*frame);
    CHECK(reader.in_frame());
  }
}
