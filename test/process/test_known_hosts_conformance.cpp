// The same question to our reader and to `ssh-keygen -l -F NAME -f FILE`: which lines name this host, with which
// marker, and which key do they hold. First lines that somebody thought of, then a few thousand that a seeded generator
// made.
#include <stdlib.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <random>
#include <sstream>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include "../unit/ssh/sample_keys.hpp"
#include "fanout/ssh/fingerprint.hpp"
#include "fanout/ssh/known_hosts.hpp"

namespace fanout::ssh {

namespace {

// A file in the folder for temporary files, gone with its object.
class TextFile {
public:
  explicit TextFile(const std::string &text) {
    path_ = (std::filesystem::temp_directory_path() / "fanout-known-hosts-XXXXXX").string();
    const int file = ::mkstemp(path_.data());
    REQUIRE(file >= 0);
    ::close(file);
    std::ofstream(path_, std::ios::binary) << text;
  }
  ~TextFile() { std::filesystem::remove(path_); }
  [[nodiscard]] const std::string &path() const { return path_; }

private:
  std::string path_;
};

bool have_ssh_keygen() { return std::system("command -v ssh-keygen >/dev/null") == 0; }

// Line number to "", "R " or "C " and what the key is.
using Answer = std::map<std::size_t, std::string>;

Answer answer_of_openssh(const std::string &path, const std::string &name) {
  const std::string command = fmt::format("ssh-keygen -l -F '{}' -f '{}' 2>/dev/null", name, path);
  const std::unique_ptr<FILE, int (*)(FILE *)> output(::popen(command.c_str(), "r"), ::pclose);
  REQUIRE(output);
  std::string text;
  char buffer[4096];
  for (std::size_t got = 0; (got = std::fread(buffer, 1, sizeof buffer, output.get())) > 0;)
    text.append(buffer, got);
  Answer answer;
  std::istringstream lines(text);
  std::string marker;
  std::size_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# Host ")) {
      std::istringstream words(line.substr(line.rfind(" found: line ") + 13));
      marker.clear();
      words >> number >> marker;
    } else {
      // NAME TYPE FINGERPRINT [COMMENT]
      std::istringstream words(line);
      std::string host;
      std::string type;
      std::string hash;
      words >> host >> type >> hash;
      answer[number] = (marker.empty() ? "" : marker.substr(0, 1) + " ") + type + ' ' + hash;
    }
  }
  return answer;
}

Answer answer_of_ours(const std::string &text, const std::string &name) {
  KnownKeys keys;
  REQUIRE(KnownHosts("f", text).find(name, keys));
  Answer answer;
  for (const KnownKey &key : keys.accepted) answer[key.line] = describe_key(key.blob).value();
  for (const KnownKey &key : keys.revoked) answer[key.line] = "R " + describe_key(key.blob).value();
  for (const KnownKey &key : keys.authorities)
    answer[key.line] = "C " + describe_key(key.blob).value();
  return answer;
}

std::string key_text(std::size_t seed) {
  return "ssh-ed25519 " + core::encode_base64(sample::ed25519(seed));
}

std::string hashed(const std::string &name) {
  return format_hashed_name(name, {3, 1, 4, 1, 5, 9, 2, 6}).value();
}

const std::vector<std::string> queries{"a",       "ab",         "web01",        "web01.example.com",
                                       "1.2.3.4", "::1",        "[a]:22",       "[a]:2201",
                                       "[ab]:1",  "[::1]:2201", "[web01]:2201", "-"};

class Generator {
public:
  explicit Generator(unsigned seed) : random_(seed) {}

  std::string file() {
    std::string text;
    for (std::size_t lines = 1 + below(12); lines > 0; --lines) {
      text += line();
      if (lines > 1 || below(4) != 0) text += pick({"\n", "\n", "\n", "\r\n"});
    }
    return text;
  }

private:
  std::size_t below(std::size_t limit) { return random_() % limit; }
  std::string pick(const std::vector<std::string> &from) { return from[below(from.size())]; }

