// As PBKDF2 (RFC 8018, section 5.2), with two changes: the pseudorandom function is bcrypt over SHA-512 hashes of
// passphrase and salt, and the bytes of the blocks are interleaved in the output, so that nobody can compute
// only the block he needs.
#include "bcrypt_pbkdf.hpp"

#include <algorithm>
#include <array>
#include <string>

#include <fmt/format.h>
#include <openssl/evp.h>

#include "blowfish.hpp"

namespace fanout::keys {

using core::ErrorKind;
using core::fail;
using core::Result;
using core::Secret;

namespace {

constexpr std::size_t block_bytes = 32;
constexpr std::size_t max_size = block_bytes * block_bytes;

Result<Secret> sha512(std::string_view bytes) {
  std::string hash(64, '\0');
  if (EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char *>(hash.data()),
                 nullptr, EVP_sha512(), nullptr) != 1)
    return fail(ErrorKind::internal, "SHA-512 is not available");
  return Secret(std::move(hash));
}

// bcrypt with 2^6 rounds of the schedule and a text of eight words instead of six.
std::string bcrypt_hash(std::string_view passphrase_hash, std::string_view salt_hash) {
  constexpr std::string_view text = "OxychromaticBlowfishSwatDynamite";
  static_assert(text.size() == block_bytes);
  Blowfish state;
  state.expand(passphrase_hash, salt_hash);
  for (int i = 0; i < 64; ++i) {
    state.expand(salt_hash);
    state.expand(passphrase_hash);
  }
  std::string hash;
  hash.reserve(block_bytes);
  for (std::size_t at = 0; at < text.size(); at += 8) {
    std::array<std::uint32_t, 2> words{};
    for (std::size_t i = 0; i < 8; ++i)
      words[i / 4] = words[i / 4] << 8 | static_cast<unsigned char>(text[at + i]);
    for (int i = 0; i < 64; ++i) state.encrypt(words[0], words[1]);
    // Out go the words in little-endian order, though in they came in the other.
    for (const std::uint32_t word : words)
      for (unsigned shift = 0; shift < 32; shift += 8)
        hash += static_cast<char>(word >> shift & 0xff);
  }
  return hash;
}

// One block of the output: the hashes of a chain, all XORed.
Result<Secret> derive_block(std::string_view passphrase_hash, std::string_view salt,
                            std::uint32_t number, std::uint32_t rounds) {
  std::string input(salt);
  for (unsigned shift = 32; shift > 0; shift -= 8)
    input += static_cast<char>(number >> (shift - 8) & 0xff);
  std::string sum;
  for (std::uint32_t round = 0; round < rounds; ++round) {
    TRY_ASSIGN(const Secret salt_hash, sha512(input));
    core::wipe(input);
    input = bcrypt_hash(passphrase_hash, salt_hash.reveal());
    if (round == 0)
      sum = input;
    else
      for (std::size_t i = 0; i < sum.size(); ++i) sum[i] = static_cast<char>(sum[i] ^ input[i]);
  }
  core::wipe(input);
  return Secret(std::move(sum));
}

}  // namespace

Result<Secret> bcrypt_pbkdf(std::string_view passphrase, std::string_view salt,
                            std::uint32_t rounds, std::size_t size) {
  if (passphrase.empty()) return fail(ErrorKind::usage, "the passphrase is empty");
  if (salt.empty() || size == 0 || size > max_size)
    return fail(ErrorKind::usage, "malformed key derivation parameters");
  if (rounds == 0 || rounds > max_bcrypt_rounds)
    return fail(ErrorKind::usage, fmt::format("{} rounds of key derivation; 1 to {} are accepted",
                                              rounds, max_bcrypt_rounds));
  TRY_ASSIGN(const Secret passphrase_hash, sha512(passphrase));
  const std::size_t blocks = (size + block_bytes - 1) / block_bytes;
  const std::size_t taken_of_each = (size + blocks - 1) / blocks;
  std::string key(size, '\0');
  for (std::size_t block = 0; block < blocks; ++block) {
    TRY_ASSIGN(const Secret bytes, derive_block(passphrase_hash.reveal(), salt,
                                                static_cast<std::uint32_t>(block + 1), rounds));
    for (std::size_t i = 0; i < taken_of_each && i * blocks + block < size; ++i)
      key[i * blocks + block] = bytes.reveal()[i];
  }
  return Secret(std::move(key));
}

}  // namespace fanout::keys
