// The private part begins with one random word written twice. That they are equal after decryption is the only sign that
// the passphrase was right, the authenticated cipher aside.
#include "openssh_key.hpp"

#include <algorithm>
#include <array>
#include <memory>

#include <fmt/format.h>
#include <openssl/evp.h>

#include "bcrypt_pbkdf.hpp"
#include "fanout/core/base64.hpp"
#include "fanout/wire/codec.hpp"
#include "quoted.hpp"

namespace fanout::keys {

using core::ErrorKind;
using core::fail;
using core::Result;
using core::Secret;
using wire::Decoder;

namespace {

constexpr std::string_view begin_line = "-----BEGIN OPENSSH PRIVATE KEY-----";
constexpr std::string_view end_line = "-----END OPENSSH PRIVATE KEY-----";
constexpr std::string_view magic{"openssh-key-v1\0", 15};

struct Cipher {
  std::string_view name;
  const EVP_CIPHER *(*method)();
  std::size_t key_bytes;
  std::size_t iv_bytes;
  std::size_t tag_bytes;
};

constexpr std::array<Cipher, 8> ciphers{{
    {"aes256-ctr", EVP_aes_256_ctr, 32, 16, 0},
    {"aes192-ctr", EVP_aes_192_ctr, 24, 16, 0},
    {"aes128-ctr", EVP_aes_128_ctr, 16, 16, 0},
    {"aes256-cbc", EVP_aes_256_cbc, 32, 16, 0},
    {"aes192-cbc", EVP_aes_192_cbc, 24, 16, 0},
    {"aes128-cbc", EVP_aes_128_cbc, 16, 16, 0},
    {"aes256-gcm@openssh.com", EVP_aes_256_gcm, 32, 12, 16},
    {"aes128-gcm@openssh.com", EVP_aes_128_gcm, 16, 12, 16},
}};

const Cipher *find_cipher(std::string_view name) {
  const auto found = std::find_if(ciphers.begin(), ciphers.end(),
                                  [&](const Cipher &cipher) { return cipher.name == name; });
  return found == ciphers.end() ? nullptr : &*found;
}

tl::unexpected<core::Error> malformed() {
  return fail(ErrorKind::usage, "malformed OpenSSH private key");
}

unsigned char *bytes_of(std::string &text) {
  return reinterpret_cast<unsigned char *>(text.data());
}
const unsigned char *bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char *>(text.data());
}

struct FreeContext {
  void operator()(EVP_CIPHER_CTX *context) const { EVP_CIPHER_CTX_free(context); }
};

// False if the tag of an authenticated cipher does not fit.
Result<bool> decrypt(const Cipher &cipher, std::string_view key_and_iv, std::string_view input,
                     std::string &output) {
  const std::unique_ptr<EVP_CIPHER_CTX, FreeContext> context(EVP_CIPHER_CTX_new());
  const unsigned char *key = bytes_of(key_and_iv);
  const std::string_view body = input.substr(0, input.size() - cipher.tag_bytes);
  std::string tag(input.substr(body.size()));
  output.resize(body.size() + EVP_MAX_BLOCK_LENGTH);
  int written = 0;
  int finished = 0;
  if (!context ||
      EVP_DecryptInit_ex(context.get(), cipher.method(), nullptr, key, key + cipher.key_bytes) !=
          1 ||
      EVP_CIPHER_CTX_set_padding(context.get(), 0) != 1 ||
      EVP_DecryptUpdate(context.get(), bytes_of(output), &written, bytes_of(body),
                        static_cast<int>(body.size())) != 1)
    return fail(ErrorKind::internal, fmt::format("{} is not available", cipher.name));
  if (cipher.tag_bytes > 0 && EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG,
                                                  static_cast<int>(tag.size()), tag.data()) != 1)
    return fail(ErrorKind::internal, fmt::format("{} is not available", cipher.name));
  if (EVP_DecryptFinal_ex(context.get(), bytes_of(output) + written, &finished) != 1) return false;
  output.resize(static_cast<std::size_t>(written) + static_cast<std::size_t>(finished));
  return true;
}

// Where the padding 1, 2, 3, ... begins is known only from its being complete.
bool is_padding(std::string_view bytes) {
  for (std::size_t i = 0; i < bytes.size(); ++i)
    if (static_cast<unsigned char>(bytes[i]) != i + 1) return false;
  return bytes.size() < 32;
}