  std::string name() {
    if (below(3) == 0) return pick(queries);
    return pick({"*",     "?",        "a*",
                 "*b",    "a?",       "*.example.com",
                 "web??", "web0?*",   "1.2.*.4",
                 "*::*",  "[*]:2201", "[a]:*",
                 "A",     "WEB01",    "Web01.EXAMPLE.com",
                 "",      "!",        "b",
                 "[a]",   "a:2201",   "**",
                 "w*b*1"});
  }
  std::string names() {
    if (below(4) == 0) return mutated(hashed(pick(queries)), 5);
    std::string list;
    for (std::size_t count = 1 + below(4); count > 0; --count) {
      if (below(5) == 0) list += '!';
      list += name();
      if (count > 1) list += ',';
    }
    return list;
  }
  std::string key() {
    switch (below(10)) {
      case 0: return "ssh-rsa " + std::string(sample::rsa2048_text);
      case 1: return "ecdsa-sha2-nistp256 " + std::string(sample::ecdsa256_text);
      case 2: return "ssh-rsa " + key_text(1).substr(12);
      case 3: return "ssh-ed25519";
      case 4: return "1024 35 123456789";
      default: return mutated(key_text(below(5)), 6);
    }
  }
  std::string blanks() { return pick({" ", " ", " ", "  ", "\t", " \t "}); }
  std::string line() {
    switch (below(14)) {
      case 0:
        return pick(
            {"", " ", "\t", "#", "# comment", "  # a " + key_text(1), "garbage", "@", "@revoked"});
      default: break;
    }
    const std::string lead = below(8) == 0 ? blanks() : "";
    // Only spaces after a marker: with a tab OpenSSH skips the line, and we honour it.
    const std::string marker = below(4) == 0 ? pick({"@revoked ", "@cert-authority ", "@revoked  ",
                                                     "@other ", "@revoked @cert-authority "})
                                             : "";
    const std::string comment =
        below(3) == 0 ? blanks() + pick({"comment", "# two words", std::string("x\0y", 3)}) : "";
    return lead + marker + names() + (below(40) == 0 ? "" : blanks()) + key() + comment;
  }
  // One time in `odds` with one character replaced.
  std::string mutated(std::string text, std::size_t odds) {
    if (below(odds) == 0)
      text[below(text.size())] = pick({"x", "=", "|", "#", "@", ",", " ", "+"})[0];
    return text;
  }

  std::mt19937 random_;
};

std::string written(const Answer &answer) {
  std::string text;
  for (const auto &[line, key] : answer) text += fmt::format("{}: {}\n", line, key);
  return text;
}

void compare(const std::string &text) {
  const TextFile file(text);
  for (const std::string &query : queries) {
    INFO("asked for " << query << " in:\n" << text);
    CHECK(written(answer_of_ours(text, query)) == written(answer_of_openssh(file.path(), query)));
  }
}

}  // namespace

