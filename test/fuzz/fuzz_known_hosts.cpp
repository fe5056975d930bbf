// known_hosts: KnownHosts against `ssh-keygen -l -F NAME -f FILE`. Which lines name a host, with which marker, and which
// key do they hold?
//
// Input: the text of a file, then which name is asked for. A % with a letter stands for a word of the table below, and
// so does a byte above 0x7f: whole keys and hashed names are not found by chance.
//
// Oracle: the same lines with the same markers and keys. Where the two differ on purpose ours is the stricter one; the
// comments at usual_line() and usual_key() say how.
#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "../unit/ssh/sample_keys.hpp"
#include "fanout/ssh/fingerprint.hpp"
#include "fanout/ssh/known_hosts.hpp"
#include "input.hpp"
#include "oracle.hpp"

using namespace fanout;
using fuzz::must;
using fuzz::must_equal;

namespace {

const std::vector<std::string> &asked_names() {
  static const std::vector<std::string> names{
      "a",      "ab",       "web01",  "web01.example.com", "1.2.3.4",      "::1",
      "[a]:22", "[a]:2201", "[ab]:1", "[::1]:2201",        "[web01]:2201", "-"};
  return names;
}

std::string hashed(const std::string &name) {
  return ssh::format_hashed_name(name, {3, 1, 4, 1, 5, 9, 2, 6}).value();
}

std::string ed25519(std::size_t seed) {
  return "ssh-ed25519 " + core::encode_base64(ssh::sample::ed25519(seed));
}

// %a, %b, ... and 0x80, 0x81, ...
const std::vector<std::string> &words() {
  namespace sample = ssh::sample;
  static const std::vector<std::string> all{
      ed25519(1),                                                   // a
      ed25519(2),                                                   // b
      "ssh-rsa " + std::string(sample::rsa2048_text),               // c
      "ecdsa-sha2-nistp256 " + std::string(sample::ecdsa256_text),  // d
      "ecdsa-sha2-nistp384 " + std::string(sample::ecdsa384_text),  // e
      "ecdsa-sha2-nistp521 " + std::string(sample::ecdsa521_text),  // f
      "ssh-rsa " + core::encode_base64(sample::ed25519(1)),         // g
      "@revoked ",                                                  // h
      "@cert-authority ",                                           // i
      hashed("a"),                                                  // j
      hashed("[a]:2201"),                                           // k
      hashed("web01"),                                              // l
      "|1|",                                                        // m
      std::string(1022, 'a'),                                       // n
      std::string(5000, 'c'),                                       // o
      std::string(1, '\0'),                                         // p
      "\r\n",                                                       // q
      "*.example.com",                                              // r
      "[::1]:2201",                                                 // s
      "WEB01",                                                      // t
      " 1024 35 123456789",                                         // u
      ",!",                                                         // v
      "\t",                                                         // w
      "%",                                                          // x
  };
  return all;
}

std::string written_out(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    std::size_t word = words().size();
    if (byte >= 0x80)
      word = (byte - 0x80) % words().size();
    else if (byte == '%' && i + 1 < text.size() && text[i + 1] >= 'a' && text[i + 1] <= 'z')
      word = static_cast<std::size_t>(text[++i] - 'a');
    if (word < words().size())
      result += words()[word];
    else
      result += static_cast<char>(byte);
  }
  return result;
}

// A tab ends a marker, for us. OpenSSH looks for a space alone, and so passes over a line with @revoked and a tab.
//
// A line ends at its first NUL, and its key is before that. OpenSSH steps over the NUL that ends the names, and takes what
// is behind it in its buffer for the key: the rest of the line, or what is left of a longer line before.
bool usual_line(std::string_view line) {
  constexpr std::string_view word_ends(" \t\n\0", 4);
  std::size_t begin = line.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return true;
  if (line[begin] == '@') {
    begin = line.find_first_of(word_ends, begin);
    if (begin == std::string_view::npos) return true;
    if (line[begin] == '\t') return false;
    begin = std::min(line.find_first_not_of(" \t", begin), line.size());
  }
  const std::size_t end = line.find_first_of(word_ends, begin);
  return end != std::string_view::npos && line[end] != '\0';
}

// A host with a key of another type is known for us. OpenSSH passes over types that it does not know, and looks into
// those of hardware tokens, certificates and DSA, which no server can show us.
bool usual_key(std::string_view blob) {
  constexpr std::array<std::string_view, 5> types{"ssh-ed25519", "ecdsa-sha2-nistp256",
                                                  "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
                                                  "ssh-rsa"};
  return std::find(types.begin(), types.end(), ssh::key_type(blob).value_or("")) != types.end();
}

std::string without_unusual_lines(const std::string &text) {
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size() - 1) + 1;
    const std::string line = text.substr(at, end - at);
    if (usual_line(line)) result += line;
    at = end;
  }
  return result;
}

// Line number to "", "R " or "C " and what the key is.
using Answer = std::map<std::size_t, std::string>;

std::string format_answer(const Answer &answer) {
  std::string text;
  for (const auto &[line, key] : answer) text += fmt::format("{}: {}\n", line, key);
  return text;
}

