// The scripts that run on hosts, by the shells of this machine, in a folder of the test's own. bash is not dash, busybox is
// neither, and csh reads a command line in its own way: those that are not installed are passed over. FANOUT_TEST_SHELLS may
// name further ones, separated by colons: a program of busybox's, or a tcsh.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include "fanout/files/sha256.hpp"
#include "worker/destination.hpp"
#include "worker/hash_output.hpp"
#include "worker/remote_scripts.hpp"
#include "worker/shell_words.hpp"

using namespace fanout;
using namespace fanout::worker;
namespace fs = std::filesystem;

namespace {

class Folder {
public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "fanout-scripts-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  [[nodiscard]] std::string operator/(const std::string &name) const { return path_ + '/' + name; }

private:
  std::string path_;
};

void write_file(const std::string &path, const std::string &text, mode_t mode = 0644) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
  REQUIRE(::chmod(path.c_str(), mode) == 0);
}

std::string read_file(const std::string &path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

mode_t mode_of(const std::string &path) {
  struct stat found {};
  REQUIRE(::lstat(path.c_str(), &found) == 0);
  return found.st_mode & 07777;
}

// Login shells: each gets `SHELL -c COMMAND`, as sshd does it.
std::vector<std::string> login_shells() {
  std::vector<std::string> shells;
  std::vector<std::string> wanted{"/bin/sh",      "/bin/dash",    "/bin/bash",
                                  "/bin/busybox", "/usr/bin/zsh", "/usr/bin/ksh",
                                  "/bin/csh",     "/bin/tcsh",    "/usr/bin/fish"};
  std::istringstream more(
      std::getenv("FANOUT_TEST_SHELLS") != nullptr ? std::getenv("FANOUT_TEST_SHELLS") : "");
  for (std::string shell; std::getline(more, shell, ':');) wanted.push_back(shell);
  for (const std::string &shell : wanted)
    if (::access(shell.c_str(), X_OK) == 0)
      shells.push_back(shell.ends_with("busybox") ? shell + " sh" : shell);
  return shells;
}

bool is_posix(const std::string &shell) {
  return !shell.ends_with("csh") && !shell.ends_with("fish");
}

// What `shell -c command` prints, with a file as its standard input. The line is put together for /bin/sh, which popen(3)
// asks; single quotes are enough for that.
std::string run(const std::string &shell, const std::string &command,
                const std::string &input = "/dev/null", int *status = nullptr) {
  const std::string line =
      shell + " -c " + worker::quoted(command) + " <" + worker::quoted(input) + " 2>/dev/null";
  FILE *const pipe = ::popen(line.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string text;
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) text += static_cast<char>(c);
  const int ended = ::pclose(pipe);
  if (status != nullptr) *status = WEXITSTATUS(ended);
  return text;
}

const std::vector<std::string> odd_names{"plain",
                                         " a b ",
                                         "it's",
                                         "\"q\"",
                                         "$(touch pwned)",
                                         "`touch pwned`",
                                         "a;touch pwned",
                                         "*",
                                         "[a-z]?",
                                         "a\\b",
                                         "a\\\\",
                                         "\\n",
                                         "bang!here",
                                         "!!",
                                         "two\nlines",
                                         "ends\n",
                                         "\n\n",
                                         "tab\there",
                                         "\x1b[31m",
                                         "\xc3\xa9",
                                         "\xff\xfe",
                                         "%d%s%%",
                                         "-rf",
                                         "--",
                                         "~",
                                         "a&b|c>d<e",
                                         "#",
                                         "{a,b}",
                                         "\\041",
                                         "e\\0041",
                                         "$HOME",
                                         "x=y",
                                         "\x01\x7f",
                                         "(",
                                         "trail\\"};

using Answers = std::map<std::uint64_t, std::vector<std::string>>;

// The functions of put by one shell, with these calls behind them.
Answers put_calls(const std::string &shell, const Folder &folder, const std::string &calls) {
  write_file(folder / "script", std::string(put_functions) + calls + "exit 0\n");
  Answers answers;
  ScriptOutput output(
      [&](std::uint64_t number, std::string_view words) { answers[number].emplace_back(words); });
  int status = -1;
  REQUIRE(output.add(run("/bin/sh", shell + " -s", folder / "script", &status)));
  CHECK(status == 0);
  return answers;
}

std::vector<std::string> posix_shells() {
  std::vector<std::string> shells;
  for (const std::string &shell : login_shells())
    if (is_posix(shell)) shells.push_back(shell);
  return shells;
}

}  // namespace