TEST_CASE("known_hosts conformance: lines that somebody thought of", "[ssh]") {
  if (!have_ssh_keygen()) SKIP("there is no ssh-keygen");
  const std::string key = ' ' + key_text(1);
  const std::string nul(1, '\0');
  std::string text = "# comment a" + key + "\n\n";
  for (const std::string names : {"a",
                                  "A",
                                  "a,b",
                                  "b,a",
                                  "a,a",
                                  "*",
                                  "?",
                                  "??",
                                  "a*",
                                  "!a",
                                  "*,!a",
                                  "!a,*",
                                  "!*,a",
                                  "!!a",
                                  "a,",
                                  ",a",
                                  ",,",
                                  "!",
                                  "[a]:22",
                                  "[a]:2201",
                                  "[*]:2201",
                                  "[A]:2201",
                                  "a:2201",
                                  "[a]",
                                  "web0[1]",
                                  "*.example.com",
                                  "WEB01.example.com",
                                  "1.2.3.*",
                                  "::1",
                                  "[::1]:2201",
                                  "-",
                                  "-*"})
    text += names + key + "\n";
  for (const std::string &query : queries) text += hashed(query) + key + "\n";
  text += hashed("a") + ",a" + key + "\n" + hashed("a") + "x" + key + "\n" + '!' + hashed("a") +
          key + "\n";
  text += "|1|" + key + "\n|1|AAAA|AAAA" + key + "\n|2|" + hashed("a").substr(3) + key + "\n|" +
          key + "\n";
  text += std::string(1022, 'a') + ",a" + key + "\n" + std::string(1023, 'a') + ",a" + key +
          "\na," + std::string(5000, 'a') + key + "\n";
  text += "@revoked a" + key + "\n@cert-authority a" + key + "\n@revoked   *" + key +
          "\n@REVOKED a" + key + "\n@what a" + key + "\n@revoked @revoked a" + key +
          "\n@revoked\n@\n  @revoked a" + key + "\n";
  text += "a" + key + "\r\na" + key + " comment\r\n\r\n\ta\t" + key_text(2) + "\t# comment\n";
  text +=
      "a\na \na ssh-ed25519\na ssh-ed25519 \na ssh-ed25519 AAAA\na ssh-ed25519 ====\na ssh-rsa" +
      key.substr(12) + "\na # b\n";
  text += "a" + key + nul + "\na" + key + " x" + nul + "y\n" + nul + "a" + key + "\n";
  text += "a ssh-rsa " + std::string(sample::rsa2048_text) + "\na ecdsa-sha2-nistp256 " +
          std::string(sample::ecdsa256_text) + "\na ecdsa-sha2-nistp384 " +
          std::string(sample::ecdsa384_text) + "\na ecdsa-sha2-nistp521 " +
          std::string(sample::ecdsa521_text) + "\na ecdsa-sha2-nistp256 " +
          std::string(sample::ecdsa384_text) + "\n";
  text += "a" + key.substr(0, key.size() - 1) + "\na" + key + "=\na" + key + "AAAA\na" + key + ' ' +
          std::string(70'000, 'c') + "\n";
  text += "a" + key;
  compare(text);
}

TEST_CASE("known_hosts conformance: files that a generator made", "[ssh]") {
  if (!have_ssh_keygen()) SKIP("there is no ssh-keygen");
  for (unsigned seed = 1; seed <= 120; ++seed) {
    INFO("seed " << seed);
    compare(Generator(seed).file());
  }
}

TEST_CASE("known_hosts conformance: ssh-keygen finds what we write, and we find what it hashed",
          "[ssh]") {
  if (!have_ssh_keygen()) SKIP("there is no ssh-keygen");
  const std::string plain = format_known_hosts_line("[web01]:2201", sample::ed25519(1)) + "\n" +
                            format_known_hosts_line(hashed("a"), sample::ed25519(2)) + "\n";
  const TextFile file(plain);
  CHECK(answer_of_openssh(file.path(), "[web01]:2201") ==
        Answer{{1, describe_key(sample::ed25519(1)).value()}});
  CHECK(answer_of_openssh(file.path(), "a") ==
        Answer{{2, describe_key(sample::ed25519(2)).value()}});

  REQUIRE(std::system(
              fmt::format("ssh-keygen -q -H -f '{}' >/dev/null 2>&1", file.path()).c_str()) == 0);
  std::filesystem::remove(file.path() + ".old");
  std::ostringstream text;
  text << std::ifstream(file.path(), std::ios::binary).rdbuf();
  REQUIRE(text.str().find("web01") == std::string::npos);
  CHECK(answer_of_ours(text.str(), "[web01]:2201") ==
        Answer{{1, describe_key(sample::ed25519(1)).value()}});
}

TEST_CASE("known_hosts conformance: where we differ we are the stricter ones", "[ssh]") {
  if (!have_ssh_keygen()) SKIP("there is no ssh-keygen");
  // Theirs may become as strict as ours one day.
  const auto differ = [](const std::string &text, const Answer &ours) {
    CHECK(answer_of_ours(text, "a") == ours);
    const Answer theirs = answer_of_openssh(TextFile(text).path(), "a");
    CHECK((theirs.empty() || theirs == ours));
  };
  // A tab ends a marker even if a space follows later.
  differ("@revoked\ta " + key_text(1) + "\n",
         {{1, "R " + describe_key(sample::ed25519(1)).value()}});
  // A key of a type that nobody knows makes the host a known one.
  const std::string blob = sample::field("new@example.com") + "x";
  differ("a new@example.com " + core::encode_base64(blob) + "\n",
         {{1, describe_key(blob).value()}});
}

}  // namespace fanout::ssh