Answer ours(const std::string &text, const std::string &name) {
  ssh::KnownKeys keys;
  must(ssh::KnownHosts("f", text).find(name, keys).has_value(), "libcrypto hashes names");
  Answer answer;
  const auto add = [&](const std::vector<ssh::KnownKey> &from, std::string_view marker) {
    for (const ssh::KnownKey &key : from) {
      must(!answer.contains(key.line), "a line is found once");
      answer[key.line] = std::string(marker) + ssh::describe_key(key.blob).value();
    }
  };
  add(keys.accepted, "");
  add(keys.revoked, "R ");
  add(keys.authorities, "C ");
  std::erase_if(answer, [&](const auto &entry) {
    const auto is_entry = [&](const ssh::KnownKey &key) {
      return key.line == entry.first && !usual_key(key.blob);
    };
    for (const auto *from : {&keys.accepted, &keys.revoked, &keys.authorities})
      if (std::any_of(from->begin(), from->end(), is_entry)) return true;
    return false;
  });
  return answer;
}

// A file for ssh-keygen, without a name of its own: libFuzzer ends by _exit, and nobody would remove it.
class File {
public:
  File()
      : fd_(::memfd_create("known_hosts", MFD_CLOEXEC)),
        path_(fmt::format("/proc/{}/fd/{}", ::getpid(), fd_)) {
    must(fd_ >= 0, "there is memory for a file");
  }
  File(const File &) = delete;
  File &operator=(const File &) = delete;
  ~File() { ::close(fd_); }
  void set(std::string_view text) const {
    const bool written = ::ftruncate(fd_, 0) == 0 && ::pwrite(fd_, text.data(), text.size(), 0) ==
                                                         static_cast<ssize_t>(text.size());
    must(written, "a file in memory can be written");
  }
  [[nodiscard]] const std::string &path() const { return path_; }

private:
  int fd_ = -1;
  std::string path_;
};

// posix_spawn: a fork of a sanitized process would copy its tables each time. False if there is no ssh-keygen.
bool run_ssh_keygen(const std::string &name, const std::string &path, std::string &output) {
  int ends[2];
  must(::pipe2(ends, O_CLOEXEC) == 0, "there is a pipe");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  const char *const arguments[] = {"ssh-keygen", "-l",         "-F",   name.c_str(),
                                   "-f",         path.c_str(), nullptr};
  pid_t child = -1;
  const int problem = ::posix_spawnp(&child, "ssh-keygen", &actions, nullptr,
                                     const_cast<char *const *>(arguments), environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  char buffer[4096];
  for (ssize_t got = 0; (got = ::read(ends[0], buffer, sizeof buffer)) != 0;) {
    if (got < 0 && errno != EINTR) break;
    if (got > 0) output.append(buffer, static_cast<std::size_t>(got));
  }
  ::close(ends[0]);
  int status = 0;
  if (problem == 0)
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  return problem == 0;
}

// "# Host NAME found: line N [MARKER]", then "NAME TYPE FINGERPRINT [COMMENT]".
Answer read_answer(const std::string &text) {
  constexpr std::string_view found = " found: line ";
  Answer answer;
  std::istringstream lines(text);
  std::string marker;
  std::size_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    const std::size_t at = line.starts_with("# Host ") ? line.rfind(found) : std::string::npos;
    std::istringstream words(at == std::string::npos ? line : line.substr(at + found.size()));
    if (at != std::string::npos) {
      marker.clear();
      words >> number >> marker;
      continue;
    }
    std::string host;
    std::string type;
    std::string hash;
    words >> host >> type >> hash;
    answer[number] = (marker.empty() ? "" : marker.substr(0, 1) + " ") + type + ' ' + hash;
  }
  return answer;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size) {
  static const File file;
  fuzz::Input input(data, size);
  const std::string &name = asked_names()[input.below(asked_names().size())];
  const std::string text = without_unusual_lines(written_out(input.take_rest()));

  const std::string answer = format_answer(ours(text, name));
  // The same lines, read in two steps.
  const std::size_t half = text.find('\n', text.size() / 2);
  if (half != std::string::npos) {
    ssh::KnownKeys whole;
    ssh::KnownKeys in_two;
    ssh::KnownHosts appended("f", text.substr(0, half + 1));
    appended.append(text.substr(half + 1));
    must(appended.find(name, in_two) && ssh::KnownHosts("f", text).find(name, whole), "names hash");
    const auto same = [](const std::vector<ssh::KnownKey> &a, const std::vector<ssh::KnownKey> &b) {
      return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                        [](const ssh::KnownKey &x, const ssh::KnownKey &y) {
                          return x.line == y.line && x.blob == y.blob;
                        });
    };
    must(same(whole.accepted, in_two.accepted) && same(whole.revoked, in_two.revoked) &&
             same(whole.authorities, in_two.authorities),
         "append() reads as if the lines had stood in the file");
  }

  file.set(text);
  std::string theirs;
  if (run_ssh_keygen(name, file.path(), theirs))
    must_equal(answer, format_answer(read_answer(theirs)), "ssh-keygen finds the same lines");
  return 0;
}
