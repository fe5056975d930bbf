// Our SFTP against the real server of OpenSSH, without SSH: it speaks through its standard input and output.
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>

#include <catch2/catch_test_macros.hpp>

#include "fanout/ssh/sftp.hpp"
#include "fanout/sys/io.hpp"
#include "fanout/sys/pipe.hpp"
#include "fanout/sys/process.hpp"
#include "ssh/sftp_stream.hpp"

namespace fs = std::filesystem;

namespace fanout::ssh {

namespace {

constexpr const char *server_path = "/usr/lib/openssh/sftp-server";
constexpr core::Milliseconds patience{60'000};

class ServerProcess : public SftpStream {
public:
  ServerProcess() {
    auto pair = sys::make_socket_pair().value();
    ours_ = std::move(pair.first);
    const int theirs = pair.second.get();
    child_ = sys::fork_child([theirs] {
               ::dup2(theirs, 0);
               ::dup2(theirs, 1);
               ::execl(server_path, "sftp-server", nullptr);
               return 127;
             }).value();
  }
  core::Result<bool> begin(std::string_view greeting, std::string & /*why*/) override {
    TRY(sys::write_all(ours_.get(), greeting));
    return true;
  }
  core::Result<std::size_t> send(std::string_view bytes, bool /*answers_due*/) override {
    const sys::Transfer sent = sys::send_some(ours_.get(), bytes);
    const std::size_t count = sent.state == sys::Transfer::State::done ? sent.count : 0;
    full_ = count < bytes.size();
    return count;
  }
  core::Result<std::size_t> receive(char *buffer, std::size_t size) override {
    const sys::Transfer got = sys::receive_some(ours_.get(), buffer, size);
    ended_ = got.state == sys::Transfer::State::end || got.state == sys::Transfer::State::failed;
    return got.state == sys::Transfer::State::done ? got.count : 0;
  }
  [[nodiscard]] bool ended() const override { return ended_; }
  [[nodiscard]] std::string last_words() const override { return {}; }
  core::Result<void> wait(core::Deadline until, bool hear_only) override {
    if (hear_only) return {};
    const core::Deadline limit = core::Deadline::in(patience, sys::now());
    if (!sys::wait_ready(ours_.get(), full_ ? POLLIN | POLLOUT : POLLIN, limit.or_sooner(until)) &&
        limit.passed(sys::now()))
      return core::fail(core::ErrorKind::timeout, "timed out");
    return {};
  }
  void widen_window(std::uint32_t /*bytes*/) override {}
  core::Result<void> finish() override { return {}; }

private:
  sys::UniqueFd ours_;
  sys::Child child_;
  bool full_ = false;
  bool ended_ = false;
};

class Folder {
public:
  Folder() {
    path_ = (fs::temp_directory_path() / "fanout-sftp-XXXXXX").string();
    REQUIRE(::mkdtemp(path_.data()) != nullptr);
  }
  ~Folder() { fs::remove_all(path_); }
  [[nodiscard]] std::string operator/(std::string_view name) const {
    return path_ + "/" + std::string(name);
  }
  [[nodiscard]] const std::string &path() const { return path_; }

private:
  std::string path_;
};

std::unique_ptr<Sftp> open() {
  if (!fs::exists(server_path)) SKIP("there is no " << server_path);
  std::string why;
  auto sftp = Sftp::open(std::make_unique<ServerProcess>(), why);
  REQUIRE(sftp);
  REQUIRE(*sftp);
  return std::move(*sftp);
}

std::string content_of(const std::string &path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

std::string sample(std::size_t size) {
  std::string text(size, '\0');
  std::uint32_t state = 12345;
  for (char &c : text) {
    state = state * 1664525U + 1013904223U;
    c = static_cast<char>(state >> 24);
  }
  return text;
}

using Done = FileResult<void>;

Task<Done> upload(Sftp &sftp, std::string path, const std::string &content) {
  CO_TRY_ASSIGN(const std::string handle,
                co_await sftp.open_file(path, {.write = true, .create = true, .exclusive = true}));
  std::vector<Pending<void>> writes;
  for (std::size_t at = 0; at < content.size(); at += sftp.max_write_bytes()) {
    const std::size_t size = std::min(sftp.max_write_bytes(), content.size() - at);
    co_await sftp.room();
    const Sftp::Fill fill = [&content, at](char *place, std::size_t count) -> core::Result<void> {
      content.copy(place, count, at);
      return {};
    };
    writes.push_back(sftp.write(handle, at, size, fill, path));
  }
  for (auto &write : writes) CO_TRY(co_await write);
  if (sftp.has_fsync()) CO_TRY(co_await sftp.fsync(handle, path));
  CO_TRY(co_await sftp.close(handle, path));
  co_return {};
}

Task<FileResult<std::string>> download(Sftp &sftp, std::string path) {
  CO_TRY_ASSIGN(const std::string handle, co_await sftp.open_file(path, {.read = true}));
  CO_TRY_ASSIGN(const Attributes attributes, co_await sftp.fstat(handle, path));
  std::vector<Pending<FileData>> reads;
  for (std::size_t at = 0; at < *attributes.size; at += sftp.max_read_bytes())
    reads.push_back(sftp.read(handle, at, sftp.max_read_bytes(), path));
  std::string content;
  for (auto &read : reads) {
    CO_TRY_ASSIGN(const FileData data, co_await read);
    content += data.view();
  }
  const auto after_the_end = co_await sftp.read(handle, *attributes.size, 1, path);
  CHECK_FALSE(after_the_end);
  if (!after_the_end) CHECK(after_the_end.error().status == FileStatus::end_of_file);
  CO_TRY(co_await sftp.close(handle, path));
  co_return content;
}

Task<void> upload_counting(Sftp &sftp, std::string path, const std::string &content, int &good) {
  const Done done = co_await upload(sftp, path, content);
  if (done) ++good;
}

Task<FileResult<std::size_t>> count_entries(Sftp &sftp, std::string path) {
  CO_TRY_ASSIGN(const std::string handle, co_await sftp.open_directory(path));
  std::size_t count = 0;
  for (;;) {
    CO_TRY_ASSIGN(const auto entries, co_await sftp.read_directory(handle, path));
    if (!entries) break;
    for (const DirectoryEntry &entry : *entries)
      if (entry.attributes.is_file()) ++count;
  }
  CO_TRY(co_await sftp.close(handle, path));
  co_return count;
}

template <class T>
Task<FileResult<T>> await(Pending<T> pending) {
  co_return co_await pending;
}

}  // namespace

TEST_CASE("sftp-server: files of every awkward size arrive byte for byte, both ways", "[ssh]") {
  const auto sftp = open();
  const Folder folder;
  for (const std::size_t size :
       {0U, 1U, 32'767U, 32'768U, 32'769U, 261'120U, 261'121U, 5'000'001U}) {
    INFO("size " << size);
    const std::string content = sample(size);
    const std::string path = folder / std::to_string(size);
    REQUIRE(sftp->run(upload(*sftp, path, content)));
    CHECK((content_of(path) == content));
    const auto back = sftp->run(download(*sftp, path));
    REQUIRE(back);
    CHECK((*back == content));
  }
  CHECK(sftp->sent_bytes() > 5'000'001);
  CHECK(sftp->received_bytes() > 5'000'001);
}

TEST_CASE("sftp-server: what OpenSSH can do is found out", "[ssh]") {
  const auto sftp = open();
  CHECK(sftp->has_posix_rename());
  CHECK(sftp->has_fsync());
  CHECK(sftp->max_write_bytes() == 255 * 1024);
  CHECK(sftp->max_read_bytes() == 255 * 1024);
  CHECK(sftp->max_handles() > 0);
  CHECK(sftp->round_trip() > core::Clock::duration::zero());
}

TEST_CASE("sftp-server: a thousand files are under way at once", "[ssh]") {
  const auto sftp = open();
  const Folder folder;
  const std::string content = sample(1'000);
  int good = 0;
  const auto all = [](Sftp &server, const Folder &into, const std::string &text,
                      int &arrived) -> Task<void> {
    for (int i = 0; i < 1'000; ++i) {
      co_await server.fewer_than(200);
      server.start(upload_counting(server, into / ("f" + std::to_string(i)), text, arrived));
    }
  };
  sftp->run(all(*sftp, folder, content, good));
  CHECK(good == 1'000);
  CHECK(content_of(folder / "f999") == content);
  const auto count = sftp->run(count_entries(*sftp, folder.path()));
  REQUIRE(count);
  CHECK(*count == 1'000);
}

TEST_CASE("sftp-server: posix-rename replaces what is there, rename does not", "[ssh]") {
  const auto sftp = open();
  const Folder folder;
  std::ofstream(folder / "old") << "old";
  std::ofstream(folder / "new") << "new";
  CHECK_FALSE(sftp->run(await(sftp->rename(folder / "new", folder / "old"))));
  CHECK(content_of(folder / "old") == "old");
  CHECK(sftp->run(await(sftp->posix_rename(folder / "new", folder / "old"))));
  CHECK(content_of(folder / "old") == "new");
  CHECK_FALSE(fs::exists(folder / "new"));
}

TEST_CASE("sftp-server: an exclusive create finds nothing there", "[ssh]") {
  const auto sftp = open();
  const Folder folder;
  REQUIRE(sftp->run(upload(*sftp, folder / "f", "first")));
  const auto again = sftp->run(upload(*sftp, folder / "f", "second"));
  REQUIRE_FALSE(again);
  CHECK(again.error().status == FileStatus::failure);
  CHECK(again.error().error.message == "open " + (folder / "f") + ": Failure");
  CHECK(content_of(folder / "f") == "first");
}

TEST_CASE("sftp-server: attributes are set by path and by handle, links are seen as links",
          "[ssh]") {
  const auto sftp = open();
  const Folder folder;
  std::ofstream(folder / "f") << "1234";
  fs::create_symlink("f", folder / "link");
  Attributes wanted;
  wanted.mode = 0640;
  wanted.times = {1'000'000'000, 1'000'000'001};
  REQUIRE(sftp->run(await(sftp->set_attributes(folder / "f", wanted))));
  const auto seen = sftp->run(await(sftp->stat(folder / "link")));
  REQUIRE(seen);
  CHECK(seen->is_file());
  CHECK((*seen->mode & 07777U) == 0640);
  CHECK(seen->times->modification == 1'000'000'001);
  CHECK(seen->size == 4);
  CHECK(sftp->run(await(sftp->lstat(folder / "link")))->type() == Attributes::Type::link);
  const auto missing = sftp->run(await(sftp->stat(folder / "none")));
  REQUIRE_FALSE(missing);
  CHECK(missing.error().status == FileStatus::no_such_file);
}

TEST_CASE("sftp-server: folders are made and removed", "[ssh]") {
  const auto sftp = open();
  const Folder folder;
  Attributes mode;
  mode.mode = 0700;
  REQUIRE(sftp->run(await(sftp->make_directory(folder / "d", mode))));
  CHECK(sftp->run(await(sftp->stat(folder / "d")))->is_directory());
  CHECK_FALSE(sftp->run(await(sftp->make_directory(folder / "d", mode))));
  REQUIRE(sftp->run(await(sftp->remove_directory(folder / "d"))));
  CHECK_FALSE(fs::exists(folder / "d"));
  CHECK(*sftp->run(await(sftp->real_path(folder / "."))) == fs::canonical(folder.path()).string());
}

}  // namespace fanout::ssh