TEST_CASE("scripts: any bytes are one word, in every login shell", "[worker]") {
  const Folder folder;
  for (const std::string &shell : login_shells()) {
    CAPTURE(shell);
    for (const std::string &name : odd_names) {
      CAPTURE(name);
      CHECK(run(shell, sh(R"(printf %s "$1")", {name})) == name);
      CHECK(run(shell, sh(R"(printf "%s|" "$@")", {"a", name, ""})) == "a|" + name + "||");
      if (is_plain(name)) CHECK(run(shell, "printf %s " + worker::quoted(name)) == name);
      if (is_posix(shell)) CHECK(run(shell, "printf %s " + worker::quoted(name)) == name);
    }
    CHECK(run(shell, sh(R"(printf %s "$1")", odd_names)) == odd_names.front());
  }
  CHECK_FALSE(fs::exists("pwned"));
}

TEST_CASE("scripts: SHA-256 of files with odd names, and nothing for those that are not there",
          "[worker]") {
  const Folder folder;
  std::vector<std::string> names;
  std::vector<std::string> expected;
  std::string input;
  for (const std::string &name : odd_names) {
    names.push_back(folder / name);
    write_file(names.back(), "content of " + name);
    files::Sha256 hash;
    hash.add("content of " + name);
    expected.push_back(hash.finish());
  }
  names.push_back(folder / "missing");
  for (const std::string &name : names) (input += name) += '\0';
  write_file(folder / "input", input);
  for (const std::string &shell : login_shells()) {
    CAPTURE(shell);
    HashOutput output(names);
    REQUIRE(output.add(run(shell, sh(hash_script), folder / "input")));
    CHECK(output.tool() == "sha256sum");
    const auto hashes = output.take();
    for (std::size_t i = 0; i < expected.size(); ++i) {
      CAPTURE(names[i]);
      CHECK(hashes[i] == expected[i]);
    }
    CHECK_FALSE(hashes.back());
  }
}

TEST_CASE("scripts: what stands at a path is told", "[worker]") {
  const Folder folder;
  write_file(folder / "file", "12345", 0640);
  fs::create_directory(folder / "folder");
  fs::create_symlink("file", folder / "to file");
  fs::create_symlink("folder", folder / "to folder");
  fs::create_symlink("nowhere", folder / "to nothing");
  REQUIRE(::mkfifo((folder / "fifo").c_str(), 0600) == 0);
  const std::vector<std::string> paths{"file",       "folder", "to file", "to folder",
                                       "to nothing", "fifo",   "nothing"};
  std::string calls;
  for (std::size_t i = 0; i < paths.size(); ++i)
    calls += fmt::format("l {} {}\n", i, octal_word(folder / paths[i]));
  for (const std::string &shell : posix_shells()) {
    CAPTURE(shell);
    const Answers answers = put_calls(shell, folder, calls);
    REQUIRE(answers.size() == paths.size());
    CHECK(answers.at(0) ==
          std::vector{fmt::format("f -rw-r----- {} {} 5", ::getuid(), ::getgid())});
    CHECK(answers.at(1) == std::vector<std::string>{"d"});
    CHECK(answers.at(2) == std::vector<std::string>{"l"});
    CHECK(answers.at(3) == std::vector<std::string>{"L"});
    CHECK(answers.at(4) == std::vector<std::string>{"l"});
    CHECK(answers.at(5) == std::vector<std::string>{"o"});
    CHECK(answers.at(6) == std::vector<std::string>{"n"});
  }
}

