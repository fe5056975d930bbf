// Public keys for tests: some that ssh-keygen made, and as many different ones of Ed25519 as a test wants.
#pragma once

#include <string>
#include <string_view>

#include "fanout/core/base64.hpp"

namespace fanout::ssh::sample {

inline std::string field(std::string_view value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8)
    bytes += static_cast<char>(value.size() >> shift & 0xff);
  return bytes.append(value);
}

// Any 32 bytes are an Ed25519 public key as far as its form goes.
inline std::string ed25519(std::size_t seed) {
  std::string bytes(32, '\x42');
  for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<char>(seed >> 8 * i & 0xff);
  return field("ssh-ed25519") + field(bytes);
}

inline std::string decoded(std::string_view base64) { return core::decode_base64(base64).value(); }

inline constexpr std::string_view ed25519_text =
    "AAAAC3NzaC1lZDI1NTE5AAAAIDQxUaEG6mKj+BOnMrwxzfpBe+2aoWO/qn7eZe/idTVY";
inline constexpr std::string_view ed25519_fingerprint =
    "SHA256:Mngc8tTctBO2WJYVmAE9rkol3p4Y1QBc18YEWcC7ILQ";
inline constexpr std::string_view ecdsa256_text =
    "AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBLrEtsmrtKv33CazGXvsEftpzsJ0i2Oxy1c7AMTKYD"
    "vRjffOdixf"
    "no1KUbK5qtk9OPzkC3RmaxBiihANjNZ8AgY=";
inline constexpr std::string_view ecdsa256_fingerprint =
    "SHA256:peVmECf1a/386/rGWP6EWYf1DX+Y2q0UoVIeaLX1uRg";
inline constexpr std::string_view ecdsa384_text =
    "AAAAE2VjZHNhLXNoYTItbmlzdHAzODQAAAAIbmlzdHAzODQAAABhBDzLZB9uosEu7ilKI6+5mnf4PA3xA/"
    "BiBx2TcPOZzTjnt2wa0ksI"
    "lBfie+czRs5TABkraTqDJwijg8uQ1drwfVp6NgGLsN6elIf4tQUbIiyDm6xY8PfG6EM6sHVNO2mkGg==";
inline constexpr std::string_view ecdsa384_fingerprint =
    "SHA256:WpXWBxYggW66XrOU1408WQ45SMZZex6m848J1gzD6xw";
inline constexpr std::string_view ecdsa521_text =
    "AAAAE2VjZHNhLXNoYTItbmlzdHA1MjEAAAAIbmlzdHA1MjEAAACFBABpabfKDRnZuNd4cG/"
    "ODe7FHXdc+U5SuvTnFuoygzrK5ZO/31wQ"
    "yiedn3zAdNn5aMuk1mJArD8Z98jnL+CWZUTkiQHdZcfBWdYYqPinfEwTjtWLDvPI3U9nzRkwN9Fp/"
    "y52WBn+sFp1ragETh6cDvN41BDR"
    "0mE2kwxG5aW2tymbQFCY8Q==";
inline constexpr std::string_view ecdsa521_fingerprint =
    "SHA256:UpSTBibTDH0bDyGgK6h1YU24gyGJmyXmqxHwvxe2bQ8";
inline constexpr std::string_view rsa2048_text =
    "AAAAB3NzaC1yc2EAAAADAQABAAABAQCzP7rf/nxH5ho+UtG2OOiz3oglPTFbgwoo/kGVLsbprSLiYaVJzI/"
    "G9H5ItrasIdnuAGUpDOt8"
    "7eeiWborYAnGelBLCsHQrPFsMwnvt/LfY5gzBt7/pTJvsma71pN3tdDq16h+Z/NJgjdtfibQ/"
    "lcFDhx016Png6UhHYC6g+Pr6QuSZC44"
    "c7xxUXkXLqHFIWFnkiuNbVVCOzyWDlhqaI7pX6HkoaRnu9tqZKreHpV1HLyMU5VlNAtEDLFdjxXF4QJ+"
    "o20wczhDuFWXHKSa+ob8omy/"
    "edPBFWl2xjSwigIKMqkjxOixk6C06fOAq1dXnC2zPKpqYCjnFRZNqxsqNRxL";
inline constexpr std::string_view rsa2048_fingerprint =
    "SHA256:2EZEOwEVdUYyW6nZ6t6P0PO6uu8CDuQzOA/Q2LlXdfc";

}  // namespace fanout::ssh::sample
