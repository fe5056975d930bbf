#include <sys/stat.h>

#include <filesystem>

#include <catch2/catch_test_macros.hpp>

#include "fixtures.hpp"
#include "keys/identities.hpp"
#include "keys/key_files.hpp"
#include "verify.hpp"

using namespace fanout::keys;
using fanout::core::ErrorKind;
using fanout::core::fail;
using fanout::core::Result;
using fanout::core::Secret;

namespace {

// A folder with private copies of fixtures: what is checked out is readable by others.
class Folder {
public:
  Folder() {
    std::string name = std::filesystem::temp_directory_path() / "fanout-keys-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
    path_ = name;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string add(const std::string &name, mode_t mode = 0600) {
    return write(name, fixture(name), mode);
  }
  std::string write(const std::string &name, const std::string &text, mode_t mode = 0600) {
    std::ofstream(path(name)) << text;
    ::chmod(path(name).c_str(), mode);
    return path(name);
  }
  [[nodiscard]] std::string path(const std::string &name) const { return path_ / name; }

private:
  std::filesystem::path path_;
};

// Answers in order; then there is no terminal any more.
struct Answers {
  std::vector<std::string> answers;
  std::vector<std::string> questions;
  AskPassphrase ask() {
    return [this](const std::string &question) -> Result<Secret> {
      questions.push_back(question);
      if (questions.size() > answers.size())
        return fail(ErrorKind::usage, "there is no terminal to ask on");
      return Secret(answers[questions.size() - 1]);
    };
  }
};

std::string failure(Identities &identities, const std::string &path) {
  const auto added = identities.add(path, true);
  if (added) return "no failure";
  CHECK(added.error().kind == ErrorKind::usage);
  return added.error().message;
}

std::vector<std::string> types(const std::vector<Offer> &offers) {
  std::vector<std::string> result;
  for (const Offer &offer : offers) result.push_back(offer.key.type);
  return result;
}

}  // namespace

TEST_CASE("identities: a key file is offered and signs", "[keys]") {
  Folder folder;
  Answers nobody;
  Identities identities(nullptr, nobody.ask());
  const auto id = identities.add(folder.add("ed25519"), true);
  REQUIRE(id);
  const auto offers = identities.offers({*id});
  REQUIRE(offers.size() == 1);
  const auto signature = identities.private_key(offers[0])->sign("ssh-ed25519", "data");
  REQUIRE(signature);
  CHECK(verifies(offers[0].key.blob, "ssh-ed25519", "data", *signature));
  CHECK(nobody.questions.empty());
}

TEST_CASE("identities: a certificate beside the key is offered before the key", "[keys]") {
  Folder folder;
  Answers nobody;
  Identities identities(nullptr, nobody.ask());
  folder.add("ed25519-cert.pub", 0644);
  const auto id = identities.add(folder.add("ed25519"), true);
  REQUIRE(id);
  const auto offers = identities.offers({*id});
  CHECK(types(offers) ==
        std::vector<std::string>{"ssh-ed25519-cert-v01@openssh.com", "ssh-ed25519"});
  REQUIRE(offers.size() == 2);
  const auto signature = identities.private_key(offers[0])->sign("ssh-ed25519", "data");
  REQUIRE(signature);
  CHECK(verifies(offers[1].key.blob, "ssh-ed25519", "data", *signature));
}

TEST_CASE("identities: a certificate that cannot be used is not offered, and a note says why",
          "[keys]") {
  const std::pair<std::string, std::string> useless[] = {
      {fixture("rsa2048-cert.pub"), "it is about another key"},
      {fixture("host-cert.pub"), "a certificate for hosts, not for users"},
      {fixture("ed25519.pub"), "it is a plain public key"},
      {"sk-ssh-ed25519-cert-v01@openssh.com AAAAI3NrLXNzaC1lZDI1NTE5LWNlcnQtdjAxQG9wZW5zc2guY29t",
       "keys of type 'sk-ssh-ed25519-cert-v01@openssh.com' are not supported"},
  };
  for (const auto &[text, why] : useless) {
    Folder folder;
    Answers nobody;
    Identities identities(nullptr, nobody.ask());
    const std::string certificate = folder.write("ed25519-cert.pub", text, 0644);
    const auto id = identities.add(folder.add("ed25519"), true);
    REQUIRE(id);
    CHECK(types(identities.offers({*id})) == std::vector<std::string>{"ssh-ed25519"});
    CHECK(identities.files()[*id].note == "certificate '" + certificate + "' is not used: " + why);
  }
}

TEST_CASE("identities: at most five keys are offered, in the order given, each once", "[keys]") {
  Folder folder;
  Answers nobody;
  Identities identities(nullptr, nobody.ask());
  std::vector<std::uint32_t> ids;
  for (const char *name :
       {"rsa2048", "ed25519", "ecdsa521", "pem-rsa2048", "ecdsa384", "ecdsa256", "rsa1024"}) {
    const auto id = identities.add(folder.add(name), true);
    REQUIRE(id);
    ids.push_back(*id);
  }
  CHECK(types(identities.offers(ids)) ==
        std::vector<std::string>{"ssh-rsa", "ssh-ed25519", "ecdsa-sha2-nistp521",
                                 "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp256"});
}

TEST_CASE("identities: hosts without a key of their own get the default ones, others do not",
          "[keys]") {
  Folder folder;
  Answers nobody;
  Identities identities(nullptr, nobody.ask());
  const auto configured = identities.add(folder.add("ecdsa256"), true);
  REQUIRE(configured);
  REQUIRE(identities.add(folder.add("ed25519"), false));
  REQUIRE(identities.finish());
  CHECK(types(identities.offers({})) == std::vector<std::string>{"ssh-ed25519"});
  CHECK(types(identities.offers({*configured})) == std::vector<std::string>{"ecdsa-sha2-nistp256"});
}

TEST_CASE(
    "identities: an encrypted key that the user named is asked for once, even if it is named twice",
    "[keys]") {
  Folder folder;
  Answers user{{fixture_passphrase}, {}};
  Identities identities(nullptr, user.ask());
  const std::string path = folder.add("encrypted-aes256-ctr");
  REQUIRE(identities.add(path, true));
  CHECK(identities.add(path, true) == 0U);
  CHECK(user.questions == std::vector<std::string>{"Enter passphrase for key '" + path + "': "});
  CHECK(types(identities.offers({0})) == std::vector<std::string>{"ssh-ed25519"});
}

TEST_CASE("identities: three wrong passphrases are enough", "[keys]") {
  Folder folder;
  Answers user{{"a", "b", "c", fixture_passphrase}, {}};
  Identities identities(nullptr, user.ask());
  const std::string path = folder.add("encrypted-aes256-ctr");
  CHECK(failure(identities, path) == "key '" + path + "': wrong passphrase, 3 times");
  REQUIRE(user.questions.size() == 3);
  CHECK(user.questions[1] == "Wrong passphrase. Enter passphrase for key '" + path + "': ");
}

TEST_CASE("identities: the third try may be the right one", "[keys]") {
  Folder folder;
  Answers user{{"a", "b", fixture_passphrase}, {}};
  Identities identities(nullptr, user.ask());
  CHECK(identities.add(folder.add("pem-encrypted-rsa"), true));
}

TEST_CASE(
    "identities: without a terminal an encrypted key that the user named is an error with its name",
    "[keys]") {
  Folder folder;
  Answers nobody;
  Identities identities(nullptr, nobody.ask());
  const std::string path = folder.add("encrypted-aes256-ctr");
  CHECK(failure(identities, path) == "key '" + path + "': there is no terminal to ask on");
}

TEST_CASE("identities: an encrypted default key is not asked for while another key can be used",
          "[keys]") {
  Folder folder;
  Answers user{{fixture_passphrase}, {}};
  Identities identities(nullptr, user.ask());
  REQUIRE(identities.add(folder.add("encrypted-aes256-ctr"), false));
  REQUIRE(identities.add(folder.add("ecdsa256"), false));
  REQUIRE(identities.finish());
  CHECK(user.questions.empty());
  CHECK(identities.files()[0].note ==
        "key '" + folder.path("encrypted-aes256-ctr") + "': encrypted, and not needed");
  CHECK(types(identities.offers({})) == std::vector<std::string>{"ecdsa-sha2-nistp256"});
}

TEST_CASE("identities: an encrypted default key is asked for when there is no other", "[keys]") {
  Folder folder;
  Answers user{{fixture_passphrase}, {}};
  Identities identities(nullptr, user.ask());
  REQUIRE(identities.add(folder.add("encrypted-aes256-ctr"), false));
  REQUIRE(identities.add(folder.add("pkcs8-encrypted-rsa"), false));
  REQUIRE(identities.finish());
  CHECK(user.questions.size() == 1);
  CHECK(types(identities.offers({})) == std::vector<std::string>{"ssh-ed25519"});
}

TEST_CASE("identities: an encrypted default key is left out with a note if nobody answers",
          "[keys]") {
  Folder folder;
  Answers nobody;
  Identities identities(nullptr, nobody.ask());
  REQUIRE(identities.add(folder.add("encrypted-aes256-ctr"), false));
  REQUIRE(identities.finish());
  CHECK(identities.files()[0].note.ends_with("encrypted: there is no terminal to ask on"));
  CHECK(identities.offers({}).empty());
}

TEST_CASE("identities: a default file that does not exist is not worth a note, a faulty one is",
          "[keys]") {
  Folder folder;
  Answers nobody;
  Identities identities(nullptr, nobody.ask());
  REQUIRE(identities.add(folder.path("missing"), false));
  REQUIRE(identities.add(folder.add("ed25519", 0644), false));
  CHECK(identities.files()[0].note.empty());
  CHECK(identities.files()[1].note ==
        "key '" + folder.path("ed25519") + "': mode 0644 lets others use it; make it 0600");
  CHECK(identities.offers({}).empty());
}

TEST_CASE(
    "identities: a file that the user named and that is missing, open to others or no key is an "
    "error",
    "[keys]") {
  Folder folder;
  Answers nobody;
  Identities identities(nullptr, nobody.ask());
  const auto message = [&](const std::string &name) { return "key '" + folder.path(name) + "': "; };
  CHECK(failure(identities, folder.path("missing")) ==
        message("missing") + "open: No such file or directory");
  for (const mode_t mode : {0640U, 0604U, 0620U, 0601U})
    CHECK(
        failure(identities, folder.add("ed25519", mode)).find("lets others use it; make it 0600") !=
        std::string::npos);
  CHECK(failure(identities, folder.write("text", "hello\n")) ==
        message("text") + "not a private key in a known format");
  CHECK(failure(identities, folder.write("empty", "")) ==
        message("empty") + "not a private key in a known format");
  CHECK(failure(identities, folder.write("large", std::string(max_key_file_bytes + 1, 'x'))) ==
        message("large") + "larger than 1048576 bytes, so it is not a key");
}

TEST_CASE("identities: a FIFO, a folder and a device are refused without waiting for them",
          "[keys]") {
  Folder folder;
  Answers nobody;
  Identities identities(nullptr, nobody.ask());
  REQUIRE(::mkfifo(folder.path("fifo").c_str(), 0600) == 0);
  std::filesystem::create_directory(folder.path("folder"));
  for (const std::string &path :
       {folder.path("fifo"), folder.path("folder"), std::string("/dev/zero")})
    CHECK(failure(identities, path) == "key '" + path + "': not a regular file");
}

TEST_CASE("identities: a link to a private key is followed, and the file it leads to is judged",
          "[keys]") {
  Folder folder;
  Answers nobody;
  Identities identities(nullptr, nobody.ask());
  std::filesystem::create_symlink(folder.add("ed25519"), folder.path("link"));
  CHECK(failure(identities, folder.path("link")) == "no failure");
  ::chmod(folder.path("ed25519").c_str(), 0644);
  CHECK(failure(identities, folder.path("ed25519")).find("mode 0644") != std::string::npos);
}

TEST_CASE("identities: a public key without an agent that holds the other half is an error",
          "[keys]") {
  Folder folder;
  Answers nobody;
  Identities identities(nullptr, nobody.ask());
  CHECK(failure(identities, folder.add("ed25519.pub", 0644))
            .ends_with("it is a public key, and no agent holds the private one"));
}