TEST_CASE("scripts: files move to any name, and never into a directory", "[worker]") {
  for (const std::string &shell : posix_shells()) {
    CAPTURE(shell);
    const Folder folder;
    const std::string staging = folder / ".fanout-0123456789abcdef";
    fs::create_directory(staging);
    std::string calls = "g " + octal_word(staging) + "\n";
    for (std::size_t i = 0; i < odd_names.size(); ++i) {
      write_file(fmt::format("{}/{}", staging, i), odd_names[i]);
      calls +=
          fmt::format("{} {} {} {}\n", i % 2 == 0 ? 'f' : 'x', i, octal_word(folder / odd_names[i]),
                      i % 2 == 0 ? "" : octal_word(temporary_beside(folder / odd_names[i], "t")));
    }
    const auto in_the_way = odd_names.size();
    fs::create_directory(folder / "folder");
    fs::create_symlink("folder", folder / "link");
    for (std::size_t i = 0; i < 2; ++i) {
      write_file(fmt::format("{}/{}", staging, in_the_way + i), "x");
      calls += fmt::format("f {} {}\n", in_the_way + i,
                           octal_word(folder / (i == 0 ? "folder" : "link")));
    }
    write_file(folder / "plain", "old", 0600);
    calls += fmt::format("c 4711 0\nf 998 {}\nz 999\n", octal_word(folder / "missing"));
    const Answers answers = put_calls(shell, folder, calls);
    for (std::size_t i = 0; i < odd_names.size(); ++i) {
      CAPTURE(odd_names[i]);
      CHECK(answers.at(i).front() == "ok");
      CHECK(read_file(folder / odd_names[i]) == odd_names[i]);
    }
    CHECK(answers.at(in_the_way) == std::vector<std::string>{"d"});
    CHECK(answers.at(in_the_way + 1) == std::vector<std::string>{"d"});
    CHECK(fs::is_empty(folder / "folder"));
    CHECK(answers.at(998).front().starts_with("no "));
    CHECK(answers.at(999) == std::vector<std::string>{"ok"});
    CHECK_FALSE(fs::exists(staging));
    std::size_t left = 0;
    for (const auto &entry : fs::directory_iterator(folder / "")) ++left, static_cast<void>(entry);
    CHECK(left == odd_names.size() + 3);  // the folder, the link and the script
  }
}

TEST_CASE("scripts: folders are made with less than the umask, and modes and times are set",
          "[worker]") {
  for (const std::string &shell : posix_shells()) {
    CAPTURE(shell);
    const Folder folder;
    write_file(folder / "file", "");
    const std::string odd = folder / "o'd\nd";
    const Answers answers = put_calls(
        shell, folder,
        fmt::format("umask 022\nd 0 '' {}\nd 1 'g-w,o-rwx' {}\nd 2 '' {}\nd 3 '' {}\nd 4 '' {}\n"
                    "t 5 0705 '200102030405.06' {}\ns 6 {}\n",
                    octal_word(folder / "wide"), octal_word(odd), octal_word(folder / "file"),
                    octal_word(folder / "wide"), octal_word(folder / "no/where"), octal_word(odd),
                    octal_word(odd)));
    CHECK(answers.at(0) == std::vector<std::string>{"made"});
    CHECK(mode_of(folder / "wide") == 0755);
    CHECK(answers.at(1) == std::vector<std::string>{"made"});
    CHECK(answers.at(2).front().starts_with("f "));
    CHECK(answers.at(3) == std::vector<std::string>{"d"});
    CHECK(answers.at(4).front().find("No such file or directory") != std::string::npos);
    CHECK(answers.at(5) == std::vector<std::string>{"ok"});
    // 3 February 2001, 04:05:06 UTC
    CHECK(answers.at(6) == std::vector<std::string>{"705 981173106"});
  }
}

TEST_CASE("scripts: no mode is set through a link that was put in the place of a folder",
          "[worker]") {
  for (const std::string &shell : posix_shells()) {
    CAPTURE(shell);
    const Folder folder;
    fs::create_directory(folder / "elsewhere");
    fs::permissions(folder / "elsewhere", fs::perms(0700));
    write_file(folder / "elsewhere/0", "secret", 0600);
    write_file(folder / "secret", "secret", 0600);
    fs::create_symlink("elsewhere", folder / "staging");
    fs::create_directory(folder / "sound");
    fs::create_symlink("../secret", folder / "sound/1");
    write_file(folder / "sound/2", "", 0600);
    const Answers answers =
        put_calls(shell, folder,
                  fmt::format("t 10 0777 '' {}\nt 11 0777 '' {}\ng {}\nc 0644 0\nf 0 {}\nz 12\n"
                              "g {}\nc 0644 1 2\n",
                              octal_word(folder / "staging"), octal_word(folder / "secret"),
                              octal_word(folder / "staging"), octal_word(folder / "target"),
                              octal_word(folder / "sound")));
    for (const std::uint64_t number : {10, 11, 0, 12, 1}) {
      CAPTURE(number);
      REQUIRE(answers.contains(number));
      CHECK(answers.at(number).front().starts_with("no "));
    }
    CHECK(mode_of(folder / "elsewhere") == 0700);
    CHECK(mode_of(folder / "elsewhere/0") == 0600);
    CHECK(mode_of(folder / "secret") == 0600);
    CHECK(mode_of(folder / "sound/2") == 0644);
    CHECK_FALSE(fs::exists(folder / "target"));
    CHECK(fs::is_symlink(folder / "staging"));
  }
}