// The number of strings that follow the type.
std::size_t field_count(std::string_view type) {
  if (type == "ssh-ed25519") return 2;
  if (type.starts_with("ecdsa-")) return 3;
  if (type == "ssh-rsa") return 6;
  return 0;
}

Result<Secret> strip(std::string_view part, bool encrypted) {
  Decoder fields(part);
  const std::uint32_t check = fields.uint32();
  if (check != fields.uint32() || !fields.ok()) {
    if (!encrypted) return malformed();
    return fail(ErrorKind::auth, "wrong passphrase");
  }
  const std::string_view content = fields.rest();
  const std::string_view type = fields.string();
  const std::size_t count = field_count(type);
  if (!fields.ok() || count == 0)
    return fail(ErrorKind::usage,
                fmt::format("private keys of type {} are not supported", quoted(type)));
  for (std::size_t i = 0; i < count; ++i) fields.string();
  const std::size_t content_bytes = content.size() - fields.rest().size();
  fields.string();  // the comment
  if (!fields.ok() || !is_padding(fields.rest())) return malformed();
  return Secret(std::string(content.substr(0, content_bytes)));
}

}  // namespace

bool is_openssh_key_file(std::string_view text) {
  return text.find(begin_line) != std::string_view::npos;
}

Result<OpensshKeyFile> parse_openssh_key_file(std::string_view text) {
  const std::size_t begin = text.find(begin_line);
  if (begin == std::string_view::npos) return malformed();
  text.remove_prefix(begin + begin_line.size());
  const std::size_t end = text.find(end_line);
  if (end == std::string_view::npos) return malformed();
  std::string base64(text.substr(0, end));
  std::erase_if(base64, [](char c) { return c == '\n' || c == '\r' || c == ' ' || c == '\t'; });
  std::optional<std::string> decoded = core::decode_base64(base64);
  core::wipe(base64);
  if (!decoded) return malformed();
  const Secret container(*std::move(decoded));

  Decoder fields(container.reveal());
  if (fields.raw(magic.size()) != magic) return malformed();
  OpensshKeyFile file;
  file.cipher = fields.string();
  const std::string_view kdf = fields.string();
  Decoder kdf_options(fields.string());
  const std::uint32_t key_count = fields.uint32();
  file.public_blob = fields.string();
  const std::string_view private_part = fields.string();
  if (!fields.ok() || key_count != 1) return malformed();

  if (!file.encrypted()) {
    if (kdf != "none" || !kdf_options.finished() || !fields.finished()) return malformed();
    file.private_part = Secret(std::string(private_part));
    return file;
  }
  const Cipher *cipher = find_cipher(file.cipher);
  if (cipher == nullptr)
    return fail(ErrorKind::usage,
                fmt::format("encrypted with {}, which is not supported", quoted(file.cipher)));
  if (kdf != "bcrypt")
    return fail(ErrorKind::usage, fmt::format("key derivation {} is not supported", quoted(kdf)));
  file.salt = kdf_options.string();
  file.rounds = kdf_options.uint32();
  // The tag stands behind the string, outside its length.
  const std::string_view tag = fields.raw(cipher->tag_bytes);
  if (!kdf_options.finished() || !fields.finished() || private_part.empty() ||
      private_part.size() % 16 != 0)
    return malformed();
  std::string with_tag(private_part);
  with_tag += tag;
  file.private_part = Secret(std::move(with_tag));
  return file;
}

Result<Secret> decrypt_openssh_key(const OpensshKeyFile &file, std::string_view passphrase) {
  if (!file.encrypted()) return strip(file.private_part.reveal(), false);
  const Cipher *cipher = find_cipher(file.cipher);
  if (cipher == nullptr) return malformed();
  if (passphrase.empty()) return fail(ErrorKind::auth, "wrong passphrase");
  TRY_ASSIGN(const Secret key_and_iv, bcrypt_pbkdf(passphrase, file.salt, file.rounds,
                                                   cipher->key_bytes + cipher->iv_bytes));
  std::string output;
  const Result<bool> authentic =
      decrypt(*cipher, key_and_iv.reveal(), file.private_part.reveal(), output);
  const Secret plain(std::move(output));
  if (!authentic) return fail(authentic.error());
  if (!*authentic) return fail(ErrorKind::auth, "wrong passphrase");
  return strip(plain.reveal(), true);
}

}  // namespace fanout::keys
