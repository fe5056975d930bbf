// The algorithm is fetched once in a process: looking it up again for every file costs more than hashing a small one.

#include "fanout/files/sha256.hpp"

#include <algorithm>
#include <array>

#include <openssl/evp.h>

namespace fanout::files {

namespace {

const EVP_MD *algorithm() {
  static EVP_MD *const fetched = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return fetched;
}

}  // namespace

struct Sha256::State {
  State() : context(EVP_MD_CTX_new()) {
    ok = context != nullptr && algorithm() != nullptr &&
         EVP_DigestInit_ex(context, algorithm(), nullptr) == 1;
  }
  State(const State &) = delete;
  State &operator=(const State &) = delete;
  ~State() { EVP_MD_CTX_free(context); }

  EVP_MD_CTX *context = nullptr;
  bool ok = false;  // of all steps so far
};

Sha256::Sha256() : state_(std::make_unique<State>()) {}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256 &&) noexcept = default;
Sha256 &Sha256::operator=(Sha256 &&) noexcept = default;

void Sha256::add(std::string_view bytes) {
  if (state_->ok) state_->ok = EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) == 1;
}

void Sha256::add_zeros(std::uint64_t count) {
  static constexpr std::array<char, 16 * 1024> zeros{};
  while (count > 0) {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(count, zeros.size()));
    add({zeros.data(), size});
    count -= size;
  }
}

std::string Sha256::finish() {
  std::string digest(32, '\0');
  unsigned size = 0;
  if (!state_->ok ||
      EVP_DigestFinal_ex(state_->context, reinterpret_cast<unsigned char *>(digest.data()),
                         &size) != 1 ||
      size != digest.size())
    digest.clear();
  state_->ok = false;
  return digest;
}

std::string hexadecimal(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const char byte : bytes) {
    text += digits[static_cast<unsigned char>(byte) >> 4];
    text += digits[static_cast<unsigned char>(byte) & 15];
  }
  return text;
}

}  // namespace fanout::files