TEST_CASE("scripts: a staging folder of somebody else's is not used", "[worker]") {
  if (::geteuid() != 0) SKIP("needs root, to give a folder away");
  for (const std::string &shell : posix_shells()) {
    CAPTURE(shell);
    const Folder folder;
    const std::string staging = folder / "staging";
    fs::create_directory(staging);
    write_file(staging + "/0", "", 0600);
    REQUIRE(::chown(staging.c_str(), 1, 1) == 0);
    const Answers answers =
        put_calls(shell, folder, fmt::format("g {}\nc 0644 0\nz 1\n", octal_word(staging)));
    CHECK(answers.at(0).front().starts_with("no "));
    CHECK(answers.at(1).front().starts_with("no "));
    CHECK(mode_of(staging + "/0") == 0600);
    CHECK(fs::exists(staging));
  }
}

TEST_CASE("scripts: a folder loses what its source has not, and keeps what the umask has left",
          "[worker]") {
  for (const std::string &shell : posix_shells()) {
    CAPTURE(shell);
    const Folder folder;
    const Answers answers =
        put_calls(shell, folder,
                  fmt::format("umask 077\nd 0 '' {0}\nt 1 u-w '' {0}\nt 2 0700 '' {0}\n"
                              "t 3 0000 '' {0}\nt 4 0510 '' {0}\n",
                              octal_word(folder / "folder")));
    CHECK(answers.at(1) == std::vector<std::string>{"ok"});
    CHECK(answers.at(2) == std::vector<std::string>{"ok"});
    CHECK(answers.at(3) == std::vector<std::string>{"ok"});
    CHECK(answers.at(4) == std::vector<std::string>{"ok"});
    CHECK(mode_of(folder / "folder") == 0510);
  }
}

TEST_CASE("scripts: an archive is not unpacked through a link", "[worker]") {
  const Folder folder;
  fs::create_directory(folder / "elsewhere");
  fs::create_directory(folder / "sound");
  fs::create_symlink("elsewhere", folder / "staging");
  write_file(folder / "member", "content");
  run("/bin/sh", "cd " + worker::quoted(folder / "") + " && tar -cf archive member");
  for (const std::string_view script : {unpack_script, unpack_exactly_script})
    for (const std::string &shell : login_shells()) {
      CAPTURE(shell);
      int status = -1;
      run(shell, sh(script, {folder / "staging", "1"}), folder / "archive", &status);
      CHECK(status == 2);
      CHECK(fs::is_empty(folder / "elsewhere"));
      run(shell, sh(script, {folder / "sound", "1"}), folder / "archive", &status);
      CHECK(status == 0);
      CHECK(read_file(folder / "sound/member") == "content");
      fs::remove(folder / "sound/member");
      CHECK(fs::is_empty(folder / "sound"));
    }
}

