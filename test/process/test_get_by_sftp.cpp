// get over the real SFTP server of OpenSSH, without SSH: it speaks through its standard input and output.
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "fanout/sys/io.hpp"
#include "fanout/sys/pipe.hpp"
#include "fanout/sys/process.hpp"
#include "ssh/sftp_stream.hpp"
#include "worker/sftp_get.hpp"

namespace fs = std::filesystem;
using namespace fanout;

namespace {

constexpr const char *server_path = "/usr/lib/openssh/sftp-server";
constexpr core::Milliseconds patience{60'000};

// Calls `meddle` once, when so many bytes have come.
class ServerProcess : public ssh::SftpStream {
public:
  explicit ServerProcess(std::size_t meddle_after, std::function<void()> meddle)
      : meddle_after_(meddle_after), meddle_(std::move(meddle)) {
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
    return sent.state == sys::Transfer::State::done ? sent.count : 0;
  }
  core::Result<std::size_t> receive(char *buffer, std::size_t size) override {
    const sys::Transfer got = sys::receive_some(ours_.get(), buffer, size);
    ended_ = got.state == sys::Transfer::State::end || got.state == sys::Transfer::State::failed;
    if (got.state != sys::Transfer::State::done) return 0;
    received_ += got.count;
    if (received_ > meddle_after_ && meddle_) std::exchange(meddle_, {})();
    return got.count;
  }
  [[nodiscard]] bool ended() const override { return ended_; }
  [[nodiscard]] std::string last_words() const override { return {}; }
  core::Result<void> wait(core::Deadline until, bool hear_only) override {
    if (hear_only) return {};
    const core::Deadline limit = core::Deadline::in(patience, sys::now());
    if (!sys::wait_ready(ours_.get(), POLLIN, limit.or_sooner(until)) && limit.passed(sys::now()))
      return core::fail(core::ErrorKind::timeout, "timed out");
    return {};
  }
  void widen_window(std::uint32_t /*bytes*/) override {}
  core::Result<void> finish() override { return {}; }

private:
  sys::UniqueFd ours_;
  sys::Child child_;
  std::size_t meddle_after_;
  std::function<void()> meddle_;
  std::size_t received_ = 0;
  bool ended_ = false;
};

std::string content_of(const std::string &path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

std::string sample(std::size_t size, std::uint32_t state = 12345) {
  std::string text(size, '\0');
  for (char &c : text) {
    state = state * 1664525U + 1013904223U;
    c = static_cast<char>(state >> 24);
  }
  return text;
}

void write(const std::string &path, const std::string &content) {
  fs::create_directories(fs::path(path).parent_path());
  std::ofstream(path, std::ios::binary) << content;
}

struct Result {
  core::TransferRecord record;
  std::optional<core::Error> failure;
};

// A host's home, which is `there`, and the folder of that host, which is `here`.
class Copies {
public:
  Copies() {
    if (!fs::exists(server_path)) SKIP("there is no " << server_path);
    path_ = (fs::temp_directory_path() / "fanout-get-XXXXXX").string();
    REQUIRE(::mkdtemp(path_.data()) != nullptr);
    fs::create_directories(there(""));
    fs::create_directories(here(""));
    // Nothing is run there.
    card.transfer.method = core::TransferMethod::sftp;
  }
  Copies(const Copies &) = delete;
  Copies &operator=(const Copies &) = delete;
  ~Copies() { fs::remove_all(path_); }

  [[nodiscard]] std::string there(const std::string &name) const {
    return path_ + "/there/" + name;
  }
  [[nodiscard]] std::string here(const std::string &name) const { return path_ + "/here/" + name; }
  // Where a file of the host stands.
  [[nodiscard]] std::string place(const std::string &name) const { return here(there(name)); }

  // Everything that is not a folder, below the place of `name`.
  [[nodiscard]] std::set<std::string> files(const std::string &name) const {
    std::set<std::string> found;
    for (const auto &each : fs::recursive_directory_iterator(place(name)))
      if (!each.is_directory()) found.insert(fs::relative(each.path(), place(name)).string());
    return found;
  }

  Result get(const std::vector<std::string> &names, std::size_t meddle_after = SIZE_MAX,
             std::function<void()> meddle = {}) {
    card.remote.clear();
    for (const std::string &name : names) card.remote.push_back(there(name));
    auto link = sys::make_socket_pair().value();
    worker::ParentLink parent(std::move(link.first));
    auto unused = sys::make_socket_pair().value();
    ssh::Session session(
        std::move(unused.first),
        [](int, short, core::Deadline) { return core::fail(core::ErrorKind::internal, "no SSH"); },
        {});
    files::Folder folder(
        sys::UniqueFd::adopt(::open(here("").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)));
    Result result;
    worker::Transfer transfer(session, parent, card, result.record);
    std::string why;
    auto sftp =
        ssh::Sftp::open(std::make_unique<ServerProcess>(meddle_after, std::move(meddle)), why);
    REQUIRE(sftp);
    worker::get_by_sftp(transfer, **sftp, folder);
    result.failure = transfer.failure();
    return result;
  }

  worker::JobCard card;

private:
  std::string path_;
};

}  // namespace

TEST_CASE("get: files of all sizes come as they are", "[get]") {
  Copies copies;
  std::vector<std::string> names;
  for (const std::size_t size : {0U, 1U, 4096U, 32'767U, 32'768U, 32'769U, 65'536U, 65'537U,
                                 261'120U, 2'097'152U, 5'000'001U}) {
    names.push_back(std::to_string(size));
    write(copies.there(names.back()), sample(size));
  }
  const Result result = copies.get(names);
  REQUIRE_FALSE(result.failure);
  CHECK(result.record.files == names.size());
  CHECK(result.record.sent_bytes == result.record.bytes);
  for (const std::string &name : names)
    CHECK(content_of(copies.place(name)) == content_of(copies.there(name)));
}

TEST_CASE("get: a tree of many folders and files comes whole", "[get]") {
  Copies copies;
  copies.card.transfer.recursive = true;
  std::size_t bytes = 0;
  for (unsigned i = 0; i < 2'000; ++i) {
    const std::size_t size = i % 3 == 0 ? 0 : i * 37 % 5'000;
    write(copies.there("tree/" + std::to_string(i % 100) + "/sub/" + std::to_string(i)),
          sample(size, i));
    bytes += size;
  }
  fs::create_directories(copies.there("tree/empty/folder"));
  const Result result = copies.get({"tree"});
  REQUIRE_FALSE(result.failure);
  CHECK(result.record.files == 2'000);
  CHECK(result.record.bytes == bytes);
  CHECK(fs::is_directory(copies.place("tree/empty/folder")));
  for (const std::string &name : copies.files("tree"))
    REQUIRE(content_of(copies.place("tree/" + name)) == content_of(copies.there("tree/" + name)));
}

TEST_CASE("get: links and FIFOs of a tree are neither followed nor opened", "[get]") {
  Copies copies;
  copies.card.transfer.recursive = true;
  write(copies.there("tree/file"), "content");
  fs::create_symlink("/etc", copies.there("tree/out"));
  REQUIRE(::mkfifo(copies.there("tree/fifo").c_str(), 0600) == 0);
  CHECK_FALSE(copies.get({"tree"}).failure);
  CHECK(copies.files("tree") == std::set<std::string>{"file"});
}

TEST_CASE("get: patterns are matched by reading folders", "[get]") {
  Copies copies;
  for (const char *name : {"a/x.log", "a/y.txt", "b/x.log", "b/.hidden.log", "c"})
    write(copies.there(name), name);
  const Result result = copies.get({"*/*.log"});
  REQUIRE_FALSE(result.failure);
  CHECK(copies.files("") == std::set<std::string>{"a/x.log", "b/x.log"});
  const Result none = copies.get({"*.none"});
  REQUIRE(none.failure);
  CHECK(none.failure->kind == core::ErrorKind::remote);
  CHECK(none.failure->message.starts_with("no such file: "));
}

TEST_CASE("get: what fails is counted, and the rest comes", "[get]") {
  Copies copies;
  write(copies.there("one"), "1");
  write(copies.there("folder/two"), "2");
  const Result result = copies.get({"one", "missing", "folder"});
  REQUIRE(result.failure);
  CHECK(result.failure->kind == core::ErrorKind::remote);
  CHECK(result.failure->message.starts_with("2 of 3 files failed; first: "));
  CHECK(copies.files("") == std::set<std::string>{"one"});
}

TEST_CASE("get: a file that changes while it is fetched is an error, and nothing of it stays",
          "[get]") {
  const auto change = GENERATE(0, 1, 2);
  Copies copies;
  const std::string path = copies.there("file");
  write(path, sample(20 << 20));
  const Result result = copies.get({"file"}, 1 << 20, [&] {
    if (change == 0) fs::resize_file(path, 3 << 20);
    if (change == 1) std::ofstream(path, std::ios::app) << "more";
    if (change == 2) fs::last_write_time(path, fs::last_write_time(path) + std::chrono::seconds(5));
  });
  REQUIRE(result.failure);
  CHECK(result.failure->message == path + ": changed while it was fetched");
  CHECK(copies.files("").empty());
}

TEST_CASE("get: holes stay holes", "[get]") {
  Copies copies;
  write(copies.there("sparse"), "begin");
  fs::resize_file(copies.there("sparse"), 64 << 20);
  {
    std::fstream file(copies.there("sparse"), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp((32 << 20) + 100);
    file << "middle";
  }
  REQUIRE_FALSE(copies.get({"sparse"}).failure);
  CHECK(content_of(copies.place("sparse")) == content_of(copies.there("sparse")));
  struct stat facts {};
  REQUIRE(::stat(copies.place("sparse").c_str(), &facts) == 0);
  CHECK(facts.st_blocks * 512 < 1 << 20);
}

TEST_CASE("get: what is there already with the same size and time is not sent", "[get]") {
  Copies copies;
  copies.card.transfer.update = true;
  write(copies.there("file"), sample(100'000));
  CHECK(copies.get({"file"}).record.sent_bytes == 100'000);
  const Result again = copies.get({"file"});
  CHECK_FALSE(again.failure);
  CHECK(again.record.sent_bytes == 0);
  CHECK(again.record.unchanged == 1);
  write(copies.there("file"), sample(99'999));
  CHECK(copies.get({"file"}).record.sent_bytes == 99'999);
}

TEST_CASE("get: what is to be verified is compared even where --update would skip it", "[get]") {
  Copies copies;
  copies.card.transfer.update = true;
  write(copies.there("file"), sample(100'000));
  REQUIRE_FALSE(copies.get({"file"}).failure);
  const auto time = fs::last_write_time(copies.place("file"));
  write(copies.place("file"), sample(100'000, 1));
  fs::last_write_time(copies.place("file"), time);
  copies.card.transfer.verify = true;
  const Result result = copies.get({"file"});
  CHECK_FALSE(result.failure);
  CHECK(result.record.unchanged == 0);
  CHECK(result.record.verified_by == "reading again");
  CHECK(content_of(copies.place("file")) == sample(100'000));
}

TEST_CASE("get: what several REMOTEs mean is fetched and counted once", "[get]") {
  Copies copies;
  copies.card.transfer.recursive = true;
  for (const std::string name : {"d/file", "d/sub/file", "d/sub/deep/file"})
    write(copies.there(name), sample(1'000));
  const std::vector<std::string> remotes =
      GENERATE(std::vector<std::string>{"d", "d/sub"}, std::vector<std::string>{"d/sub", "d"},
               std::vector<std::string>{"d", "d"},
               std::vector<std::string>{"d/sub/file", "d", "d//./sub/deep"});
  CAPTURE(remotes);
  const Result result = copies.get(remotes);
  CHECK_FALSE(result.failure);
  CHECK(result.record.files == 3);
  CHECK(result.record.sent_bytes == 3'000);
  CHECK(copies.files("d") == std::set<std::string>{"file", "sub/deep/file", "sub/file"});
}

TEST_CASE("get: a link that is named is followed, though its folder is fetched, too", "[get]") {
  Copies copies;
  copies.card.transfer.recursive = true;
  write(copies.there("real/file"), sample(1'000));
  write(copies.there("d/file"), sample(1'000));
  fs::create_directory_symlink(copies.there("real"), copies.there("d/link"));
  const Result result = copies.get({"d", "d/link"});
  CHECK_FALSE(result.failure);
  CHECK(result.record.files == 2);
  CHECK(copies.files("d") == std::set<std::string>{"file", "link/file"});
}

TEST_CASE("get: modes and times with -p, of folders too", "[get]") {
  Copies copies;
  copies.card.transfer.recursive = true;
  copies.card.transfer.preserve = true;
  write(copies.there("tree/sub/file"), "content");
  const fs::perms mode = fs::perms::owner_read | fs::perms::owner_exec;
  fs::permissions(copies.there("tree/sub/file"), mode | fs::perms::set_uid);
  fs::permissions(copies.there("tree/sub"), mode);
  const auto time = fs::file_time_type::clock::now() - std::chrono::hours(1'000);
  fs::last_write_time(copies.there("tree/sub"), time);
  for (int round = 0; round < 2; ++round) {
    REQUIRE_FALSE(copies.get({"tree"}).failure);
    CHECK(fs::status(copies.place("tree/sub/file")).permissions() == mode);
    CHECK(fs::status(copies.place("tree/sub")).permissions() == mode);
    CHECK(fs::last_write_time(copies.place("tree/sub")) - time < std::chrono::seconds(1));
  }
  fs::permissions(copies.there("tree/sub"), fs::perms::owner_all);
  fs::permissions(copies.place("tree/sub"), fs::perms::owner_all);
}

TEST_CASE("get: verified without a tool, it is read again", "[get]") {
  Copies copies;
  copies.card.transfer.verify = true;
  write(copies.there("file"), sample(300'000));
  const Result result = copies.get({"file"});
  REQUIRE_FALSE(result.failure);
  CHECK(result.record.verified_by == "reading again");
  CHECK(result.record.sent_bytes == 600'000);
  CHECK(result.record.sha256.size() == 64);
}

TEST_CASE("get: files whose size is said to be 0 come whole", "[get]") {
  Copies copies;
  const std::string expected = content_of("/proc/version");
  fs::create_symlink("/proc/version", copies.there("version"));
  REQUIRE_FALSE(copies.get({"version"}).failure);
  CHECK(content_of(copies.place("version")) == expected);
}
