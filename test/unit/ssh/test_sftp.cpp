#include <chrono>
#include <set>

#include <catch2/catch_test_macros.hpp>

#include "fake_sftp_server.hpp"
#include "fanout/ssh/sftp.hpp"

using namespace fanout;
using namespace fanout::ssh;
using namespace std::chrono_literals;
using core::ErrorKind;
using wire::Encoder;

namespace {

// Numbers of the draft, section 3.
constexpr std::uint8_t fxp_init = 1;
constexpr std::uint8_t fxp_open = 3;
constexpr std::uint8_t fxp_close = 4;
constexpr std::uint8_t fxp_write = 6;
constexpr std::uint8_t fxp_remove = 13;
constexpr std::uint8_t fxp_realpath = 16;

using Asked = FakeSftpServer::Asked;

struct Opened {
  FakeSftpServer *server = nullptr;
  std::unique_ptr<Sftp> sftp;
};

// Past the opening; what is asked then gets no answer until a test gives one.
Opened open_fake() {
  auto stream = std::make_unique<FakeSftpServer>();
  FakeSftpServer *server = stream.get();
  server->answer = [server](const Asked &asked) {
    if (asked.type == fxp_init)
      server->say(FakeSftpServer::version(3));
    else
      server->say_status(asked.id, 8);
  };
  std::string why;
  Opened opened{server, Sftp::open(std::move(stream), why).value()};
  REQUIRE(opened.sftp);
  server->answer = [](const Asked &) {};
  server->asked.clear();
  return opened;
}

core::Result<std::unique_ptr<Sftp>> open_with(std::string_view said, std::string &why) {
  auto server = std::make_unique<FakeSftpServer>();
  server->say(said);
  server->leave();
  return Sftp::open(std::move(server), why);
}

Task<FileResult<Attributes>> stat(Sftp &sftp, std::string path) {
  co_return co_await sftp.stat(path);
}

Task<FileResult<FileData>> read(Sftp &sftp, std::size_t size) {
  co_return co_await sftp.read("h", 0, size, "/f");
}

core::Error error_of_stat(Opened &opened) {
  auto result = opened.sftp->run(stat(*opened.sftp, "/f"));
  REQUIRE_FALSE(result);
  CHECK(result.error().status == FileStatus::none);
  return result.error().error;
}

void say_size(FakeSftpServer &server, std::uint32_t id, std::uint64_t size) {
  server.say_packet(105, id, Encoder().uint32(1).uint64(size).bytes());
}

}  // namespace

TEST_CASE("sftp: answers reach who asked, in whatever order they come", "[ssh]") {
  Opened opened = open_fake();
  FakeSftpServer &server = *opened.server;
  server.answer = [&](const Asked &) {
    if (server.asked.size() < 3) return;
    for (auto asked = server.asked.rbegin(); asked != server.asked.rend(); ++asked)
      say_size(server, asked->id, asked->body.size());
  };
  std::vector<std::uint64_t> sizes;
  const auto all = [](Sftp &sftp, std::vector<std::uint64_t> &got) -> Task<void> {
    auto first = sftp.stat("a");
    auto second = sftp.stat("bb");
    auto third = sftp.stat("ccc");
    got.push_back((co_await second)->size.value());
    got.push_back((co_await first)->size.value());
    got.push_back((co_await third)->size.value());
  };
  opened.sftp->run(all(*opened.sftp, sizes));
  CHECK(sizes == std::vector<std::uint64_t>{6, 5, 7});
}

TEST_CASE("sftp: a refusal is told with operation, path and the server's words", "[ssh]") {
  Opened opened = open_fake();
  opened.server->answer = [&](const Asked &asked) {
    opened.server->say_status(asked.id, 3, "Permission denied");
  };
  const auto result = opened.sftp->run(stat(*opened.sftp, "/srv/x"));
  REQUIRE_FALSE(result);
  CHECK(result.error().status == FileStatus::permission_denied);
  CHECK(result.error().error.kind == ErrorKind::remote);
  CHECK(result.error().error.message == "stat /srv/x: Permission denied");
}