TEST_CASE("scripts: the sign of life comes well within the time that silence may last",
          "[worker]") {
  using std::chrono::milliseconds;
  CHECK(pulse_of(milliseconds(60'000)) == "5");
  CHECK(pulse_of(milliseconds(9'000)) == "3");
  CHECK(pulse_of(milliseconds(3'000)) == "1");
  CHECK(pulse_of(milliseconds(500)) == "1");
}

TEST_CASE("scripts: what is left of a transfer goes, and nothing else", "[worker]") {
  for (const std::string &shell : posix_shells()) {
    CAPTURE(shell);
    const Folder folder;
    const std::string token = "0123456789abcdef";
    fs::create_directory(folder / (".fanout-" + token));
    write_file(folder / (".fanout-" + token + "/1"), "");
    write_file(folder / (".a b.fanout-" + token), "");
    write_file(folder / (".c.fanout-" + token + "-7"), "");
    write_file(folder / ".a.fanout-fedcba9876543210", "");
    write_file(folder / "a", "");
    const Answers answers =
        put_calls(shell, folder,
                  fmt::format("r 0 {} '{}'\n", octal_word(folder / ""), token) +
                      fmt::format("r 1 {} '{}'\n", octal_word(folder / "none"), token));
    CHECK(answers.at(0) == std::vector<std::string>{"ok"});
    CHECK(answers.at(1) == std::vector<std::string>{"ok"});
    CHECK_FALSE(fs::exists(folder / (".fanout-" + token)));
    CHECK_FALSE(fs::exists(folder / (".a b.fanout-" + token)));
    CHECK_FALSE(fs::exists(folder / (".c.fanout-" + token + "-7")));
    CHECK(fs::exists(folder / ".a.fanout-fedcba9876543210"));
    CHECK(fs::exists(folder / "a"));
  }
}

TEST_CASE("scripts: a script that is cut off does nothing by halves", "[worker]") {
  const Folder folder;
  const std::string staging = folder / "staging";
  const std::string calls =
      "g " + octal_word(staging) + "\nf 0 " + octal_word(folder / "target name") + "\n";
  for (std::size_t length = 0; length < calls.size(); ++length) {
    CAPTURE(length);
    fs::create_directories(staging);
    write_file(staging + "/0", "new");
    write_file(folder / "script", std::string(put_functions) + calls.substr(0, length));
    run("/bin/sh", "sh -s", folder / "script");
    std::vector<std::string> found;
    for (const auto &entry : fs::directory_iterator(folder / ""))
      if (const auto name = entry.path().filename().string(); name != "script" && name != "staging")
        found.push_back(name);
    const bool moved = length + 1 >= calls.size();
    CHECK(found == (moved ? std::vector<std::string>{"target name"} : std::vector<std::string>{}));
    fs::remove(folder / "target name");
  }
}

TEST_CASE("scripts: a tree is listed without its links being followed", "[worker]") {
  const Folder folder;
  fs::create_directories(folder / "tree/sub");
  for (const std::string &name : odd_names) write_file(folder / ("tree/sub/" + name), "");
  write_file(folder / "tree/.hidden", "");
  fs::create_symlink("..", folder / "tree/up");
  REQUIRE(::mkfifo((folder / "tree/fifo").c_str(), 0600) == 0);
  for (const std::string &shell : posix_shells()) {
    CAPTURE(shell);
    const auto list = [&](const std::string &call) {
      write_file(folder / "script", std::string(get_functions) + call + "exit 0\n");
      const std::string text = run("/bin/sh", shell + " -s", folder / "script");
      std::vector<std::string> items;
      for (std::size_t begin = 0, end = 0; (end = text.find('\0', begin)) != std::string::npos;
           begin = end + 1)
        items.push_back(text.substr(begin, end - begin));
      REQUIRE_FALSE(items.empty());
      CHECK(items.front() == "\nfanout:");
      items.erase(items.begin());
      std::sort(items.begin(), items.end());
      return items;
    };
    std::vector<std::string> expected{"d" + (folder / "tree"), "d" + (folder / "tree/sub"),
                                      "f" + (folder / "tree/.hidden"), "l" + (folder / "tree/up"),
                                      "o" + (folder / "tree/fifo")};
    for (const std::string &name : odd_names)
      expected.push_back("f" + (folder / ("tree/sub/" + name)));
    std::sort(expected.begin(), expected.end());
    CHECK(list(fmt::format("p {} -r\n", octal_word(folder / "tree"))) == expected);
    CHECK(list(fmt::format("p {} ''\n", octal_word(folder / "tree"))) ==
          std::vector{"d" + (folder / "tree")});
    CHECK(list(fmt::format("e {} ''\n", octal_word(folder / "tree/sub/pl*[a-n]"))) ==
          std::vector{"f" + (folder / "tree/sub/plain")});
    CHECK(list(fmt::format("e {} ''\n", octal_word(folder / "tree/sub/$(*d)"))) ==
          std::vector{"f" + (folder / "tree/sub/$(touch pwned)")});
    CHECK(list(fmt::format("e {} ''\n", octal_word(folder / "tree/sub/ *b "))) ==
          std::vector{"f" + (folder / "tree/sub/ a b ")});
    CHECK(list(fmt::format("e {} ''\n", octal_word(folder / "x*"))) ==
          std::vector{"n" + (folder / "x*")});
  }
}

TEST_CASE("scripts: modes as ls writes them are numbers", "[worker]") {
  CHECK(parse_ls_mode("-rw-r--r--") == 0644U);
  CHECK(parse_ls_mode("-rwsr-Sr-t.") == 07745U);
  CHECK(parse_ls_mode("-rwxrwxrwx+") == 0777U);
  CHECK(parse_ls_mode("----------") == 0U);
  for (const char *const bad : {"", "-rw", "-rwrwrwrwx", "-wr-r--r--", "-sw-r--r--"})
    CHECK_FALSE(parse_ls_mode(bad));
}
