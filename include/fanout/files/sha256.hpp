// SHA-256 (FIPS 180-4), by OpenSSL.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace fanout::files {

class Sha256 {
public:
  Sha256();
  ~Sha256();
  Sha256(Sha256 &&) noexcept;
  Sha256 &operator=(Sha256 &&) noexcept;

  void add(std::string_view bytes);
  void add_zeros(std::uint64_t count);
  // 32 raw bytes; ends the computation. Empty when libcrypto failed at any step, which equals no digest.
  std::string finish();

private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string hexadecimal(std::string_view bytes);  // lower case

}  // namespace fanout::files