TEST_CASE("sftp: an answer to no question ends the connection", "[ssh]") {
  Opened opened = open_fake();
  opened.server->answer = [&](const Asked &asked) { opened.server->say_status(asked.id + 1, 0); };
  CHECK(error_of_stat(opened).kind == ErrorKind::protocol);
  // And for good.
  opened.server->answer = [&](const Asked &asked) { say_size(*opened.server, asked.id, 1); };
  CHECK(error_of_stat(opened).kind == ErrorKind::protocol);
}

TEST_CASE("sftp: an answer to a question that has not been asked to its end ends the connection",
          "[ssh]") {
  Opened opened = open_fake();
  opened.server->deaf = true;
  opened.server->say_status(1, 3);  // 0 was that of the opening
  CHECK(error_of_stat(opened).kind == ErrorKind::protocol);
}

TEST_CASE("sftp: a question is answered once", "[ssh]") {
  Opened opened = open_fake();
  opened.server->answer = [&](const Asked &asked) {
    say_size(*opened.server, asked.id, 1);
    say_size(*opened.server, asked.id, 2);
  };
  // The first answer counts; behind the second nothing does.
  const auto first = opened.sftp->run(stat(*opened.sftp, "/f"));
  REQUIRE(first);
  CHECK(first->size == 1);
  CHECK(error_of_stat(opened).kind == ErrorKind::protocol);
}

TEST_CASE("sftp: an answer of another type ends the connection", "[ssh]") {
  Opened opened = open_fake();
  opened.server->answer = [&](const Asked &asked) { opened.server->say_handle(asked.id, "h"); };
  CHECK(error_of_stat(opened).kind == ErrorKind::protocol);
}

TEST_CASE("sftp: more content than was asked for ends the connection, less does not", "[ssh]") {
  for (const std::size_t size : {9U, 10U, 11U}) {
    Opened opened = open_fake();
    opened.server->answer = [&](const Asked &asked) {
      opened.server->say_packet(103, asked.id, Encoder().string(std::string(size, 'x')).bytes());
    };
    const auto result = opened.sftp->run(read(*opened.sftp, 10));
    CHECK(result.has_value() == (size <= 10));
    if (result)
      CHECK(result->view() == std::string(size, 'x'));
    else
      CHECK(result.error().error.kind == ErrorKind::protocol);
  }
}

TEST_CASE("sftp: content larger than a read of the stream arrives whole", "[ssh]") {
  std::string content(200'000, 'a');
  for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i * 7 % 251);
  for (const std::size_t piece : {std::size_t{1'000}, std::size_t{4'096}, SIZE_MAX}) {
    Opened opened = open_fake();
    opened.server->piece_bytes = piece;
    opened.server->answer = [&](const Asked &asked) {
      opened.server->say_packet(103, asked.id, Encoder().string(content).bytes());
    };
    const auto result = opened.sftp->run(read(*opened.sftp, content.size()));
    REQUIRE(result);
    CHECK(result->view() == content);
  }
}

TEST_CASE("sftp: a listing ends by its status, or by a list of nothing", "[ssh]") {
  const auto list = [](Sftp &sftp) -> Task<FileResult<std::optional<std::vector<DirectoryEntry>>>> {
    co_return co_await sftp.read_directory("h", "/d");
  };
  Opened opened = open_fake();
  opened.server->answer = [&](const Asked &asked) { opened.server->say_status(asked.id, 1); };
  auto ended = opened.sftp->run(list(*opened.sftp));
  REQUIRE(ended);
  CHECK_FALSE(ended->has_value());
  opened.server->answer = [&](const Asked &asked) {
    opened.server->say_packet(104, asked.id, Encoder().uint32(0).bytes());
  };
  ended = opened.sftp->run(list(*opened.sftp));
  REQUIRE(ended);
  opened.server->answer = [&](const Asked &asked) {
    opened.server->say_packet(104, asked.id, Encoder().uint32(1'000'000).bytes());
  };
  const auto lied = opened.sftp->run(list(*opened.sftp));
  REQUIRE_FALSE(lied);
  CHECK(lied.error().error.kind == ErrorKind::protocol);
}

