// Blowfish with the expensive key schedule of bcrypt. Nothing else in the program uses it: OpenSSL's Blowfish has neither
// the salted schedule nor a way to carry a state on.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace fanout::keys {

class Blowfish {
public:
  // The initial state: subkeys and S-boxes are the fraction of pi, 32 bits at a time.
  Blowfish();
  ~Blowfish();

  // Mixes `key` (repeated as needed, not empty) into the subkeys, then replaces the whole state by what it encrypts
  // block after block. With a salt each block is first mixed with the salt's next 64 bits; without, with nothing.
  void expand(std::string_view key, std::string_view salt);
  void expand(std::string_view key) { expand(key, {}); }

  void encrypt(std::uint32_t &left, std::uint32_t &right) const;

  static constexpr std::size_t subkey_count = 18;
  [[nodiscard]] const std::array<std::uint32_t, subkey_count> &subkeys() const { return subkeys_; }
  [[nodiscard]] const std::array<std::array<std::uint32_t, 256>, 4> &boxes() const {
    return boxes_;
  }

private:
  std::array<std::uint32_t, subkey_count> subkeys_;
  std::array<std::array<std::uint32_t, 256>, 4> boxes_;
};

}  // namespace fanout::keys
