// Answers of an SFTP server to a client that is busy: Sftp and what takes its packets apart.
//
// Input: what the server says, byte for byte; then decisions: in which pieces it arrives, how many requests are under way,
// and whether the wait is broken off in between. The ids that requests will have are 0, 1, 2 ..., so that answers can be
// made beforehand.
//
// Oracle: each request is answered once, with a value or an error; content is never longer than was asked for; all
// coroutines end; memory follows what was said and not what it promises.
#include <algorithm>
#include <string>

#include "fanout/ssh/sftp.hpp"
#include "input.hpp"
#include "oracle.hpp"
#include "ssh/sftp_stream.hpp"

using namespace fanout;
using fuzz::must;
using ssh::Sftp;

namespace {

constexpr std::size_t asked_bytes = 100;
// A packet may be announced whose bytes never come.
constexpr std::size_t largest_packet_bytes = 512 * 1024;

class Saying : public ssh::SftpStream {
public:
  Saying(std::string_view text, std::uint32_t seed, int stops)
      : text_(text), pieces_(seed), stops_(stops) {}

  core::Result<bool> begin(std::string_view /*greeting*/, std::string & /*why*/) override {
    return true;
  }
  core::Result<std::size_t> send(std::string_view bytes, bool /*answers_due*/) override {
    return bytes.size() > 50 ? bytes.size() / 2 : bytes.size();
  }
  core::Result<std::size_t> receive(char *buffer, std::size_t size) override {
    if (pause_) return 0;
    if (piece_.empty()) piece_ = pieces_.next(text_);
    const std::size_t count = std::min(size, piece_.size());
    std::copy_n(piece_.data(), count, buffer);
    piece_.remove_prefix(count);
    pause_ = piece_.empty();
    return count;
  }
  [[nodiscard]] bool ended() const override { return piece_.empty() && text_.empty(); }
  [[nodiscard]] std::string last_words() const override { return {}; }
  core::Result<void> wait(core::Deadline /*until*/, bool /*hear_only*/) override {
    pause_ = false;
    if (stops_ > 0 && --stops_ == 0) return core::fail(core::ErrorKind::interrupted, "stopped");
    return {};
  }
  void widen_window(std::uint32_t /*bytes*/) override {}
  core::Result<void> finish() override { return {}; }

private:
  std::string_view text_;
  std::string_view piece_;
  fuzz::Pieces pieces_;
  int stops_;
  bool pause_ = false;
};

struct Count {
  int begun = 0;
  int ended = 0;
};

template <class T>
void judge(const ssh::FileResult<T> &result, std::size_t said_bytes) {
  if (result) return;
  must(!result.error().error.message.empty(), "a failure says what it is");
  must(result.error().error.message.size() < 400 + said_bytes, "messages are bounded");
}

ssh::Task<void> one(Sftp &sftp, Count &count, int kind, std::size_t said_bytes) {
  ++count.begun;
  const Sftp::Fill fill = [](char *place, std::size_t size) -> core::Result<void> {
    std::fill_n(place, size, 'x');
    return {};
  };
  switch (kind) {
    case 0: {
      const auto handle = co_await sftp.open_file("/f", {.read = true});
      judge(handle, said_bytes);
      break;
    }
    case 1: {
      const auto data = co_await sftp.read("h", 0, asked_bytes, "/f");
      judge(data, said_bytes);
      if (data) must(!data->view().empty() && data->view().size() <= asked_bytes, "as was asked");
      break;
    }
    case 2: {
      const auto entries = co_await sftp.read_directory("h", "/d");
      judge(entries, said_bytes);
      if (entries && *entries)
        must((*entries)->size() <= said_bytes, "no more entries than there are bytes");
      break;
    }
    case 3: {
      const auto attributes = co_await sftp.stat("/f");
      judge(attributes, said_bytes);
      break;
    }
    case 4: {
      const auto written = co_await sftp.write("h", 0, asked_bytes, fill, "/f");
      judge(written, said_bytes);
      break;
    }
    case 5: {
      const auto path = co_await sftp.real_path("/f");
      judge(path, said_bytes);
      break;
    }
    default: {
      const auto unwanted = sftp.stat("/g");
      const auto removed = co_await sftp.remove("/f");
      judge(removed, said_bytes);
      break;
    }
  }
  ++count.ended;
}

ssh::Task<void> all(Sftp &sftp, Count &count, int tasks, std::size_t said_bytes) {
  for (int i = 0; i < tasks; ++i) {
    co_await sftp.fewer_than(8);
    co_await sftp.room();
    sftp.start(one(sftp, count, i % 7, said_bytes));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::uint32_t seed = input.decision();
  const int tasks = static_cast<int>(input.below(32));
  const int stops = static_cast<int>(input.below(8));
  const std::string said(input.take_rest());
  const std::size_t before = fuzz::allocated_bytes();
  std::string why;
  const auto opened = Sftp::open(std::make_unique<Saying>(said, seed, stops), why);
  if (!opened) {
    must(!opened.error().message.empty(), "an error says what it is");
    return 0;
  }
  if (*opened == nullptr) {
    must(said.empty() && !why.empty(), "only silence is no SFTP");
    return 0;
  }
  Sftp &sftp = **opened;
  must(sftp.max_read_bytes() > 0 && sftp.max_read_bytes() <= 255 * 1024, "requests have a size");
  must(sftp.max_write_bytes() > 0 && sftp.max_write_bytes() <= 255 * 1024, "writes have a size");
  int broken = 0;
  sftp.broken = [&](const core::Error &) { ++broken; };
  Count count;
  sftp.run(all(sftp, count, tasks, said.size()));
  must(count.begun == tasks && count.ended == tasks, "each request is answered once");
  must(sftp.running() == 0, "all coroutines end");
  must(broken <= 1, "an end is told once");
  must(fuzz::allocated_bytes() <= before + largest_packet_bytes + 16 * said.size(),
       "memory follows what was said");
  return 0;
}