TEST_CASE("sftp: a packet larger than any that was agreed on ends the connection", "[ssh]") {
  Opened opened = open_fake();
  opened.server->answer = [&](const Asked &) {
    opened.server->say(Encoder().uint32(300'000).bytes());
  };
  const core::Error error = error_of_stat(opened);
  CHECK(error.kind == ErrorKind::protocol);
  CHECK(error.message == "the SFTP server sent a packet of 300000 bytes");
}

TEST_CASE("sftp: text of a shell's startup files is shown", "[ssh]") {
  std::string why;
  const auto opened =
      open_with("Welcome to db01!\r\nHave a nice day\n" + FakeSftpServer::version(3), why);
  REQUIRE_FALSE(opened);
  CHECK(opened.error().kind == ErrorKind::protocol);
  CHECK(opened.error().message ==
        "the server's shell startup files print text before SFTP starts: 'Welcome to db01!'");
}

TEST_CASE("sftp: an older version is an error, a program without a word is none", "[ssh]") {
  std::string why;
  const auto old = open_with(FakeSftpServer::version(2), why);
  REQUIRE_FALSE(old);
  CHECK(old.error().kind == ErrorKind::protocol);
  const auto none = open_with("", why);
  REQUIRE(none);
  CHECK(*none == nullptr);
  CHECK(why == "the server's SFTP program ended without a word: killed by signal KILL");
}

TEST_CASE("sftp: what the server can do decides how large requests are", "[ssh]") {
  const auto limits_with = [](std::uint64_t packet, std::uint64_t read, std::uint64_t write) {
    auto stream = std::make_unique<FakeSftpServer>();
    FakeSftpServer *server = stream.get();
    server->answer = [=](const Asked &asked) {
      if (asked.type == fxp_init)
        server->say(
            FakeSftpServer::version(3, Encoder().string("limits@openssh.com").string("1").bytes()));
      else
        server->say_packet(
            201, asked.id,
            Encoder().uint64(packet).uint64(read).uint64(write).uint64(1019).bytes());
    };
    std::string why;
    auto sftp = Sftp::open(std::move(stream), why).value();
    CHECK(sftp->max_handles() == 1019);
    return std::pair(sftp->max_read_bytes(), sftp->max_write_bytes());
  };
  CHECK(limits_with(262'144, 261'120, 261'120) ==
        std::pair<std::size_t, std::size_t>(261'120, 261'120));
  CHECK(limits_with(0, 0, 0) == std::pair<std::size_t, std::size_t>(32'768, 32'768));
  CHECK(limits_with(34'000, 1ULL << 40, 20'000) ==
        std::pair<std::size_t, std::size_t>(32'976, 20'000));
  CHECK(open_fake().sftp->max_write_bytes() == 32'768);
}

namespace {

struct Ends {
  int begun = 0;
  int ended = 0;
  int failed = 0;
};

Task<void> upload(Sftp &sftp, Ends &ends, std::string path) {
  ++ends.begun;
  const Sftp::Fill fill = [](char *place, std::size_t size) -> core::Result<void> {
    std::fill_n(place, size, 'x');
    return {};
  };
  auto handle = co_await sftp.open_file(path, {.write = true, .create = true});
  bool good = handle.has_value();
  if (handle) {
    auto first = sftp.write(*handle, 0, 100, fill, path);
    auto second = sftp.write(*handle, 100, 50, fill, path);
    const auto first_result = co_await first;
    const auto second_result = co_await second;
    const auto closed = co_await sftp.close(*handle, path);
    good = first_result && second_result && closed;
  }
  ++ends.ended;
  if (!good) ++ends.failed;
}

Task<void> upload_some(Sftp &sftp, Ends &ends, int count) {
  for (int i = 0; i < count; ++i) {
    co_await sftp.room();
    sftp.start(upload(sftp, ends, "/f"));
  }
}

void answer_all(FakeSftpServer &server, const Asked &asked) {
  if (asked.type == fxp_open)
    server.say_handle(asked.id, "h");
  else
    server.say_status(asked.id, 0);
}

}  // namespace

TEST_CASE("sftp: a stream that ends at any byte fails what is awaited, once", "[ssh]") {
  std::size_t all_bytes = 0;
  {
    Opened opened = open_fake();
    opened.server->answer = [&](const Asked &asked) { answer_all(*opened.server, asked); };
    Ends ends;
    opened.sftp->run(upload_some(*opened.sftp, ends, 3));
    CHECK(ends.ended == 3);
    CHECK(ends.failed == 0);
    all_bytes = opened.server->said_bytes();
  }
  const std::size_t opening_bytes = open_fake().server->said_bytes();
  REQUIRE(all_bytes > opening_bytes + 100);
  for (std::size_t cut = opening_bytes; cut < all_bytes; ++cut) {
    INFO("cut after " << cut);
    Opened opened = open_fake();
    opened.server->answer = [&](const Asked &asked) { answer_all(*opened.server, asked); };
    opened.server->ends_after = cut;
    int broken = 0;
    opened.sftp->broken = [&](const core::Error &why) {
      ++broken;
      CHECK(why.message == "the server's SFTP program ended: killed by signal KILL");
    };
    Ends ends;
    opened.sftp->run(upload_some(*opened.sftp, ends, 3));
    CHECK(ends.begun == 3);
    CHECK(ends.ended == 3);
    CHECK(ends.failed > 0);
    CHECK(broken == 1);
    CHECK(opened.sftp->running() == 0);
  }
}

TEST_CASE("sftp: a request whose content cannot be had is not sent", "[ssh]") {
  Opened opened = open_fake();
  opened.server->answer = [&](const Asked &asked) { opened.server->say_status(asked.id, 0); };
  const auto both = [](Sftp &sftp) -> Task<std::pair<FileResult<void>, FileResult<void>>> {
    const Sftp::Fill bad = [](char *, std::size_t) -> core::Result<void> {
      return core::fail(ErrorKind::local, "read f: Input/output error");
    };
    auto failed = co_await sftp.write("h", 0, 1'000, bad, "/f");
    auto removed = co_await sftp.remove("/f");
    co_return std::pair(std::move(failed), std::move(removed));
  };
  const auto [failed, removed] = opened.sftp->run(both(*opened.sftp));
  REQUIRE_FALSE(failed);
  CHECK(failed.error().error.kind == ErrorKind::local);
  CHECK(removed);
  REQUIRE(opened.server->asked.size() == 1);
  CHECK(opened.server->asked[0].type == fxp_remove);
}

TEST_CASE("sftp: with room awaited, what is unsent and what is unanswered stay bounded", "[ssh]") {
  Opened opened = open_fake();
  FakeSftpServer &server = *opened.server;
  server.piece_bytes = 10'000;
  std::size_t unanswered = 0;
  std::size_t most = 0;
  std::vector<Asked> waiting;
  server.answer = [&](const Asked &asked) {
    waiting.push_back(asked);
    most = std::max(most, ++unanswered);
  };
  server.while_waiting = [&]() -> core::Result<void> {
    for (const Asked &asked : waiting) answer_all(server, asked);
    waiting.clear();
    unanswered = 0;
    return {};
  };
  Ends ends;
  opened.sftp->run(upload_some(*opened.sftp, ends, 5'000));
  CHECK(ends.ended == 5'000);
  CHECK(ends.failed == 0);
  CHECK(most <= 3 * 1'024);
  CHECK(server.most_unsent < (1 << 20));
}

TEST_CASE("sftp: fewer than so many are awaited before more are begun", "[ssh]") {
  Opened opened = open_fake();
  opened.server->answer = [&](const Asked &asked) { answer_all(*opened.server, asked); };
  std::size_t most = 0;
  Ends ends;
  const auto some = [](Sftp &sftp, Ends &all, std::size_t &at_once) -> Task<void> {
    for (int i = 0; i < 100; ++i) {
      co_await sftp.fewer_than(4);
      sftp.start(upload(sftp, all, "/f"));
      at_once = std::max(at_once, sftp.running());
    }
    co_await sftp.fewer_than(1);
    CHECK(all.ended == 100);
  };
  opened.sftp->run(some(*opened.sftp, ends, most));
  CHECK(most == 4);
}

TEST_CASE("sftp: alarms ring in the order of their times", "[ssh]") {
  Opened opened = open_fake();
  std::vector<int> order;
  const auto at = [](Sftp &sftp, std::vector<int> &rung, core::TimePoint time,
                     int number) -> Task<void> {
    co_await sftp.at(time);
    CHECK(core::Clock::now() >= time);
    rung.push_back(number);
  };
  const auto all = [&at](Sftp &sftp, std::vector<int> &rung) -> Task<void> {
    const core::TimePoint now = core::Clock::now();
    sftp.start(at(sftp, rung, now + 3ms, 3));
    sftp.start(at(sftp, rung, now + 1ms, 1));
    sftp.start(at(sftp, rung, now + 2ms, 2));
    sftp.start(at(sftp, rung, now - 1ms, 0));
    co_return;
  };
  opened.sftp->run(all(*opened.sftp, order));
  CHECK(order == std::vector<int>{0, 1, 2, 3});
}

TEST_CASE("sftp: after a stop what was begun can be removed, and late answers are nobody's",
          "[ssh]") {
  Opened opened = open_fake();
  FakeSftpServer &server = *opened.server;
  bool stopped = true;
  opened.sftp->broken = [&](const core::Error &why) {
    CHECK(why.kind == ErrorKind::interrupted);
    stopped = false;
  };
  server.while_waiting = [&]() -> core::Result<void> {
    if (stopped) return core::fail(ErrorKind::interrupted, "stopped");
    return {};
  };
  std::vector<Asked> late;
  server.answer = [&](const Asked &asked) {
    if (asked.type != fxp_remove) return late.push_back(asked);
    for (const Asked &earlier : late) answer_all(server, earlier);
    late.clear();
    server.say_status(asked.id, 0);
  };
  const auto work = [](Sftp &sftp, int &gone) -> Task<void> {
    const auto handle = co_await sftp.open_file("/f", {.write = true, .create = true});
    REQUIRE_FALSE(handle);
    CHECK(handle.error().status == FileStatus::none);
    CHECK(handle.error().error.kind == ErrorKind::interrupted);
    const auto removed_it = co_await sftp.remove("/f");
    if (removed_it) ++gone;
  };
  const auto many = [&work](Sftp &sftp, int &gone) -> Task<void> {
    for (int i = 0; i < 10; ++i) sftp.start(work(sftp, gone));
    // Who waits for a time far away is not kept from tidying up.
    co_await sftp.at(core::Clock::now() + 1h);
  };
  int removed = 0;
  opened.sftp->run(many(*opened.sftp, removed));
  CHECK(removed == 10);
}

TEST_CASE("sftp: a stop that lasts ends everything, and is told once", "[ssh]") {
  Opened opened = open_fake();
  int told = 0;
  opened.sftp->broken = [&](const core::Error &) { ++told; };
  opened.server->while_waiting = []() -> core::Result<void> {
    return core::fail(ErrorKind::interrupted, "stopped");
  };
  const auto work = [](Sftp &sftp) -> Task<void> {
    for (int i = 0; i < 3; ++i) {
      const auto removed = co_await sftp.remove("/f");
      CHECK_FALSE(removed);
    }
  };
  opened.sftp->run(work(*opened.sftp));
  CHECK(told == 1);
}

TEST_CASE("sftp: after a stop, content that has not left does not leave", "[ssh]") {
  for (const std::size_t committed : {0, 10, 60'000}) {
    Opened opened = open_fake();
    FakeSftpServer &server = *opened.server;
    server.piece_bytes = 1'000;
    server.committed = committed;
    bool stopped = true;
    opened.sftp->broken = [&](const core::Error &) { stopped = false; };
    server.while_waiting = [&]() -> core::Result<void> {
      if (stopped) return core::fail(ErrorKind::interrupted, "stopped");
      return {};
    };
    server.answer = [&](const Asked &asked) { server.say_status(asked.id, 0); };
    const auto work = [](Sftp &sftp) -> Task<void> {
      const Sftp::Fill fill = [](char *place, std::size_t size) -> core::Result<void> {
        std::fill_n(place, size, 'x');
        return {};
      };
      std::vector<Pending<void>> writes;
      for (std::size_t i = 0; i < 5; ++i)
        writes.push_back(sftp.write("h", i * 30'000, 30'000, fill, "/f"));
      for (auto &write : writes) {
        const auto written = co_await write;
        CHECK_FALSE(written);
      }
      const auto removed = co_await sftp.remove("/f");
      CHECK(removed);
    };
    opened.sftp->run(work(*opened.sftp));
    // What was half sent has to be sent whole, and so has what the stream has made up its mind about.
    INFO("committed " << committed);
    const std::size_t writes = committed < 30'000 ? 1 : 3;
    REQUIRE(server.asked.size() == writes + 1);
    CHECK(server.asked[0].type == fxp_write);
    CHECK(server.asked.back().type == fxp_remove);
  }
}

TEST_CASE("sftp: a server that is silent for too long is given up", "[ssh]") {
  Opened opened = open_fake();
  opened.sftp->stall_timeout = 20ms;
  const core::Error error = error_of_stat(opened);
  CHECK(error.kind == ErrorKind::timeout);
  CHECK(error.message == "no answer from the server for 20ms");
  // Nothing was asked meanwhile: nobody is silent.
  const auto pause = [](Sftp &sftp) -> Task<void> { co_await sftp.at(core::Clock::now() + 50ms); };
  bool broken = false;
  opened.sftp->broken = [&](const core::Error &) { broken = true; };
  opened.sftp->run(pause(*opened.sftp));
  CHECK_FALSE(broken);
}

TEST_CASE("sftp: an answer that nobody waits for any more is thrown away", "[ssh]") {
  Opened opened = open_fake();
  opened.server->answer = [&](const Asked &asked) { say_size(*opened.server, asked.id, 4); };
  const auto work = [](Sftp &sftp) -> Task<std::uint64_t> {
    { auto unwanted = sftp.stat("/a"); }
    co_return (co_await sftp.stat("/b"))->size.value();
  };
  CHECK(opened.sftp->run(work(*opened.sftp)) == 4);
  CHECK(opened.server->asked.size() == 2);
}

TEST_CASE("sftp: tasks that are under way may be abandoned with it", "[ssh]") {
  Ends ends;
  auto token = std::make_shared<int>(0);
  const auto wait = [](Sftp &sftp, std::shared_ptr<int> kept) -> Task<void> {
    const auto ignored = co_await sftp.stat("/a");
    static_cast<void>(kept);
    CHECK_FALSE(ignored);
  };
  {
    Opened opened = open_fake();
    for (int i = 0; i < 10; ++i) opened.sftp->start(wait(*opened.sftp, token));
    CHECK(opened.sftp->running() == 10);
    CHECK(token.use_count() == 11);
  }
  CHECK(token.use_count() == 1);
}

namespace {

Task<int> one() { co_return 1; }

Task<int> count_to(int limit) {
  int sum = 0;
  for (int i = 0; i < limit; ++i) sum += co_await one();
  co_return sum;
}

}  // namespace

TEST_CASE("task: a long loop over tasks that do not wait takes no stack", "[ssh]") {
  const Task<int> task = count_to(1'000'000);
  task.resume();
  REQUIRE(task.done());
  CHECK(Task<int>(count_to(0)).done() == false);
}

TEST_CASE("sftp: thousands that become ready at once take no stack either", "[ssh]") {
  Opened opened = open_fake();
  FakeSftpServer &server = *opened.server;
  server.answer = [&](const Asked &asked) {
    if (server.asked.size() % 20'000 != 0) return;
    static_cast<void>(asked);
    for (const Asked &each : server.asked) say_size(server, each.id, 1);
  };
  int done = 0;
  const auto wait = [](Sftp &sftp, int &ended) -> Task<void> {
    const auto seen = co_await sftp.stat("/a");
    if (seen) ++ended;
  };
  const auto all = [&wait](Sftp &sftp, int &ended) -> Task<void> {
    for (int i = 0; i < 20'000; ++i) sftp.start(wait(sftp, ended));
    co_return;
  };
  opened.sftp->run(all(*opened.sftp, done));
  CHECK(done == 20'000);
}
